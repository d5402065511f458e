import { readJournal } from '../journal/read.ts';
import { canonicalJson } from '../model/canonical.ts';
import { terminalText } from '../model/clean-text.ts';
import { endpointRule } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { Journal } from '../model/journal.ts';
import { isObserved, runStatus } from '../model/run-status.ts';
import { type LocatedJournal, PATHS, type PathName, pathOf } from './localisation.ts';

/**
 * The experiment of each path, read from its folder, in the order of `PATHS`.
 *
 * @throws SoakError `bad-paths` when a folder's client is not one of the paths, when two folders have the same path,
 *   or when the experiments differ in more than the path
 */
export async function readPaths(folders: readonly string[]): Promise<LocatedJournal[]> {
  const journals = new Map<PathName, Journal>();
  for (const folder of folders) {
    const { journal } = await readJournal(folder);
    const path = pathOf(journal);
    if (path === null || journals.has(path)) {
      throw new SoakError(
        'bad-paths',
        path === null
          ? `The experiment in ${terminalText(folder, 300)} took none of the paths that soak locate compares.`
          : `${terminalText(folder, 300)} is a second experiment on the path ${path}.`,
        { remedy: `Give one experiment on each path: ${PATHS.join(', ')}.` },
      );
    }
    journals.set(path, journal);
  }
  assertComparable(journals);
  return PATHS.flatMap((path) => {
    const journal = journals.get(path);
    return journal === undefined ? [] : [{ path, journal }];
  });
}

/**
 * The matrix says where a fault is only if nothing but the path differs.
 *
 * @throws SoakError `bad-paths`
 */
function assertComparable(journals: ReadonlyMap<PathName, Journal>): void {
  const [first, ...others] = [...journals].map(([path, { experiment }]) => ({
    path,
    notebooks: experiment.protocol.notebooks.map(({ sha256 }) => sha256),
    arms: experiment.protocol.arms.map(({ name, treeSha256 }) => [name, treeSha256]),
    sockets: experiment.protocol.sockets ?? {},
    endpoint: endpointRule(experiment.protocol),
    'expected outputs': experiment.protocol.expected ?? null,
  }));
  for (const other of others) {
    for (const what of ['notebooks', 'arms', 'sockets', 'endpoint', 'expected outputs'] as const) {
      if (canonicalJson(other[what]) === canonicalJson(first?.[what])) continue;
      throw new SoakError(
        'bad-paths',
        `The experiments on the paths ${first?.path} and ${other.path} have different ${what}.`,
        {
          remedy:
            'Give experiments with the same notebooks, arms, sockets, endpoint and expected outputs, or let soak locate run them.',
        },
      );
    }
  }
}

/** Whether every arm has a valid run on at least one path. */
export function everyArmHasValidRun(journals: readonly LocatedJournal[]): boolean {
  const arms = journals[0]?.journal.experiment.protocol.arms ?? [];
  return arms.every(({ name }) => journals.some(({ journal }) => hasValidRun(journal, name)));
}

function hasValidRun({ experiment, runs }: Journal, arm: string): boolean {
  return runs.some((run) => run.arm === arm && isObserved(runStatus(run, experiment.protocol)));
}
