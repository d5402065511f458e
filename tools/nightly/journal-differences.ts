import { canonicalJson } from '../../harness/model/canonical.ts';
import type { Journal, RunRecord } from '../../harness/model/journal.ts';
import type { Report } from '../../harness/report/report.ts';

/** An experiment and what its report says. */
export interface Reported {
  readonly journal: Journal;
  readonly report: Report;
}

const LISTED = 10;

/**
 * A run without its times and its memory: the moment, the milliseconds, the bytes, and where it was recorded. What is left is decided by the
 * protocol, the seed and the kernel: place in the schedule, arm, notebook, traffic, the run's seed, outcome,
 * messages by type, the kernel's counters, cells answered.
 */
function timeless({ source: _source, at: _at, startMs: _start, notebookMs: _notebook, ...run }: RunRecord) {
  const { loopStallMs: _stall, stalledMs: _stalled, memory: _memory, cellMs, ...rest } = run;
  return { ...rest, cells: cellMs.map((ms) => ms !== null) };
}

/** What the reports decide by: counts, tests, verdicts. What depends on times is left out: drift and half a deadline. */
function decided({ report }: Reported) {
  const { arms, blocks, comparisons, shams, verdicts, armsWithoutValidRun, decidedAtBlock } = report.analysis;
  return {
    blocks,
    comparisons,
    shams,
    verdicts,
    armsWithoutValidRun,
    decidedAtBlock,
    arms: arms.map(({ name, runs, wedged, clopperPearson95, counts, engagement }) => ({
      name,
      runs,
      wedged,
      clopperPearson95,
      counts,
      engagement,
    })),
  };
}

/**
 * In what two records of one protocol differ, times apart.
 *
 * @returns one sentence a difference, ten at most; empty when they are equal
 */
export function journalDifferences(a: Reported, b: Reported): string[] {
  const differences: string[] = [];
  const [p, q] = [a.journal.experiment.protocolSha256, b.journal.experiment.protocolSha256];
  if (p !== q) differences.push(`the protocols differ: ${p} and ${q}`);
  const others = new Map(b.journal.runs.map((run) => [run.run, run]));
  for (const run of a.journal.runs) {
    const other = others.get(run.run);
    others.delete(run.run);
    const [x, y] = [
      canonicalJson(timeless(run)),
      other === undefined ? null : canonicalJson(timeless(other)),
    ];
    if (x !== y)
      differences.push(`the run ${run.run} is ${x} in the one and ${y ?? 'not there'} in the other`);
  }
  for (const run of others.keys()) differences.push(`the run ${run} is in the other alone`);
  const [x, y] = [canonicalJson(decided(a)), canonicalJson(decided(b))];
  if (x !== y) differences.push(`the reports decide differently: ${x} and ${y}`);
  return differences.slice(0, LISTED);
}
