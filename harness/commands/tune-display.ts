import logUpdate from 'log-update';
import pc from 'picocolors';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { counted, duration, perThousand } from '../report/format-number.ts';
import type { Candidate } from '../tune/candidates.ts';
import type { TuningPhase, TuningRun } from '../tune/record.ts';
import { tallies } from '../tune/tally.ts';

/** What shows a tuning while it runs. */
export interface TuneDisplay {
  readonly start: (candidate: Candidate, phase: TuningPhase) => void;
  readonly finish: (runs: readonly TuningRun[]) => void;
  /** Leave the last state on the screen and stop. */
  readonly close: () => void;
}

const SHOWN = 8;

function named({ traffic, latency, cells }: Candidate): string {
  return `${traffic} ${latency.spec}, ${counted(cells, 'cell')}`;
}

/** The candidates with most wedges per second so far. */
function board(candidates: readonly Candidate[], runs: readonly TuningRun[]): string[] {
  return tallies(candidates.length, runs)
    .map((tally, index) => ({ tally, name: named(candidates[index] as Candidate) }))
    .filter(({ tally }) => tally.seconds > 0)
    .sort((a, b) => b.tally.wedged / b.tally.seconds - a.tally.wedged / a.tally.seconds)
    .slice(0, SHOWN)
    .map(({ tally, name }) => {
      const hazard = tally.replies === 0 ? null : tally.wedged / tally.replies;
      return `  ${name.padEnd(36)} ${`${tally.wedged}/${tally.runs}`.padStart(6)}  ${perThousand(hazard)} per 1000 replies`;
    });
}

/** A display that redraws on a terminal after each run, and writes one plain line a run elsewhere. */
export function openTuneDisplay(
  candidates: readonly Candidate[],
  budgetMs: number,
  write: (text: string) => void,
  isTerminal: boolean = process.stdout.isTTY === true,
): TuneDisplay {
  const startedMs = monotonicMs();
  let recorded: readonly TuningRun[] = [];
  let now = '';
  const draw = () => {
    const spent = `  ${duration(monotonicMs() - startedMs)} of ${duration(budgetMs)}, ${recorded.length} runs`;
    logUpdate([...board(candidates, recorded), pc.dim(`  > ${now}`), pc.dim(spent)].join('\n'));
  };
  return {
    start: (candidate, phase) => {
      now = `${phase}: ${named(candidate)}`;
      if (isTerminal) draw();
    },
    finish: (runs) => {
      recorded = runs;
      const last = runs.at(-1);
      if (isTerminal) draw();
      else if (last !== undefined) {
        write(
          `run ${runs.length} ${now}: ${last.kind}${last.kind === 'completed' && last.status === 'wedged' ? ' (event)' : ''} in ${duration(last.seconds * 1000)}\n`,
        );
      }
    },
    close: () => {
      if (isTerminal) {
        now = 'done';
        draw();
        logUpdate.done();
      }
      write('\n');
    },
  };
}
