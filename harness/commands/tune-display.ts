import logUpdate from 'log-update';
import pc from 'picocolors';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { counted, duration, perThousand, roughDuration } from '../report/format-number.ts';
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

// One column is left free: some terminals begin a new line once the last one is written.
const USUAL_COLUMNS = 80;
const NAME_COLUMNS = 36;

/** The candidates with most wedges per second so far. In a narrow terminal, the figures stand under the name. */
export function tuneBoard(
  candidates: readonly Candidate[],
  runs: readonly TuningRun[],
  columns = process.stdout.columns ?? USUAL_COLUMNS,
): string[] {
  return tallies(candidates.length, runs)
    .map((tally, index) => ({ tally, name: named(candidates[index] as Candidate) }))
    .filter(({ tally }) => tally.seconds > 0)
    .sort((a, b) => b.tally.wedged / b.tally.seconds - a.tally.wedged / a.tally.seconds)
    .slice(0, SHOWN)
    .flatMap(({ tally, name }) => {
      const hazard = tally.replies === 0 ? null : tally.wedged / tally.replies;
      const figures = `${`${tally.wedged}/${tally.runs}`.padStart(6)}  ${perThousand(hazard)} per 1000 replies`;
      const row = `  ${name.padEnd(NAME_COLUMNS)} ${figures}`;
      return row.length < columns ? [row] : [`  ${name}`, `    ${figures.trim()}`];
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
    const spent = `  ${roughDuration(monotonicMs() - startedMs)} of ${roughDuration(budgetMs)}, ${counted(recorded.length, 'run')}`;
    logUpdate([...tuneBoard(candidates, recorded), pc.dim(`  > ${now}`), pc.dim(spent)].join('\n'));
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
