import type { Latency, Reaction } from '../frontend/latency.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { DEADLINES, deadlineMs } from '../model/deadlines.ts';
import { EXIT_CODES, RunFault } from '../model/errors.ts';

// Once a request is overdue, the oracle takes some fifteen seconds for samples, looks, grace and new peer. A restart of
// the revival ladder comes on top.
const VERDICT_MS = 60_000;

/** What a run's bound follows from. */
interface Times {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  /** The front end's latency. Default: none. */
  readonly latency?: Pick<Latency, 'quantileMs'>;
}

/**
 * The longest time that a run can take if each of its parts meets its deadline, milliseconds: two starts, each cell with
 * its mirrored and overlapping requests, the longest reaction of the front end to each, and the verdict.
 */
export function runBoundMs(
  { codeCells }: Pick<Notebook, 'codeCells'>,
  { timeoutMs, startTimeoutMs, latency }: Times,
): number {
  const slowestMs = (reaction: Reaction) => latency?.quantileMs(reaction, 1) ?? 0;
  const reactionsMs = slowestMs('commMsg') + slowestMs('executeRequest') + slowestMs('overlap');
  const betweenMs = deadlineMs('front-end-idle') + reactionsMs;
  return 2 * startTimeoutMs + (codeCells.length + 1) * (2 * timeoutMs + betweenMs) + VERDICT_MS;
}

/** A bound on a run. */
export interface Overdue {
  /** Rejects when it has passed, with RunFault `run-overdue`. */
  readonly passed: Promise<never>;
  /** The run has ended: the bound is not needed any more. */
  readonly forget: () => void;
}

export function startBound(boundMs: number): Overdue {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    // A timer of more than 24 days would fire at once.
    timer = setTimeout(
      () =>
        reject(
          new RunFault(
            'run-overdue',
            `The run did not end within ${boundMs / 1000} s, although each of its parts has a shorter deadline.`,
            { remedy: DEADLINES['front-end-idle'].remedy, exitCode: EXIT_CODES.environment },
          ),
        ),
      Math.min(boundMs, 2 ** 31 - 1),
    );
  });
  passed.catch(() => {}); // nobody may be waiting when it passes, as while the run is cleaned up
  return { passed, forget: () => clearTimeout(timer) };
}
