import type { OutcomeStatus } from '../model/run-status.ts';
import { type RateSummary, rateSummary } from '../stats/arm-summary.ts';
import { observedClaim } from '../stats/claim-power.ts';
import { type TwoArmSummary, twoArmSummary } from '../stats/comparison.ts';
import { type Sensitivity80, sensitivity80 } from '../stats/could-see.ts';
import type { Count } from '../stats/counts.ts';
import { type TreatmentVerdict, treatmentVerdicts } from '../stats/verdict.ts';

/** Counts that people already have, from this harness or elsewhere. */
export interface GivenCounts {
  readonly reference: Count;
  readonly treatment: Count;
  readonly sham: Count | null;
  /** Reference rate taken as known by the binomial tail; `null`: the reference's own. */
  readonly p0: number | null;
  readonly alpha: number;
}

/** Everything that such counts can say. Nothing of order or time: no e-process, hazard or drift. */
export interface CountsReport {
  readonly given: GivenCounts;
  readonly arms: {
    readonly reference: RateSummary;
    readonly treatment: RateSummary;
    readonly sham: RateSummary | null;
  };
  readonly treatmentAgainstReference: TwoArmSummary;
  readonly treatmentAgainstSham: TwoArmSummary | null;
  readonly shamAgainstReference: TwoArmSummary | null;
  /** By Boschloo's test at α, as of a fixed-size experiment. */
  readonly verdict: TreatmentVerdict;
  readonly couldSee: Sensitivity80;
}

export function countsReport(given: GivenCounts): CountsReport {
  const { reference, treatment, sham, p0, alpha } = given;
  const arms = [
    { name: 'reference', role: 'control' as const, count: reference },
    { name: 'treatment', role: 'treatment' as const, count: treatment },
    ...(sham === null ? [] : [{ name: 'sham', role: 'sham' as const, count: sham }]),
  ];
  const design = { arms, decision: { alpha, test: 'boschloo' as const }, seed: 0 };
  const outcomes = {
    byArm: new Map(arms.map(({ name, count }) => [name, statusesOf(count)])),
    wedgesAnywhere: new Map(arms.map(({ name, count }) => [name, count.wedged])),
  };
  const [verdict] = treatmentVerdicts(design, outcomes);
  const references = arms.filter(({ role }) => role !== 'treatment').map(({ name }) => name);
  const [claim] = observedClaim(outcomes, references, 'treatment');
  if (verdict === undefined || claim === undefined)
    throw new Error('a design with one treatment has one verdict');
  return {
    given,
    arms: {
      reference: rateSummary(reference),
      treatment: rateSummary(treatment),
      sham: sham === null ? null : rateSummary(sham),
    },
    treatmentAgainstReference: twoArmSummary(reference, treatment, p0),
    treatmentAgainstSham: sham === null ? null : twoArmSummary(sham, treatment, p0),
    shamAgainstReference: sham === null ? null : twoArmSummary(reference, sham, p0),
    verdict,
    couldSee: sensitivity80(claim, { ...design.decision, seed: 0 }),
  };
}

/** Runs in some order: no test of counts depends on it. */
function statusesOf({ wedged, runs }: Count): OutcomeStatus[] {
  return Array.from({ length: runs }, (_, run) => (run < wedged ? 'wedged' : 'completed'));
}

/** One pair under the keys that `soak stats --json` publishes. */
function pairJson(summary: TwoArmSummary, first: RateSummary, second: RateSummary) {
  const both = (key: 'clopperPearson95' | 'wilson95' | 'jeffreys95') => ({
    reference: first[key],
    treatment: second[key],
  });
  return {
    reference: summary.counts.reference,
    treatment: summary.counts.treatment,
    p0: summary.binomialTail?.p0 ?? null,
    p0Source: summary.binomialTail?.p0Source ?? null,
    binomialTail: summary.binomialTail?.p ?? null,
    clopperPearson95: both('clopperPearson95'),
    wilson95: both('wilson95'),
    jeffreys95: both('jeffreys95'),
    upper95Treatment: second.upper95,
    fisherLess: summary.fisherLess,
    fisherTwoSided: summary.fisherTwoSided,
    boschlooLess: summary.boschlooLess,
    boschlooTwoSided: summary.boschlooTwoSided,
    difference: summary.difference,
    newcombeDifference95: summary.newcombeDifference95,
  };
}

/**
 * What `soak stats --json` prints, a published format: the treatment against the reference at the top level;
 * every pair, in `twoArm`, with its roles; each arm's confidence sequence; the verdict and what it rests on.
 */
export function countsReportJson(report: CountsReport) {
  const { arms, verdict } = report;
  const main = pairJson(report.treatmentAgainstReference, arms.reference, arms.treatment);
  const pairs: object[] = [{ pair: 'treatment-reference', ...main }];
  if (arms.sham !== null && report.treatmentAgainstSham !== null && report.shamAgainstReference !== null) {
    pairs.push(
      { pair: 'treatment-sham', ...pairJson(report.treatmentAgainstSham, arms.sham, arms.treatment) },
      { pair: 'sham-reference', ...pairJson(report.shamAgainstReference, arms.reference, arms.sham) },
    );
  }
  return {
    ...main,
    ...(report.given.sham === null ? {} : { sham: report.given.sham }),
    alpha: report.given.alpha,
    confidenceSequence95: Object.entries(arms).flatMap(([arm, summary]) =>
      summary === null
        ? []
        : [{ arm, wedged: summary.wedged, runs: summary.runs, interval: summary.confidenceSequence95 }],
    ),
    twoArm: pairs,
    verdict: verdict.word,
    conditions: verdict.conditions,
    powerToZero: verdict.powerToZero,
    couldSee: report.couldSee,
  };
}
