import { describe, expect, test } from 'vitest';
import { SoakError } from '../../model/errors.ts';
import {
  armRequirements,
  defaultVersion,
  directRequirements,
  installation,
  lockText,
  requirementLines,
  requirementName,
  requirementsWith,
  versionsBesideLock,
} from './requirements.ts';

describe('the lock', () => {
  const locked = requirementLines(lockText());

  test('pins every package to one version a line, and names no index', () => {
    for (const line of locked) expect(line).toMatch(/^[a-z0-9-]+==[0-9][^ ]*( ; .+)?$/);
    expect(lockText()).not.toMatch(/https?:|--(index-url|extra-index-url|find-links)/);
  });

  test('has hashes of every package', () => {
    const { requirements } = installation(undefined, lockText());
    const lines = requirements.trim().split('\n');
    expect(lines).toHaveLength(locked.length);
    for (const line of lines)
      expect(line).toMatch(/ --hash=sha256:[0-9a-f]{64}( --hash=sha256:[0-9a-f]{64})*$/);
  });

  test('has every direct requirement, at its pin', () => {
    const names = new Set(locked.map(requirementName));
    for (const requirement of directRequirements()) expect(names).toContain(requirementName(requirement));
    expect(locked).toContain('ipykernel==7.3.0');
    expect(locked).toContain('pyzmq==27.1.0');
    expect(defaultVersion('ipykernel')).toBe('7.3.0');
    expect(defaultVersion('tornado')).toBeNull();
  });
});

describe('an installation', () => {
  const lock =
    'six==1.17.0\n    # via x\nnumpy==2.2.6 ; python_full_version < "3.11"\nnumpy==2.5.5 ; python_full_version >= "3.11"\n';

  test('without requirements is the lock itself', () => {
    const { requirements, constraints } = installation(undefined, lock);
    expect(requirementLines(requirements)).toEqual(requirementLines(lock));
    expect(constraints).toBe('');
  });

  test('has the hashes of the lock where it is the lock, and constraints without', () => {
    const hashed = `six==1.17.0 \\\n    --hash=sha256:${'a'.repeat(64)} \\\n    --hash=sha256:${'b'.repeat(64)}\n    # via x\n`;
    expect(installation(undefined, hashed).requirements).toBe(
      `six==1.17.0 --hash=sha256:${'a'.repeat(64)} --hash=sha256:${'b'.repeat(64)}\n`,
    );
    expect(installation(['numpy'], hashed).constraints).toBe('six==1.17.0\n');
  });

  test('constrains what a requirement leaves open', () => {
    expect(installation(['numpy'], lock).constraints).toContain('numpy==2.5.5');
  });

  test('lifts every constraint on a package whose version is said', () => {
    const { requirements, constraints } = installation(['NumPy==2.1.0'], lock);
    expect(requirements).toBe('NumPy==2.1.0\n');
    expect(requirementLines(constraints)).toEqual(['six==1.17.0']);
  });

  test('does not take a marker for a version', () => {
    expect(installation(['numpy ; python_version >= "3.10"'], lock).constraints).toContain('numpy==2.5.5');
  });
});

test('overrides replace the default of the same name and keep the others', () => {
  const requirements = requirementsWith(['IPyKernel==7.4.0', 'six']);
  expect(requirements).not.toContain('ipykernel==7.3.0');
  expect(requirements).toContain('IPyKernel==7.4.0');
  expect(requirements).toContain('pyzmq==27.1.0');
  expect(requirements).toContain('six');
});

test('an arm that asks for what the lock has is given the default environment', () => {
  expect(armRequirements({ requirements: [] })).toBeUndefined();
  expect(armRequirements({ requirements: ['ipykernel==7.3.0', 'pyzmq==27.1.0'] })).toBeUndefined();
  expect(armRequirements({ requirements: ['ipykernel==7.4.0'] })).toEqual(
    requirementsWith(['ipykernel==7.4.0']),
  );
});

test('versions beside the lock are those that it does not have', () => {
  expect(versionsBesideLock({ ipykernel: '7.4.0', pyzmq: '27.1.0', 'no-such-package': '1' })).toEqual({
    ipykernel: '7.4.0',
    'no-such-package': '1',
  });
});

describe('the name of a requirement', () => {
  test.each([
    ['Jupyter_Client>=8 ; python_version < "4"', 'jupyter-client'],
    ['a.b__c', 'a-b-c'],
    ['ipykernel @ file:///tmp/x.whl', 'ipykernel'],
    ['black[jupyter]~=24.0', 'black'],
  ])('%s is %s', (requirement, name) => {
    expect(requirementName(requirement)).toBe(name);
  });

  test.each(['--index-url=x', './wheel.whl', '', '-e .'])('%j is refused', (requirement) => {
    expect(() => requirementName(requirement)).toThrow(SoakError);
  });
});

describe('packages of the user', () => {
  const pins = ['ipykernel==7.2.0', 'numpy==2.2.6 ; python_version < "3.11"', 'pandas==2.3.3'];

  test('are added to the defaults; a default that a pin is about has no version of its own', () => {
    const direct = armRequirements({ requirements: ['pandas', 'pyzmq==26.0.0'], pins }) ?? [];
    expect(direct).toEqual(
      expect.arrayContaining(['ipykernel', 'numpy', 'nbclient', 'pandas', 'pyzmq==26.0.0']),
    );
    expect(direct.filter((each) => /^(?:ipykernel|pyzmq|numpy)/.test(each))).toHaveLength(3);
  });

  test('that are a whole environment get a kernel’s own packages and no others', () => {
    const direct = armRequirements({ requirements: ['pandas'], pins, isWhole: true });
    expect(direct).toEqual(['ipykernel', 'pyzmq==27.1.0', 'tornado', 'ipython', 'jupyter-client', 'pandas']);
  });

  test('that are a copy of an environment are what it is', () => {
    const requirements = ['ipykernel==7.3.0'];
    expect(armRequirements({ requirements, isWhole: true, copyOf: '/x' })).toBe(requirements);
    expect(armRequirements({ requirements, copyOf: '/x' })).toBe(requirements);
  });

  test('their pins go before the lock’s, and what is required at a version before both', () => {
    const lock = 'numpy==2.2.0\npandas==2.0.0\ncomm==0.2.3\nipykernel==7.3.0\n';
    const { constraints } = installation(['ipykernel==7.4.0', 'pandas'], lock, pins);
    expect(constraints.trim().split('\n')).toEqual([
      'comm==0.2.3',
      'numpy==2.2.6 ; python_version < "3.11"',
      'pandas==2.3.3',
    ]);
  });
});
