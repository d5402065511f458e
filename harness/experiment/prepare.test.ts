import { homedir, userInfo } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicPath } from '../model/public-path.ts';
import { parsedRunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { prepareExperiment } from './prepare.ts';

afterEach(() => vi.restoreAllMocks());

const workingIn = (folder: string) => vi.spyOn(process, 'cwd').mockReturnValue(folder);

describe('a path in evidence', () => {
  test('is relative to the repository, whatever the working folder', () => {
    workingIn(sep);
    expect(publicPath(join(packageRoot(), 'notebooks', 'data.ipynb'))).toBe('notebooks/data.ipynb');
  });

  test('is relative to the working folder, below home or not', () => {
    const home = join(sep, 'home', 'alice');
    for (const folder of [join(sep, 'srv', 'project'), join(home, 'project')]) {
      workingIn(folder);
      expect(publicPath(join(folder, 'sub', 'n.ipynb'), home)).toBe('sub/n.ipynb');
    }
  });

  test('begins with ~ below home', () => {
    const home = join(sep, 'home', 'alice');
    workingIn(join(sep, 'srv'));
    expect(publicPath(join(home, 'x', 'n.ipynb'), home)).toBe('~/x/n.ipynb');
    expect(publicPath(home, home)).toBe('~/');
    expect(publicPath(`${home}${sep}`, home)).toBe('~/');
  });

  test.each([sep, join(sep, 'home')])('does not give home away where the working folder is %s', (folder) => {
    const home = join(sep, 'home', 'alice');
    workingIn(folder);
    expect(publicPath(join(home, 'n.ipynb'), home)).toBe('~/n.ipynb');
  });

  test('is its last part alone elsewhere, also beside a folder of a like name', () => {
    const home = join(sep, 'home', 'alice');
    workingIn(join(home, 'project'));
    for (const path of [
      join(sep, 'home', 'bob', 'n.ipynb'),
      join(sep, 'home', 'alice2', 'n.ipynb'),
      join(sep, 'n.ipynb'),
    ]) {
      expect(publicPath(path, home)).toBe('<path>/n.ipynb');
    }
  });

  test('that is a bare name stays one', () => {
    expect(publicPath('control')).toBe('control');
  });

  test('never has the home folder of who runs this, nor their name', () => {
    const { username } = userInfo();
    for (const path of [
      homedir(),
      join(homedir(), 'a'),
      `${homedir()}-x/a`,
      join(sep, 'data', username, 'a.ipynb'),
    ]) {
      const shown = publicPath(path);
      expect(shown).not.toContain(resolve(homedir()));
      if (username.length > 2 && username !== 'root' && username !== 'runner') {
        expect(shown.split('/')).not.toContain(username);
      }
    }
  });
});

describe('an experiment that cannot be prepared', () => {
  const plain = join(packageRoot(), 'notebooks', 'plain.ipynb');
  const prepared = (raw: RawOptions<'run'>) =>
    prepareExperiment(
      parsedRunOptions({ notebook: [plain], ...raw }, plain, () => 1),
      () => {},
      new AbortController().signal,
    );

  test.each<[string, RawOptions<'run'>, string, RegExp]>([
    ['an unknown arm', { arm: ['fxi'] }, 'unknown-arm', /"fxi"/],
    ['an arm twice', { arms: 'fix,fix' }, 'duplicate-arm', /fix is given twice/],
    ['a label that an arm has', { arm: ['fix', 'fix=control'] }, 'duplicate-arm', /fix is given twice/],
    [
      'a requirement with an option',
      { arm: ['ipykernel==7.4.0 --index-url x'] },
      'bad-requirement',
      /option/,
    ],
    [
      'an arm with its own environment in a given one',
      { arm: ['control', 'py3.12'], env: process.execPath },
      'python-not-usable',
      /--env/,
    ],
    ['a notebook that is not there', { notebook: ['/absent.ipynb'] }, 'bad-notebook', /\/absent\.ipynb/],
    ['a latency that is none', { latency: 'slow' }, 'bad-latency', /"slow"/],
    ['a baseline that is none', { baseline: temporaryFolder() }, 'no-journal', /journal\.jsonl/],
  ])('%s', async (_what, raw, code, message) => {
    const error = await soakErrorOf(() => prepared(raw));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.remedy).not.toBe('');
  });
});
