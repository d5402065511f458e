import type { RunRecord } from '../model/journal.ts';
import { isObserved, runStatus } from '../model/run-status.ts';
import type { KindCounts } from '../stats/arm-summary.ts';
import type { BisectJournal, BisectProtocol } from './journal.ts';
import { ratesOf } from './likelihood.ts';
import type { BatchResult, Span } from './model.ts';
import { type Belief, belief, beliefAfter, jointProbability } from './posterior.ts';

/** After this many invalid runs and no valid one, a release counts as one that cannot be run. */
const INVALID_RUNS = 3;

/** After this many clean runs, a control is not reproduced. At a rate of 14 %, one in twenty would be that clean. */
const CLEAN_CONTROLS = 20;

/** What the runs of one release add up to. */
export interface ReleaseTally {
  readonly runs: number;
  readonly wedged: number;
  readonly invalid: number;
  /** Of the invalid ones, those that ended otherwise, by kind. */
  readonly endings: KindCounts;
}

/**
 * Releases that cannot be told apart, because those in between cannot be run, and the probability that the change came
 * with one of them. A single release if all can be run.
 */
export interface Claim {
  /** Indices of releases. 0 means that the good release has it already. */
  readonly brought: readonly number[];
  /** Indices of releases. One more than the last means that the fixed one still has it. `null` if no cure is sought. */
  readonly cured: readonly number[] | null;
  /** Of both together. */
  readonly probability: number;
}

/** A bisect after one of its complete batches. */
export interface BisectState {
  readonly span: Span;
  readonly batches: readonly BatchResult[];
  readonly tallies: readonly ReleaseTally[];
  /** Releases that cannot be run. */
  readonly skipped: ReadonlySet<number>;
  readonly belief: Belief;
  readonly claim: Claim;
  /** Runs of complete batches. */
  readonly runs: number;
}

function spanOf({ releases, bad }: BisectProtocol): Span {
  return { releases: releases.length, bad };
}

/**
 * The complete batches as counts. A run that ended otherwise, or that the harness could not observe, does not show
 * whether its release has the fault: the search is for one fault, and a release that fails otherwise did not bring
 * it. A batch of invalid probes still shows what its control did.
 */
function batchResults({ bisect, batches }: Pick<BisectJournal, 'bisect' | 'batches'>): BatchResult[] {
  const { protocol } = bisect;
  const control = protocol.releases[protocol.bad];
  return batches
    .filter(({ plan, runs }) => runs.length === plan.order.length)
    .map(({ plan, runs }) => {
      const statuses = (isControl: boolean) =>
        runs.filter(({ arm }) => (arm === control) === isControl).map((run) => runStatus(run, protocol));
      const [ofControl] = statuses(true);
      const valid = statuses(false).filter(isObserved);
      return {
        probe: plan.probe,
        controlWedged: isObserved(ofControl) ? ofControl === 'wedged' : null,
        runs: valid.length,
        wedged: valid.filter((status) => status === 'wedged').length,
      };
    });
}

function talliesOf(journal: Pick<BisectJournal, 'bisect' | 'batches'>): ReleaseTally[] {
  const runs = journal.batches.flatMap((batch) => batch.runs);
  const { protocol } = journal.bisect;
  return protocol.releases.map((name) => {
    const own = runs.filter(({ arm }) => arm === name);
    const statuses = own.map((run) => runStatus(run, protocol));
    const observed = statuses.filter(isObserved).length;
    const wedged = statuses.filter((status) => status === 'wedged').length;
    const others = own.filter((_, index) => statuses[index] === 'competing');
    return { runs: observed, wedged, invalid: statuses.length - observed, endings: kindsOf(others) };
  });
}

function kindsOf(runs: readonly RunRecord[]): KindCounts {
  const kinds: KindCounts = {};
  for (const { outcome } of runs) kinds[outcome.kind] = (kinds[outcome.kind] ?? 0) + 1;
  return kinds;
}

/** Hypotheses in order, grouped if only a release that cannot be run would tell them apart. */
function groups(from: number, to: number, skipped: ReadonlySet<number>): number[][] {
  const all: number[][] = [];
  for (let hypothesis = from; hypothesis <= to; hypothesis += 1) {
    // The release before the change is what tells it from the change one earlier.
    const last = all.at(-1);
    if (last !== undefined && skipped.has(hypothesis - 1)) last.push(hypothesis);
    else all.push([hypothesis]);
  }
  return all;
}

function claimOf(current: Belief, skipped: ReadonlySet<number>): Claim {
  const { span } = current;
  const cures = span.releases - 1 > span.bad ? groups(span.bad + 1, span.releases, skipped) : [null];
  let best: Claim = { brought: [], cured: null, probability: 0 };
  for (const brought of groups(0, span.bad, skipped)) {
    for (const cured of cures) {
      const probability = jointProbability(current, brought, cured);
      if (probability > best.probability) best = { brought, cured, probability };
    }
  }
  return best;
}

/**
 * Everything that follows from a journal's complete batches. Pure: the same journal, the same numbers.
 *
 * @param before the state of the same journal some batches ago, which only saves work
 */
export function bisectState(
  journal: Pick<BisectJournal, 'bisect' | 'batches' | 'skips'>,
  before: BisectState | null = null,
): BisectState {
  const span = spanOf(journal.bisect.protocol);
  const { model } = journal.bisect.protocol;
  const batches = batchResults(journal);
  const last = batches.at(-1);
  const added = before === null ? Number.POSITIVE_INFINITY : batches.length - before.batches.length;
  const current =
    before !== null && added === 0
      ? before.belief
      : before !== null && added === 1 && last !== undefined
        ? beliefAfter(before.belief, batches, last.probe)
        : belief(span, model, batches, before?.belief.rates ?? ratesOf(model));
  const tallies = talliesOf(journal);
  const skipped = new Set(journal.skips.map(({ release }) => release));
  tallies.forEach(({ runs, invalid }, release) => {
    if (runs === 0 && invalid >= INVALID_RUNS) skipped.add(release);
  });
  return {
    span,
    batches,
    tallies,
    skipped,
    belief: current,
    claim: claimOf(current, skipped),
    runs: journal.batches.reduce(
      (sum, { plan, runs }) => sum + (runs.length === plan.order.length ? runs.length : 0),
      0,
    ),
  };
}

/** Whether the control has a valid run. Without one, the bisect says nothing about any release. */
export function hasValidRun({ span, tallies }: Pick<BisectState, 'span' | 'tallies'>): boolean {
  return (tallies[span.bad]?.runs ?? 0) > 0;
}

/** Why a bisect needs no further batch; `null`: it does. */
export type Finding =
  /** The change points are named at the confidence asked for. */
  | 'found'
  /** The control never wedged: nothing can be told. */
  | 'not-reproduced'
  /** The control cannot be run. */
  | 'no-control';

export function findingOf(state: BisectState, { bad, confidence }: BisectProtocol): Finding | null {
  const control = state.tallies[bad];
  if (state.skipped.has(bad)) return 'no-control';
  if (control !== undefined && control.wedged === 0) {
    return control.runs >= CLEAN_CONTROLS ? 'not-reproduced' : null;
  }
  return state.claim.probability >= confidence ? 'found' : null;
}
