import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { importsIn } from './rooms.ts';

/**
 * Which tests are fast: those that start no kernel, no Python, no browser and no built command, and take seconds, not
 * minutes. What a test can start shows in its imports. `only-small-processes.ts` fails a fast test that starts more.
 */

/** What a test cannot import without starting Python, a browser, or the built command. */
const STARTERS = new Set([
  'harness/kernel/environment/index.ts',
  'harness/kernel/environment/interpreter.ts',
  'harness/kernel/kernelspec/find.ts',
  'playwright-core',
  'tools/testing/built-command.ts',
]);

/** Tests that start nothing of that kind, and take a minute all the same. */
const LONG = new Set([
  // Hundreds of whole reports, each drawn and parsed again.
  'tools/suites/safety.test.ts',
  // Every job of every workflow, under a real bash.
  'tools/suites/workflows.test.ts',
]);

const PACKAGE = /(?:^|\n)import\s+(?!type\s)[^;'"]*?from\s+'([^.'][^']*)'|import\(\s*'([^.'][^']*)'\s*\)/g;

/** Test files below the given folders; paths from the repository's root, with `/`. */
export function testFiles(root = packageRoot(), folders = ['harness', 'tools']): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
        (path) => `${folder}/${path.split(sep).join('/')}`,
      ),
    )
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/** Says of a test file whether it is slow, by the files below a folder. */
export function slownessIn(root = packageRoot()): (test: string) => boolean {
  const known = new Map<string, readonly string[]>();
  const importsOf = (file: string): readonly string[] => {
    const found = known.get(file);
    if (found !== undefined) return found;
    // A package, or the text of a test that only looks like an import.
    const isOurs = file.endsWith('.ts') && existsSync(join(root, file));
    const text = isOurs ? readFileSync(join(root, file), 'utf8') : '';
    const made = [
      ...importsIn(file, text).flatMap(({ to, isTypeOnly }) => (isTypeOnly ? [] : [to])),
      ...[...text.matchAll(PACKAGE)].map(([, named, dynamic]) => named ?? dynamic ?? ''),
    ];
    known.set(file, made);
    return made;
  };
  // Much of the product can reach what starts kernels, and its arithmetic is tested without. So the product is not
  // searched: a test that starts a kernel imports what starts it, or a helper that does.
  const starts = (file: string) =>
    STARTERS.has(file) || (isInKernelRoom(file) && importsOf(file).includes('node:child_process'));
  return (test) => {
    if (LONG.has(test)) return true;
    const seen = new Set([test]);
    for (const each of seen) {
      for (const next of importsOf(each)) {
        if (starts(next)) return true;
        if (isHelper(next)) seen.add(next);
      }
    }
    return false;
  };
}

function isInKernelRoom(file: string): boolean {
  return file.startsWith('harness/kernel/') && !isHelper(file);
}

/** What only tests import, or development: not in what ships. */
function isHelper(file: string): boolean {
  return file.startsWith('tools/') || /\.(fixture|test)\.ts$|\/fixtures\/[^/]+\.ts$/.test(file);
}
