import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunRecord, runRecordSchema } from '../../harness/model/journal.ts';
import type { Ended, Windows } from './wine.ts';

/** A part of the rehearsal. */
export interface Step {
  readonly name: string;
  /** Whether the short form has it too. */
  readonly isShort: boolean;
  /** @returns what it showed, a line; @throws Error when Windows is not as it should be */
  readonly carryOut: (windows: Windows) => Promise<string>;
}

/** That something is not as it should be; `what` names it in the words of a person. */
export function assertTrue(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** That this machine cannot carry out a step now, which says nothing of kernel-soak. */
export class Unavailable extends Error {}

/** That a program was not done in its time: a machine that is too slow, or a program that hangs. */
export class TimedOut extends Error {}

// `soak` ends so where its surroundings keep it from beginning: here, packages that did not come.
const OF_THE_SURROUNDINGS = 4;

/**
 * A program that had to end well.
 *
 * @throws Error with what it wrote
 * @throws Unavailable where the kernels' packages could not be had
 * @throws TimedOut
 */
export function assertEnded(ended: Ended, codes: readonly number[] = [0]): void {
  if (ended.code !== null && codes.includes(ended.code)) return;
  const written = `${ended.stdout}\n${ended.stderr}`.trim().split('\n').slice(-25).join('\n');
  if (ended.timedOut) throw new TimedOut(`It was not done in its time:\n${written}`);
  const why = `It ended with ${ended.code ?? ended.signal}:\n${written}`;
  const isInstalling =
    ended.stdout.includes('Making the kernel environment') && !ended.stdout.includes('Protocol');
  throw ended.code === OF_THE_SURROUNDINGS && isInstalling ? new Unavailable(why) : new Error(why);
}

/** The runs of a journal on the rehearsal's side of a path. */
export function runsOf(folder: string): RunRecord[] {
  return readFileSync(join(folder, 'journal.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"type":"run"'))
    .flatMap((line) => {
      try {
        return [runRecordSchema.parse(JSON.parse(line))];
      } catch {
        return []; // cut short by a kill
      }
    });
}

const LOOK_EVERY_MS = 100;

/** Wait until something holds. @throws Error when it does not by then */
export async function eventually(what: string, holds: () => boolean, withinMs: number): Promise<void> {
  const dueMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > dueMs) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

// What was killed goes within a second or two; the machine may be busy.
const GONE_WITHIN_MS = 60_000;

/** Nothing that kernel-soak started is left. @throws Error that names what is */
export async function assertNothingLeft(windows: Windows): Promise<void> {
  try {
    await eventually(
      'processes, ports or folders are left',
      () =>
        windows.processes().length === 0 &&
        windows.ports().length === 0 &&
        windows.privateFolders().length === 0,
      GONE_WITHIN_MS,
    );
  } catch (error) {
    const processes = windows.processes().map(({ pid, command }) => `${pid} ${command.slice(0, 100)}`);
    const left = [
      ...processes,
      ...windows.ports().map((port) => `port ${port}`),
      ...windows.privateFolders(),
    ];
    throw new Error(`${(error as Error).message}:\n${left.join('\n')}`, { cause: error });
  }
}
