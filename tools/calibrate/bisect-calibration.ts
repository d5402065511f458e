import type { BatchRecord, BisectJournal, BisectProtocol } from '../../harness/bisect/journal.ts';
import { type BisectState, bisectState, findingOf } from '../../harness/bisect/results.ts';
import { bisectOrder } from '../../harness/bisect/session.ts';
import type { OutcomeKind } from '../../harness/model/outcome.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import type { RunOrder } from '../../harness/stats/schedule.ts';
import { bisectProtocol, emptyBisect, simulatedBisect, simulatedRun } from '../testing/simulated-bisect.ts';

/** One way of choosing what to run next. */
export type Design = 'bisect' | 'every release in turn';

/** Bisects of one wedge rate by one design. */
export interface BisectCalibration {
  readonly rate: number;
  readonly design: Design;
  readonly bisects: number;
  /** Ended with a claim; the others spent the budget. */
  readonly found: number;
  /** Claims that were true. */
  readonly right: number;
  /** Mean of the probabilities that were claimed. */
  readonly claimed: number;
  /** Runs until the end, the control's too. */
  readonly medianRuns: number;
  readonly runs90: number;
}

/** False wedges of a release that has not got it, as often as the oracle could err at most. */
const FALSE_RATE = 0.002;
const MAX_RUNS = 600;

/**
 * Simulate bisects of seven releases. The release that brought the wedge is drawn for each, and which one cured
 * it is the last; every release with the wedge has the same rate, those without it a false rate of 0.002.
 *
 * @param rate of a wedge per run
 */
export async function bisectCalibration(
  rate: number,
  design: Design,
  bisects: number,
): Promise<BisectCalibration> {
  let [found, right, claimed] = [0, 0, 0];
  const runs: number[] = [];
  for (let seed = 1; seed <= bisects; seed += 1) {
    const protocol = bisectProtocol({ seed, maxRuns: MAX_RUNS });
    const uniform = seededUniform(seed, `bisect calibration ${rate}`);
    const brought = 1 + Math.floor(uniform() * protocol.bad);
    const outcomeOf = ({ arm }: RunOrder): OutcomeKind => {
      const release = protocol.releases.indexOf(arm);
      const chance = release >= brought && release <= protocol.bad ? rate : FALSE_RATE;
      return uniform() < chance ? 'wedged-stranded' : 'completed';
    };
    const state =
      design === 'bisect'
        ? (await simulatedBisect(emptyBisect(protocol), { outcomeOf })).end.state
        : inTurn(protocol, outcomeOf);
    runs.push(state.runs);
    if (findingOf(state, protocol) !== 'found') continue;
    found += 1;
    claimed += state.claim.probability;
    const { brought: claimedBrought, cured } = state.claim;
    if (claimedBrought.includes(brought) && cured?.includes(protocol.bad + 1) === true) right += 1;
  }
  runs.sort((a, b) => a - b);
  return {
    rate,
    design,
    bisects,
    found,
    right,
    claimed: claimed / found,
    medianRuns: runs[Math.floor(runs.length / 2)] ?? 0,
    runs90: runs[Math.floor(runs.length * 0.9)] ?? 0,
  };
}

/** Every release in turn beside the control, one run of each, with the bisect's own model and end. */
function inTurn(protocol: BisectProtocol, outcomeOf: (order: RunOrder) => OutcomeKind): BisectState {
  const journal = { ...emptyBisect(protocol), batches: [] as BisectJournal['batches'][number][] };
  const probes = protocol.releases.flatMap((_, release) => (release === protocol.bad ? [] : [release]));
  let state = bisectState(journal);
  while (findingOf(state, protocol) === null && state.runs + 2 <= protocol.maxRuns) {
    const batch = journal.batches.length;
    const probe = probes[batch % probes.length] as number;
    const plan: BatchRecord = { type: 'batch', batch, probe, order: [protocol.bad, probe], bits: 0 };
    const runs = plan.order.map((_, position) => {
      const order = bisectOrder(protocol, plan, position);
      return simulatedRun(order, outcomeOf(order));
    });
    journal.batches.push({ plan, runs });
    state = bisectState(journal, state);
  }
  return state;
}

/** The table of `reports/bisect-ipykernel`. */
export function bisectCalibrationMarkdown(points: readonly BisectCalibration[]): string {
  const share = (part: number, whole: number) =>
    whole === 0 || Number.isNaN(part) ? 'n/a' : `${((100 * part) / whole).toFixed(1)} %`;
  const rows = points.map(
    ({ rate, design, bisects, found, right, claimed, medianRuns, runs90 }) =>
      `| ${rate} | ${design} | ${bisects} | ${found} | ${right} (${share(right, found)}) | ${share(claimed, 1)} | ${medianRuns} | ${runs90} |`,
  );
  return [
    '| Wedge rate | Design | Bisects | Named both | Of these right | Mean probability claimed | Runs, median | Runs, 90 % |',
    '| ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n');
}
