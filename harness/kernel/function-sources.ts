import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { SoakError } from '../model/errors.ts';
import { nearNames } from '../model/near-names.ts';
import { packageRoot } from '../model/package-root.ts';
import { quoted } from '../model/quoted.ts';
import { findInterpreter } from './environment/interpreter.ts';
import { requirementName } from './environment/requirements.ts';
import { runCommand } from './environment/run-command.ts';
import { fetchWheel } from './environment/wheel.ts';

const SCRIPT_TIMEOUT_MS = 60_000;

/** Import names that are not the released name with underscores. */
const IMPORT_NAMES: Readonly<Record<string, string>> = { pyzmq: 'zmq', ipython: 'IPython' };

const matchSchema = z.object({
  file: z.string(),
  name: z.string(),
  line: z.number().int(),
  source: z.string(),
  sha256: z.string(),
  code: z.string(),
});
const treesSchema = z.array(z.object({ matches: z.array(matchSchema), names: z.array(z.string()) }));

/** A function as one release, or a tree at hand, has it. */
export interface FunctionSource {
  /** As it was asked for: a version, or a folder's last part. */
  readonly label: string;
  /** `null`: it has no such function. */
  readonly found: z.infer<typeof matchSchema> | null;
}

/** What is compared, and how. */
export interface FunctionQuestion {
  /** `name`, or `Class.name`. */
  readonly function: string;
  /** As it is released, such as `ipykernel`. */
  readonly package: string;
  /** Released versions, and folders that have the package in them or in `src`. */
  readonly versions: readonly string[];
  readonly python?: string | undefined;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The source of one function in releases of the index and in trees at hand. Releases are downloaded as wheels and
 * read; nothing of them is installed, imported or built.
 *
 * @throws SoakError `unknown-function` with near names, `ambiguous-function`, `no-such-version` with near ones,
 *   `bad-option`, `download`
 */
export async function readFunctionSources(question: FunctionQuestion): Promise<FunctionSource[]> {
  const name = requirementName(question.package);
  const importName = IMPORT_NAMES[name] ?? name.replaceAll('-', '_');
  const interpreter = await findInterpreter(question.python, question.signal);
  const folder = await mkdtemp(join(tmpdir(), 'kernel-soak-same-'));
  try {
    const trees: string[] = [];
    for (const [index, version] of question.versions.entries()) {
      const local = await treeAtHand(version, importName);
      trees.push(
        local ?? (await fetchWheel(name, version, interpreter, join(folder, String(index)), question)),
      );
    }
    const script = join(packageRoot(), 'arms', 'runtime', 'function_source.py');
    const result = await runCommand(
      interpreter.executable,
      ['-I', script, question.function, importName, ...trees],
      { timeoutMs: SCRIPT_TIMEOUT_MS, signal: question.signal },
    );
    if (result.code !== 0) throw new Error(`function_source.py ended with ${result.code}: ${result.stderr}`);
    const found = treesSchema.parse(JSON.parse(result.stdout));
    const labels = question.versions.map((version) =>
      looksLikePath(version) ? basename(resolve(version)) : version,
    );
    return chosen(question, labels, found);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function looksLikePath(version: string): boolean {
  return /[\\/]/.test(version) || /^[.~]/.test(version);
}

/** @returns the folder that holds the package; `null` for a version */
async function treeAtHand(version: string, importName: string): Promise<string | null> {
  if (!looksLikePath(version)) {
    if (/^\d[\w.!+-]*$/.test(version)) return null;
    throw new SoakError('bad-option', `${quoted(version)} is neither a version nor a folder.`, {
      remedy: 'Give versions such as 7.3.0, and folders as paths, such as ./ipykernel.',
    });
  }
  for (const folder of [resolve(version), join(resolve(version), 'src')]) {
    const found = await stat(join(folder, importName, '__init__.py')).catch(() => null);
    if (found !== null) return folder;
  }
  throw new SoakError('bad-option', `${version} does not contain the package ${importName}.`, {
    remedy: 'Give the folder of a clone, or the folder that contains the package.',
  });
}

function chosen(
  { function: wanted, package: name }: FunctionQuestion,
  labels: readonly string[],
  trees: z.infer<typeof treesSchema>,
): FunctionSource[] {
  const all = [
    ...new Set(trees.flatMap(({ matches }) => matches.map((match) => `${match.file} ${match.name}`))),
  ];
  const names = [...new Set(trees.flatMap(({ matches }) => matches.map((match) => match.name)))];
  if (names.length === 0) {
    const known = [...new Set(trees.flatMap((tree) => tree.names))];
    const last = (each: string) => each.split('.').at(-1) ?? each;
    const near = nearNames(last(wanted), known.map(last)).map(
      (each) => known.find((full) => last(full) === each) ?? each,
    );
    throw new SoakError('unknown-function', `No given version of ${name} has a function ${quoted(wanted)}.`, {
      remedy:
        near.length === 0
          ? 'Give the name of a function, or Class.name for a method.'
          : `Did you mean ${[...new Set(near)].join(' or ')}?`,
    });
  }
  if (trees.some(({ matches }) => matches.length > 1)) {
    throw new SoakError(
      'ambiguous-function',
      `${quoted(wanted)} matches ${all.length} functions: ${all.join(', ')}.`,
      {
        remedy: `Name the class too, as in ${names[0]}.`,
      },
    );
  }
  return trees.map(({ matches }, index) => ({ label: labels[index] ?? '', found: matches[0] ?? null }));
}
