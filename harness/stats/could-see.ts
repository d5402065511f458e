import { boschlooLess } from './boschloo.ts';
import { type ClaimArms, type ClaimRule, claimPower, hasCompeting, SUFFICIENT_POWER } from './claim-power.ts';
import { claimDecisionTimes, decisionQuantile } from './decision-times.ts';

/** What an experiment of this size could have seen, for the words beside `no-difference` and `inconclusive`. */
export interface Sensitivity80 {
  /**
   * Smallest drop from the observed control rate for which the whole claim has 80 % power, sham at its own rate;
   * `null` when not even one to zero.
   */
  readonly smallestDrop: number | null;
  /**
   * Smallest rate of every reference from which the claim has 80 % power for a drop to zero; `null` when none.
   */
  readonly smallestControlRate: number | null;
  /**
   * Runs of each arm (blocks) with which the claim has 80 % power for a treatment at zero, at the observed
   * rates; `null` when a reference never had the event or more than 2000 are needed.
   */
  readonly runsNeeded: number | null;
  /** Runs of each arm still to be made: `runsNeeded` less those counted, 0 when there are enough already. */
  readonly runsStillNeeded: number | null;
}

const MAX_RUNS = 2000;

/**
 * What runs like these could have seen. Costs up to a second where the event is rare, so it is apart from the
 * verdict.
 *
 * @param arms the observed arms, the first reference being control; of several strata, of their added counts
 */
export function sensitivity80(arms: ClaimArms, rule: ClaimRule): Sensitivity80 {
  const { references, treatment } = arms;
  const [control] = references;
  const counted = Math.min(treatment.runs, ...references.map(({ runs }) => runs));
  const runsNeeded = control === undefined ? null : runsForCure(arms, rule);
  const runsStillNeeded = runsNeeded === null ? null : Math.max(0, runsNeeded - counted);
  if (counted === 0 || control === undefined)
    return { smallestDrop: null, smallestControlRate: null, runsNeeded, runsStillNeeded };
  // What is simulated is so to ±2 %: bisecting below a tenth of a percent would read the noise.
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

/** The last value on the way from `from` towards `to` at which `holds`; `null` when not even at `from`. */
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

/** Runs of each arm with which the whole claim has 80 % power; `null` beyond `MAX_RUNS`. */
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

/** With competing events, to within a few percent: simulated powers are not exact enough for more. */
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

/** From so many runs on Boschloo's test needs at most 3 % fewer than Fisher's, and looking for them takes seconds. */
const FISHER_RUNS = 400;

/**
 * Exact: beside a treatment without an event, each reference needs as many as the test demands, so that the
 * power is the product of their tails.
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
    // Boschloo's test rejects whatever Fisher's does, and a little more.
    while (events > 1 && boschlooLess({ wedged: events - 1, runs }, { wedged: 0, runs }) <= alpha) {
      events -= 1;
    }
    if (power(runs, events) >= SUFFICIENT_POWER) return runs;
  }
  return fisher;
}

/** Events of `runs` that Fisher's test rejects beside 0 of as many: P = ∏ (n − i) / (2n − i). More than `runs`: none. */
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
