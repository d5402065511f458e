import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import { confidenceSequence } from '../stats/confidence-sequence.ts';
import { type Interval, rate } from '../stats/counts.ts';
import { decisionQuantile, decisionTimes } from '../stats/decision-times.ts';
import { garwoodInterval, hazardPerReply } from '../stats/hazard.ts';
import { clopperPearson } from '../stats/intervals.ts';
import { type Candidate, isSameCurve } from './candidates.ts';
import type { TuningBody } from './record.ts';
import { summed, type Tally, tallies } from './tally.ts';

/** What a verdict would take with a setting: control and sham at one rate, a treatment that never wedges. */
export interface VerdictCost {
  /** Wedge probability that was assumed. */
  readonly rate: number;
  /** Blocks of the e-process, one run of each of three arms a block; `null` when too few decide. */
  readonly medianBlocks: number | null;
  readonly p90Blocks: number | null;
  /** Expected seconds of a block, one run at a time. */
  readonly blockSeconds: number;
  /** Seconds within which nine of ten experiments decide; `null` as above. */
  readonly p90Seconds: number | null;
}

/** One candidate's results, of the runs before `confirm`. */
export interface CandidateResult {
  readonly index: number;
  readonly candidate: Candidate;
  readonly tally: Tally;
  /** Wedges per reply; `null` without a reply, as is its interval (Garwood). */
  readonly hazard: number | null;
  readonly hazard95: Interval | null;
  /** Of runs; `null` without a valid run. */
  readonly rate: number | null;
  /** The confidence sequence: how many runs a candidate had depended on how they went. */
  readonly rate95: Interval;
  /** Mean wall time of a run; `null` without one. */
  readonly secondsPerRun: number | null;
  /** `null` when it never wedged. */
  readonly cost: VerdictCost | null;
}

/** A tuning's record as numbers. All of it follows from the record's runs. */
export interface TuningResults {
  /** By seconds to a verdict, then those that never wedged by their upper bound on the hazard. */
  readonly ranked: readonly CandidateResult[];
  /** The setting that is expected to reach a verdict soonest; `null` when nothing wedged. */
  readonly chosen: CandidateResult | null;
  /** The chosen setting's runs after it was chosen: their number was fixed before they began. */
  readonly confirmation: {
    readonly tally: Tally;
    readonly rate: number | null;
    readonly rate95: Interval;
    readonly hazard: number | null;
    readonly hazard95: Interval | null;
    /** From these runs alone; `null` when none of them wedged. */
    readonly cost: VerdictCost | null;
  } | null;
  readonly total: Tally;
}

// The greatest of many rates is likely too high. So a candidate counts with the lower quartile of its posterior, which
// is low if its runs are few.
const CAUTION = 0.25;
const SIMULATIONS = 500;
const MAX_BLOCKS = 1_000;
// Seeds only the simulated e-process. It is the same for every record, so that a table can be made again.
const SIMULATION_SEED = 1;

/** The `share` quantile of the wedge probability under Jeffreys's prior. */
function rateQuantile({ wedged, runs }: Tally, share: number): number {
  return betaQuantile(share, wedged + 0.5, runs - wedged + 0.5);
}

function verdictCost(rate: number, tally: Tally, cleanSeconds: number, alpha: number): VerdictCost {
  const times = decisionTimes({ pReference: rate, pTreatment: 0 }, alpha, {
    simulations: SIMULATIONS,
    maxBlocks: MAX_BLOCKS,
    seed: SIMULATION_SEED,
    bets: 'cure',
    references: 2,
  });
  const p90Blocks = decisionQuantile(times, 0.9);
  const blockSeconds = 2 * (tally.seconds / Math.max(1, tally.runs + tally.invalid)) + cleanSeconds;
  return {
    rate,
    medianBlocks: decisionQuantile(times, 0.5),
    p90Blocks,
    blockSeconds,
    p90Seconds: p90Blocks === null ? null : p90Blocks * blockSeconds,
  };
}

/** Seconds of a run that does not wedge: its own, else of its curve, else as long as one that does. */
function cleanRunSeconds(candidates: readonly Candidate[], all: readonly Tally[], index: number): number {
  const own = all[index];
  const candidate = candidates[index];
  const curve = candidates.flatMap((other, i) =>
    candidate !== undefined && isSameCurve(other, candidate) ? (all[i] ?? []) : [],
  );
  for (const tally of [own, summed(curve)]) {
    if (tally === undefined) continue;
    const completed = tally.runs - tally.wedged;
    if (completed > 0) return tally.completedSeconds / completed;
  }
  return own === undefined ? 0 : own.seconds / Math.max(1, own.runs + own.invalid);
}

/** Everything that a record's runs say. Pure and seeded: the same record, the same numbers. */
export function tuningResults(record: Pick<TuningBody, 'candidates' | 'runs' | 'alpha'>): TuningResults {
  const { candidates, alpha } = record;
  const before = record.runs.filter(({ phase }) => phase !== 'confirm');
  const all = tallies(candidates.length, before);
  const results = candidates.map((candidate, index): CandidateResult => {
    const tally = all[index] ?? summed([]);
    const exposure = { wedges: tally.wedged, replies: tally.replies };
    const tried = tally.runs + tally.invalid;
    return {
      index,
      candidate,
      tally,
      hazard: hazardPerReply(exposure),
      hazard95: garwoodInterval(exposure),
      rate: rate(tally),
      rate95: confidenceSequence(tally),
      secondsPerRun: tried === 0 ? null : tally.seconds / tried,
      cost:
        tally.wedged === 0
          ? null
          : verdictCost(rateQuantile(tally, CAUTION), tally, cleanRunSeconds(candidates, all, index), alpha),
    };
  });
  const ranked = [...results].sort(
    (a, b) =>
      secondsToVerdict(a) - secondsToVerdict(b) ||
      (b.hazard ?? -1) - (a.hazard ?? -1) ||
      (b.hazard95?.[1] ?? 0) - (a.hazard95?.[1] ?? 0) ||
      a.index - b.index,
  );
  const first = ranked[0];
  const chosen = first === undefined || first.tally.wedged === 0 ? null : first;
  const confirming = record.runs.filter(({ phase }) => phase === 'confirm');
  return {
    ranked,
    chosen,
    confirmation:
      chosen === null || confirming.length === 0
        ? null
        : confirmationOf(
            tallies(candidates.length, confirming)[chosen.index] ?? summed([]),
            chosen,
            all,
            record,
          ),
    total: summed(tallies(candidates.length, record.runs)),
  };
}

/** Practically infinite if it never wedged, but finite: the difference of two infinities is NaN. */
function secondsToVerdict({ cost }: CandidateResult): number {
  return cost === null ? Number.MAX_VALUE : (cost.p90Seconds ?? Number.MAX_VALUE / 2);
}

function confirmationOf(
  tally: Tally,
  chosen: CandidateResult,
  all: readonly Tally[],
  { candidates, alpha }: Pick<TuningBody, 'candidates' | 'alpha'>,
): TuningResults['confirmation'] {
  const exposure = { wedges: tally.wedged, replies: tally.replies };
  const completed = tally.runs - tally.wedged;
  const clean =
    completed > 0 ? tally.completedSeconds / completed : cleanRunSeconds(candidates, all, chosen.index);
  return {
    tally,
    rate: rate(tally),
    rate95: clopperPearson(tally),
    hazard: hazardPerReply(exposure),
    hazard95: garwoodInterval(exposure),
    cost: tally.wedged === 0 ? null : verdictCost(rateQuantile(tally, 0.5), tally, clean, alpha),
  };
}
