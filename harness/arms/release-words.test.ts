import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { loadArmSpecs } from './arm-spec.ts';
import { parseArmSpec } from './arm-words.ts';

describe('a release', () => {
  test.each([
    ['7.2.0', 'ipykernel==7.2.0'],
    ['v7.2.0', 'ipykernel==7.2.0'],
    ['7.4.0rc1', 'ipykernel==7.4.0rc1'],
    ['ipykernel@7.2.0', 'ipykernel==7.2.0'],
    ['ipykernel-7.2.0', 'ipykernel==7.2.0'],
    ['ipykernel 7.2.0', 'ipykernel==7.2.0'],
    ['ipykernel=7.2.0', 'ipykernel==7.2.0'],
    ['ipykernel @ 7.2.0', 'ipykernel==7.2.0'],
    ['IPyKernel:7.2.0', 'ipykernel==7.2.0'],
    ['jupyter_client-8.6.0', 'jupyter-client==8.6.0'],
    ['fix + ipykernel-7.2.0', 'fix + ipykernel==7.2.0'],
    ['fix + 7.2.0', 'fix + ipykernel==7.2.0'],
    ['ipykernel=7.2.0 + py3.12', 'ipykernel==7.2.0 + py3.12'],
    ['ipykernel-7.2.0-py3.13', 'ipykernel==7.2.0 + py3.13'],
  ])('as people write it, %s', (written, source) => {
    expect(parseArmSpec(written)).toEqual({ ...parseArmSpec(source), text: written });
    expect(parseArmSpec(source)).toMatchObject({ label: null, source });
  });

  test('keeps a label, and its own label is the arm again', async () => {
    expect(parseArmSpec('old=ipykernel-7.2.0')).toMatchObject({ label: 'old', source: 'ipykernel==7.2.0' });
    const [arm] = await loadArmSpecs(['7.2.0']);
    expect(arm).toMatchObject({ name: 'ipykernel-7.2.0', source: 'ipykernel==7.2.0' });
    const [again] = await loadArmSpecs([arm?.name ?? '']);
    expect(again).toEqual(arm);
  });

  test.each([
    ['pandas=2.3.3', 'Write pandas=ipykernel==2.3.3. Or, if pandas is the package: pandas==2.3.3.'],
    ['pandas=2.3.3 + py3.12', 'if pandas is the package: pandas==2.3.3.'],
    ['3.13', 'Write py3.13 for a Python, or ipykernel==3.13.'],
  ])('of which the package is not clear is refused: %s', async (written, remedy) => {
    expect((await soakErrorOf(() => parseArmSpec(written))).remedy).toContain(remedy);
  });

  test.each(['my-arm-1.2', 'pandas@2.3.3', 'pandas 2.3.3'])(
    'of another package is offered: %s',
    async (written) => {
      const { code, remedy } = await soakErrorOf(() => loadArmSpecs([written]));
      expect(code).toBe('unknown-arm');
      expect(remedy).toMatch(/^For a release, write (my-arm==1\.2|pandas==2\.3\.3)\. Shipped arms: /);
    },
  );
});

test('beside another arm, a release of another package is offered with what it stands beside', async () => {
  const { remedy } = await soakErrorOf(() => loadArmSpecs(['control + pandas-2.3.3']));
  expect(remedy).toContain("Write --arm 'control + pandas==2.3.3'.");
});

test.each([
  'control',
  './ipykernel-7.2.0',
  '/home/me/7.2.0',
  'inert:fix-1.2.diff',
  'git:../ipykernel@v7.3.0',
  'git:../ipykernel@7.3.0',
  'ipykernel>=7.2.0',
  'ipykernel==7.2.*',
  'py3.13',
  'python-3.13',
  'launch:fork',
])('what is no such release stays as it is: %s', (text) => {
  expect(parseArmSpec(text)).toMatchObject({ label: null, source: text });
});
