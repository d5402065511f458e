import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { Unavailable } from './steps.ts';
import type { Windows } from './wine.ts';

// Evidence that was made elsewhere; the rehearsal makes its own.
const LEFT_OUT = /^reports\//;
const STAMP = 'node_modules/.windows-lock';

/**
 * Copy this checkout, with what is not committed yet, to where Windows sees it, with Windows' native packages and the
 * built command. `npm ci` runs anew where the lock has changed.
 *
 * @throws Unavailable where npm cannot install them
 * @throws Error of the compiler
 */
export function copyProject(windows: Windows): void {
  const root = packageRoot();
  const run = (program: string, args: readonly string[], cwd: string) =>
    execFileSync(program, [...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
    });
  const { project } = windows;
  mkdirSync(project, { recursive: true });
  for (const part of ['harness', 'arms', 'tools', 'notebooks', '.github', 'dist'])
    rmSync(join(project, part), { recursive: true, force: true });
  const files = run('git', ['ls-files', '-co', '--exclude-standard', '-z'], root)
    .split('\0')
    .filter((file) => file !== '' && !LEFT_OUT.test(file) && existsSync(join(root, file)));
  execFileSync('sh', ['-c', 'tar cf - --null -T - | tar xf - -C "$1"', 'sh', project], {
    cwd: root,
    input: files.join('\0'),
  });
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(project, STAMP);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    const flags = ['--ignore-scripts', '--os=win32', '--cpu=x64', '--no-audit', '--no-fund'];
    try {
      run('npm', ['ci', ...flags], project);
    } catch (error) {
      throw new Unavailable("Windows' packages did not come from the npm registry", { cause: error });
    }
    writeFileSync(stamp, lock);
  }
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const build = ['-p', join(root, '.config', 'tsconfig.build.json'), '--outDir', join(project, 'dist')];
  run(process.execPath, [tsc, ...build], root);
}
