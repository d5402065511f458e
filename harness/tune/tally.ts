import { isWedge } from '../model/outcome.ts';
import { isObserved, type OutcomeStatus } from '../model/run-status.ts';
import type { TuningRun } from './record.ts';

/** What the runs of one candidate add up to. */
export interface Tally {
  /** Runs that completed or wedged. */
  readonly runs: number;
  readonly wedged: number;
  /** Runs without a valid outcome: excluded from every rate, not from the time. */
  readonly invalid: number;
  /** Replies received in valid runs: the exposure. */
  readonly replies: number;
  /** Wall time of all its runs, start-up and clean-up included. */
  readonly seconds: number;
  readonly completedSeconds: number;
}

const NOTHING: Tally = { runs: 0, wedged: 0, invalid: 0, replies: 0, seconds: 0, completedSeconds: 0 };

/** What a run counted as. A record of version 1 says it by the run's ending: it knew wedges alone. */
function statusOf({ kind, status }: TuningRun): OutcomeStatus {
  if (status !== undefined) return status;
  if (isWedge(kind)) return 'wedged';
  return kind === 'completed' ? 'completed' : 'competing';
}

/** One tally a candidate, all zero for one without a run. */
export function tallies(candidates: number, runs: readonly TuningRun[]): Tally[] {
  const all = new Array<Tally>(candidates).fill(NOTHING);
  for (const run of runs) {
    const { candidate, replies, seconds } = run;
    const before = all[candidate] ?? NOTHING;
    const status = statusOf(run);
    // A competing event says no more of the endpoint than a harness fault does.
    const valid = isObserved(status);
    all[candidate] = {
      runs: before.runs + (valid ? 1 : 0),
      wedged: before.wedged + (status === 'wedged' ? 1 : 0),
      invalid: before.invalid + (valid ? 0 : 1),
      replies: before.replies + (valid ? replies : 0),
      seconds: before.seconds + seconds,
      completedSeconds: before.completedSeconds + (status === 'completed' ? seconds : 0),
    };
  }
  return all;
}

/** The tally of several. */
export function summed(parts: readonly Tally[]): Tally {
  return parts.reduce(
    (sum, part) => ({
      runs: sum.runs + part.runs,
      wedged: sum.wedged + part.wedged,
      invalid: sum.invalid + part.invalid,
      replies: sum.replies + part.replies,
      seconds: sum.seconds + part.seconds,
      completedSeconds: sum.completedSeconds + part.completedSeconds,
    }),
    NOTHING,
  );
}
