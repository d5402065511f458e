import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ArmChange, RunChange } from '../model/arm-change.ts';
import { deadlineMs } from '../model/deadlines.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { runCommand } from './environment/run-command.ts';
import { readKernelFile } from './kernel-file.ts';

/** A module, or a function in it by its qualified name, that a kernel says it has executed (arms/runtime/soak_marks.py). */
export interface Mark {
  /** Path in the overlay. */
  readonly path: string;
  /** `null`: the module itself. */
  readonly name: string | null;
}

/** A changed file's text before and after; `before` is `null` for a file that the change adds. */
export interface ChangedFile {
  readonly path: string;
  readonly before: string | null;
  readonly after: string;
}

// A commit of another release changes nearly everything; the names of so much are no evidence that one reads.
const MAX_FUNCTIONS = 400;
const MAX_FILE_BYTES = 1 << 20;

const answerSchema = z.object({
  functions: z.array(z.tuple([z.string(), z.string()])),
  modules: z.array(z.string()),
});

function marksScript(): string {
  return join(packageRoot(), 'arms', 'runtime', 'soak_marks.py');
}

async function runMarks(
  python: string,
  action: 'changed' | 'compile',
  requestPath: string,
  request: unknown,
): Promise<string> {
  await writeFile(requestPath, JSON.stringify(request), { mode: 0o600 });
  const { code, stdout, stderr, spawnError } = await runCommand(
    python,
    ['-I', marksScript(), action, requestPath],
    { timeoutMs: deadlineMs('compile-overlay') },
  );
  if (code === 0) return stdout;
  throw new SoakError('bad-patch', `A changed file does not parse: ${stderr.trim().slice(-800)}`, {
    remedy: 'Fix the patch: the patched file must be valid Python for this interpreter.',
    cause: spawnError ?? undefined,
  });
}

/**
 * What changed files change, function by function.
 *
 * @param requestPath where the question may be written
 * @throws SoakError `bad-patch` for a file that does not parse
 */
export async function armChange(
  python: string,
  files: readonly ChangedFile[],
  requestPath: string,
): Promise<ArmChange> {
  const answer = answerSchema.parse(
    JSON.parse(await runMarks(python, 'changed', requestPath, { files })) as unknown,
  );
  const names = [...new Set(answer.functions.map(([path, name]) => `${path} ${name}`))].sort();
  const paths = files.map(({ path }) => path).sort();
  if (names.length > MAX_FUNCTIONS) return { files: paths, modules: paths, functions: [] };
  return { files: paths, modules: [...answer.modules].sort(), functions: names };
}

/** The marks of some changes: every changed module, and every changed function, each once. */
export function marksOf(changes: readonly ArmChange[]): Mark[] {
  const files = new Set(changes.flatMap((change) => change.files));
  const functions = new Set(changes.flatMap((change) => change.functions));
  return [
    ...[...files].sort().map((path) => ({ path, name: null })),
    ...[...functions].sort().map((each) => {
      const [path = '', name = ''] = each.split(' ');
      return { path, name };
    }),
  ];
}

/** Write the bytecode of an overlay's marked modules, in place of what was compiled of them. */
export async function compileMarked(python: string, folder: string, marks: readonly Mark[]): Promise<void> {
  if (marks.length === 0) return;
  const request = { folder, marks: marks.map(({ path, name }) => [path, name]) };
  await runMarks(python, 'compile', join(folder, 'marks.json'), request);
}

/** Where a kernel keeps its marks, beside its counters. */
export function marksPath(countersPath: string): string {
  return `${countersPath}.marks`;
}

/** The marks of a kernel, one byte each; `null` where it has written none. */
export function readMarks(countersPath: string | null): Uint8Array | null {
  return countersPath === null ? null : readKernelFile(marksPath(countersPath), MAX_FILE_BYTES);
}

/** Which parts of a change a kernel with these marks did not execute. */
export function runChange(change: ArmChange, marks: readonly Mark[], bytes: Uint8Array): RunChange {
  const executed = new Set(
    marks.flatMap(({ path, name }, index) =>
      (bytes[index] ?? 0) === 0 ? [] : [name === null ? path : `${path} ${name}`],
    ),
  );
  const without = (all: readonly string[]) => all.filter((each) => !executed.has(each));
  const [notLoaded, notCalled] = [without(change.files), without(change.functions)];
  return {
    ...(notLoaded.length === 0 ? {} : { notLoaded }),
    ...(notCalled.length === 0 ? {} : { notCalled }),
  };
}
