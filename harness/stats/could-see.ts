import { boschlooLess } from './boschloo.ts';
import { type ClaimArms, type ClaimRule, claimPower, hasCompeting, SUFFICIENT_POWER } from './claim-power.ts';
import { claimDecisionTimes, decisionQuantile } from './decision-times.ts';

/**
 * The effects that an experiment of this size could have detected. Reports print it beside `no-difference`
 * and `inconclusive`.
 */
export interface Sensitivity80 {
  /**
   * Smallest drop from the observed control rate that the whole claim detects with 80 % power, with each sham
   * at its own rate. `null` when the claim would miss even a drop to zero.
   */
  readonly smallestDrop: number | null;
  /**
   * Smallest rate, the same for every reference, from which the claim detects a drop to zero with 80 % power.
   * `null` when there is none.
   */
  readonly smallestControlRate: number | null;
  /**
   * Runs of each arm (blocks) that give the claim 80 % power for a treatment at zero, at the observed rates.
   * `null` when a reference never had the event, or when more than 2000 runs are needed.
   */
  readonly runsNeeded: number | null;
  /**
   * Runs of each arm that are still missing: `runsNeeded` minus the counted runs, 0 when there are enough
   * already.
   */
  readonly runsStillNeeded: number | null;
}

const MAX_RUNS = 2000;

/**
 * The effects that runs like these could have detected. This takes up to a second when the event is rare, so
 * it is computed apart from the verdict.
 *
 * @param arms the observed arms, control first among the references; with several strata, their summed counts
 */
export function sensitivity80(arms: ClaimArms, rule: ClaimRule): Sensitivity80 {
  const { references, treatment } = arms;
  const [control] = references;
  const counted = Math.min(treatment.runs, ...references.map(({ runs }) => runs));
  const runsNeeded = control === undefined ? null : runsForCure(arms, rule);
  const runsStillNeeded = runsNeeded === null ? null : Math.max(0, runsNeeded - counted);
  if (counted === 0 || control === undefined)
    return { smallestDrop: null, smallestControlRate: null, runsNeeded, runsStillNeeded };
  // A simulated power is accurate to ±2 %. Bisection below a tenth of a percent would read the noise.
  const isExact = rule.test === 'boschloo' && !hasCompeting(arms);
  const step = isExact ? 1e-6 : 1e-3;
  const seen = (events: readonly number[], event: number) =>
    claimPower(
      [
        {
          references: references.map((arm, r) => ({ ...arm, event: events[r] ?? 0 })),
          treatment: { ...treatment, event },
        },
      ],
      { ...rule, simulations: 400 },
    ) >= SUFFICIENT_POWER;
  const observed = references.map(({ event }) => event);
  const greatest = bisected(0, control.event, step, (event) => seen(observed, event));
  const atMost = 1 - Math.max(0, ...references.map(({ competing }) => competing));
  return {
    smallestDrop: greatest === null ? null : control.event - greatest,
    smallestControlRate: bisected(atMost, 0, step, (event) =>
      seen(
        references.map(() => event),
        0,
      ),
    ),
    runsNeeded,
    runsStillNeeded,
  };
}

/**
 * The last value on the way from `from` towards `to` for which `holds` is true; `null` when it is false even
 * at `from`.
 */
function bisected(from: number, to: number, step: number, holds: (value: number) => boolean): number | null {
  if (!holds(from)) return null;
  let [good, bad] = [from, to];
  while (Math.abs(good - bad) > step) {
    const middle = (good + bad) / 2;
    if (holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** Runs of each arm that give the whole claim 80 % power; `null` beyond `MAX_RUNS`. */
function runsForCure(arms: ClaimArms, rule: ClaimRule): number | null {
  const { references, treatment } = arms;
  if (references.some(({ event }) => event === 0)) return null;
  if (rule.test === 'e-process') {
    const times = claimDecisionTimes(references, treatment, rule.alpha, {
      simulations: 500,
      maxBlocks: MAX_RUNS,
      seed: rule.seed,
      bets: rule.bets ?? 'neutral',
    });
    return decisionQuantile(times, SUFFICIENT_POWER);
  }
  return hasCompeting(arms) ? simulatedRunsForCure(arms, rule) : exactRunsForCure(arms, rule.alpha);
}

/** For arms with competing events. Accurate to a few percent, because simulated powers allow no more. */
function simulatedRunsForCure({ references, treatment }: ClaimArms, rule: ClaimRule): number | null {
  const isEnough = (runs: number) =>
    claimPower(
      [{ references: references.map((arm) => ({ ...arm, runs })), treatment: { ...treatment, runs } }],
      { ...rule, simulations: 400 },
    ) >= SUFFICIENT_POWER;
  let [few, enough] = [1, 8];
  while (!isEnough(enough)) {
    if (enough >= MAX_RUNS) return null;
    [few, enough] = [enough, Math.min(MAX_RUNS, enough * 2)];
  }
  while (enough - few > Math.max(1, enough / 50)) {
    const middle = Math.round((few + enough) / 2);
    if (isEnough(middle)) enough = middle;
    else few = middle;
  }
  return enough;
}

/**
 * From this many runs on, Boschloo's test needs at most 3 % fewer runs than Fisher's. Searching for them
 * would take seconds.
 */
const FISHER_RUNS = 400;

/**
 * Exact. Beside a treatment without an event, every reference needs as many events as the test demands. The
 * power is then the product of the references' tail probabilities.
 */
function exactRunsForCure({ references }: ClaimArms, alpha: number): number | null {
  const power = (runs: number, events: number) =>
    references.reduce((all, { event }) => all * binomialUpperTail(events, runs, event), 1);
  let fisher: number | null = null;
  for (let runs = 1; runs <= MAX_RUNS && fisher === null; runs += 1) {
    if (power(runs, eventsForFisher(runs, alpha)) >= SUFFICIENT_POWER) fisher = runs;
  }
  if (fisher === null || fisher > FISHER_RUNS) return fisher;
  for (let runs = Math.floor(fisher * (fisher > 60 ? 0.8 : 0)) + 1; runs < fisher; runs += 1) {
    let events = eventsForFisher(runs, alpha);
    if (power(runs, Math.max(1, events - 3)) < SUFFICIENT_POWER) continue;
    // Boschloo's test rejects everything that Fisher's test rejects, and a little more.
    while (events > 1 && boschlooLess({ wedged: events - 1, runs }, { wedged: 0, runs }) <= alpha) {
      events -= 1;
    }
    if (power(runs, events) >= SUFFICIENT_POWER) return runs;
  }
  return fisher;
}

/**
 * Events in `runs` that Fisher's test rejects beside 0 events in as many runs: P = ∏ (n − i) / (2n − i). A
 * result above `runs` means that no number of events is enough.
 */
function eventsForFisher(runs: number, alpha: number): number {
  let p = 1;
  for (let events = 0; events <= runs; events += 1) {
    if (p <= alpha) return events;
    p *= (runs - events) / (2 * runs - events);
  }
  return runs + 1;
}

/** P(X ≥ least) for X ~ Binomial(runs, p), p above 0. */
function binomialUpperTail(least: number, runs: number, p: number): number {
  if (least > runs) return 0;
  if (p >= 1) return 1;
  let [term, below] = [(1 - p) ** runs, 0];
  for (let events = 0; events < least; events += 1) {
    below += term;
    term *= ((runs - events) / (events + 1)) * (p / (1 - p));
  }
  return Math.max(0, 1 - below);
}
