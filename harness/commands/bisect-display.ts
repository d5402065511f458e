import logUpdate from 'log-update';
import pc from 'picocolors';
import type { BisectDisplay } from '../bisect/carry-out.ts';
import type { BisectProtocol } from '../bisect/journal.ts';
import type { BisectState } from '../bisect/results.ts';
import { labelOf, runWords } from '../bisect/words.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { terminalText } from '../model/clean-text.ts';
import { terminalColumns } from '../model/terminal-width.ts';
import { wrapped } from '../model/wrapped.ts';
import { duration, percent, roughDuration } from '../report/format-number.ts';

const BAR_WIDTH = 24;
/** Columns of a terminal that does not say how many it has. */
const USUAL_COLUMNS = 80;
/** A shorter bar shows nothing. */
const LEAST_BAR = 6;
// A terminal of 24 lines has room for this many, and for the lines below them.
const SHOWN = 18;

/** A bar with the two spaces before it; empty where there is no room for one. */
function bar(share: number, width: number): string {
  return width < LEAST_BAR ? '' : `  ${'█'.repeat(Math.round(share * width)).padEnd(width, '·')}`;
}

/**
 * The posterior as text, one line per release. A long range shows its ends and its most probable releases. In a narrow
 * terminal the bars are shorter, or left out.
 */
export function posteriorText(
  protocol: BisectProtocol,
  state: BisectState,
  columns = terminalColumns(),
): string {
  const { posterior } = state.belief;
  const after = protocol.releases.length;
  const believed = (release: number) =>
    (release <= protocol.bad ? posterior.brought[release] : posterior.cured[release - protocol.bad - 1]) ?? 0;
  const kept = new Set(
    protocol.releases
      .map((_, release) => release)
      .sort((a, b) => believed(b) - believed(a))
      .slice(0, SHOWN - 3),
  );
  for (const release of [0, protocol.bad, after - 1]) kept.add(release);
  const width = Math.max(...protocol.releases.map((name) => name.length));
  const still = posterior.cured.at(-1);
  const rows: Row[] = [
    ...protocol.releases.flatMap((name, release): Row[] => {
      if (!kept.has(release)) return [];
      const tally = state.tallies[release] ?? { runs: 0, wedged: 0, invalid: 0 };
      const what = release === 0 ? 'has it already' : release > protocol.bad ? 'cured it' : 'brought it';
      const count = state.skipped.has(release) ? 'cannot run' : `${tally.wedged}/${tally.runs}`;
      const label = labelOf(protocol, release);
      return [{ name: terminalText(name), label, count, share: believed(release), what }];
    }),
    ...(still === undefined
      ? []
      : [{ name: '', label: '', count: '', share: still, what: 'still there after the last' }]),
  ];
  const [labelWidth, countWidth, whatWidth] = [
    Math.max(...rows.map(({ label }) => label.length)),
    Math.max(...rows.map(({ count }) => count.length)),
    Math.max(...rows.map(({ what }) => what.length)),
  ];
  const free = columns - 1 - (2 + width + 1 + labelWidth + 1 + countWidth + 2 + 1 + 7 + 1 + whatWidth);
  const barWidth = Math.min(BAR_WIDTH, free);
  return rows
    .map(
      ({ name, label, count, share, what }) =>
        `  ${name.padEnd(width)} ${label.padEnd(labelWidth)} ${count.padStart(countWidth)}${bar(share, barWidth)} ${percent(share).padStart(7)} ${what}`,
    )
    .join('\n');
}

interface Row {
  readonly name: string;
  readonly label: string;
  readonly count: string;
  readonly share: number;
  readonly what: string;
}

/** The belief after a batch, in one line for a log. It names what has a probability of 1 % or more. */
function beliefLine(protocol: BisectProtocol, { belief, claim }: BisectState): string {
  const { brought, cured } = belief.posterior;
  const listed = (shares: readonly number[], nameOf: (index: number) => string) =>
    shares
      .map((share, index) => ({ share, name: nameOf(index) }))
      .filter(({ share }) => share >= 0.01)
      .sort((a, b) => b.share - a.share)
      .map(({ share, name }) => `${terminalText(name)} ${percent(share)}`)
      .join(', ');
  const came = listed(brought, (index) =>
    index === 0 ? `before ${protocol.releases[0]}` : (protocol.releases[index] ?? ''),
  );
  const went = listed(
    cured,
    (index) => protocol.releases[protocol.bad + 1 + index] ?? `after ${protocol.releases.at(-1)}`,
  );
  return `  brought by ${came}${went === '' ? '' : `; cured by ${went}`}; claim at ${percent(claim.probability)}`;
}

/** A display that redraws after each run on a terminal, and writes plain lines elsewhere. */
export function openBisectDisplay(
  protocol: BisectProtocol,
  write: (text: string) => void,
  isTerminal: boolean = process.stdout.isTTY === true,
): BisectDisplay {
  const startedMs = monotonicMs();
  let shown: BisectState | null = null;
  let now = '';
  let runs = 0;
  const draw = () => {
    if (shown === null) return;
    const columns = (process.stdout.columns ?? USUAL_COLUMNS) - 1;
    const spent = `${runs} of at most ${protocol.maxRuns} runs, ${roughDuration(monotonicMs() - startedMs)} so far; claim at ${percent(shown.claim.probability)} of ${percent(protocol.confidence)}`;
    logUpdate(
      [
        posteriorText(protocol, shown, columns),
        pc.dim(`  > ${wrapped(now, '    ', columns)}`),
        pc.dim(`  ${wrapped(spent, '  ', columns)}`),
      ].join('\n'),
    );
  };
  return {
    batch: (plan) => {
      now = `batch ${plan.batch}: ${terminalText(protocol.releases[plan.probe] ?? '')} × ${plan.order.length - 1} and the control, ${plan.bits.toFixed(2)} bits expected`;
      if (isTerminal) draw();
      else write(`${now}\n`);
    },
    run: (record) => {
      const { arm, startMs, notebookMs } = record;
      runs += 1;
      if (isTerminal) draw();
      else
        write(
          `  ${terminalText(arm)}: ${runWords(record, protocol)} in ${duration((startMs ?? 0) + (notebookMs ?? 0))}\n`,
        );
    },
    state: (state) => {
      shown = state;
      runs = state.runs;
      if (isTerminal) draw();
      else if (state.batches.length > 0) write(`${beliefLine(protocol, state)}\n`);
    },
    close: () => {
      // The command itself writes the last state as a table.
      if (isTerminal) logUpdate.clear();
      else write('\n');
    },
  };
}
