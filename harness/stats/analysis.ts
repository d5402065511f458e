import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type ArmAnalysis, armAnalysis } from './arm-summary.ts';
import { observedClaim } from './claim-power.ts';
import {
  type ComparedArm,
  type Comparison,
  type ComparisonKind,
  comparison,
  type TwoArmSummary,
  twoArmSummary,
} from './comparison.ts';
import { type ContentInnocence, contentInnocence } from './content-innocence.ts';
import { type Sensitivity80, sensitivity80 } from './could-see.ts';
import type { Count } from './counts.ts';
import {
  armRuns,
  type CountedOutcomes,
  countedOutcomes,
  countOf,
  type DecisionTable,
  decisionTables,
  plannedBlocks,
} from './decision-table.ts';
import { type Drift, drift } from './drift.ts';
import { type ExposureComparison, exposureComparisons } from './exposure.ts';
import {
  type AlternativeVerdicts,
  competingSensitivity,
  deadlineSensitivity,
  type ExclusionVerdicts,
  exclusionSensitivity,
  withoutExcludedClaims,
} from './sensitivity.ts';
import { sequentialStart, sequentialStep } from './sequential-decision.ts';
import type { StratumLayout } from './strata.ts';
import { rateHeterogeneity } from './stratified.ts';
import { armsEvidence } from './stratified-evidence.ts';
import { treatmentWithholdings } from './treatment-withholdings.ts';
import { armsByRole, type TreatmentVerdict, treatmentVerdicts } from './verdict.ts';

/**
 * Two-sided level for two warnings: a sham differs from control, and a control drifted. Neither is a claim.
 */
export const WARNING_LEVEL = 0.05;

/** A pair of arms that should not differ, judged by the protocol's own test. */
export interface EqualityCheck {
  readonly reference: string;
  readonly arm: string;
  /** Two-sided. With the e-process it is valid at any stopping time. */
  readonly pTwoSided: number;
  /** Whether the pair differs at `WARNING_LEVEL`. */
  readonly differs: boolean;
  /** Whether the pair differs at the experiment's own α. An A/A experiment must not reach this. */
  readonly decided: boolean;
}

/** One stratum of a merged experiment. */
export interface StratumAnalysis {
  readonly name: string;
  /** Ids of the stratum's sources. */
  readonly sources: readonly string[];
  readonly blocks: { readonly planned: number; readonly complete: number; readonly counted: number };
  /** Valid runs of the counted blocks, in the protocol's order. */
  readonly arms: readonly (Count & { readonly arm: string })[];
}

/** Whether one arm's rates differ between strata. */
export interface ArmHeterogeneity {
  readonly arm: string;
  /** P-value of Pearson's χ², approximate when a stratum has few runs. */
  readonly p: number;
  /** Whether the rates differ at `WARNING_LEVEL`. */
  readonly differs: boolean;
}

export interface VerdictAnalysis extends TreatmentVerdict {
  readonly couldSee: Sensitivity80;
}

/**
 * Every number that a report, `summary.json`, `soak verify` or the live display shows. Plain JSON: no number
 * is NaN or infinite, and a value that does not exist is `null`. It depends only on the protocol and the
 * runs, so the same journal gives the same bytes.
 */
export interface Analysis {
  readonly test: Protocol['decision']['test'];
  readonly stopping: Protocol['decision']['stopping'];
  readonly alpha: number;
  readonly blocks: {
    readonly planned: number;
    /** Blocks in which every arm's run is recorded. */
    readonly complete: number;
    /** Blocks that decide: complete blocks with no missing block before them. */
    readonly counted: number;
    /**
     * Recorded blocks that do not decide, 0-based, with the arms whose run is missing. No arm is listed for a
     * complete block after a gap.
     */
    readonly notCounted: readonly { readonly block: number; readonly missing: readonly string[] }[];
  };
  readonly arms: readonly ArmAnalysis[];
  /** The exposure of each arm against the first control, over the counted blocks. */
  readonly exposure: readonly ExposureComparison[];
  /** Whether wedges prefer a cell, over control and shams together with each treatment that still wedged. */
  readonly innocence: ContentInnocence;
  /** Hosts and nights of a merged experiment; absent when there is only one stratum. */
  readonly strata?: readonly StratumAnalysis[];
  /** Whether each arm's rate is the same in every stratum; absent when there is only one stratum. */
  readonly heterogeneity?: readonly ArmHeterogeneity[];
  /** Each sham against control first, then each treatment against control and shams, then A/A pairs. */
  readonly comparisons: readonly Comparison[];
  /** Shams against control. A sham that differs must be reported before any verdict. */
  readonly shams: readonly EqualityCheck[];
  /** Further controls against the first control. */
  readonly aa: readonly EqualityCheck[];
  readonly verdicts: readonly VerdictAnalysis[];
  /**
   * 0-based block after which the e-process had decided every treatment (or A/A pair); `null` when it has
   * not, or with another test.
   */
  readonly decidedAtBlock: number | null;
  /** Arms without a valid run in the counted blocks. When there are any, the experiment has no verdict. */
  readonly armsWithoutValidRun: readonly string[];
  readonly baseline: readonly (TwoArmSummary & { readonly arm: string })[];
  readonly sensitivity: {
    readonly exclusions: ExclusionVerdicts;
    /**
     * The verdicts with every competing event counted against the claim. Reported only; they decide nothing.
     */
    readonly competing: AlternativeVerdicts;
    readonly deadline: AlternativeVerdicts & { readonly halfDeadlineMs: number };
    /** Drift of the first control; `null` without one. */
    readonly drift: (Drift & { readonly drifted: boolean }) | null;
  };
}

export interface AnalysisOptions {
  /**
   * Counts of an earlier experiment to show beside each arm (`--baseline`). They are not interleaved with
   * these runs, so no verdict rests on them.
   */
  readonly baseline?: Count;
  /** Where the runs were recorded; absent: all blocks in one place. */
  readonly strata?: readonly StratumLayout[];
  /** Whether the blocks of `strata` are all the planned blocks, as in the journal of a shard. */
  readonly part?: boolean;
}

/** @throws SoakError `bad-journal` when a run names an unknown arm, or a block holds two runs of one arm. */
export function analyseExperiment(
  protocol: Protocol,
  runs: readonly RunRecord[],
  options: AnalysisOptions = {},
): Analysis {
  const { alpha, test, stopping, p0, bets } = protocol.decision;
  const layout = options.strata ?? ANYWHERE;
  const tables = decisionTables(protocol, runs, layout);
  const outcomes = countedOutcomes(tables);
  const arms = protocol.arms.map((arm, index) =>
    armAnalysis(
      protocol,
      arm,
      tables.flatMap((table) => armRuns(table, index)),
      tables.flatMap((table) => armRuns(table, index, table.counted)),
    ),
  );
  const compared = (name: string): ComparedArm => {
    const hazard = arms.find((arm) => arm.name === name)?.hazard;
    return {
      name,
      exposure: { wedges: hazard?.wedges ?? 0, replies: hazard?.replies ?? 0 },
    };
  };
  const comparisons = comparedPairs(protocol).map(([kind, reference, treatment]) =>
    comparison(kind, compared(reference), compared(treatment), {
      outcomes,
      decision: { alpha, p0, bets },
      strata: layout.map(({ name }) => name),
      seed: protocol.seed,
    }),
  );
  const equality = (kind: ComparisonKind): EqualityCheck[] =>
    comparisons
      .filter((pair) => pair.kind === kind)
      .map(({ reference, treatment }) => {
        const { pTwoSided } = armsEvidence(outcomes, reference, treatment, { test });
        return {
          reference,
          arm: treatment,
          pTwoSided,
          differs: pTwoSided <= WARNING_LEVEL,
          decided: pTwoSided <= alpha,
        };
      });
  const { control } = armsByRole(protocol);
  const exposure = exposureComparisons(protocol, control, tables.flatMap(countedRuns));
  const asRun = treatmentVerdicts(protocol, outcomes, treatmentWithholdings(arms, exposure));
  const exclusions = exclusionSensitivity(protocol, tables, asRun);
  const verdicts = withoutExcludedClaims(asRun, exclusions);
  const controlDrift =
    control === null
      ? null
      : drift(
          control,
          (outcomes.strata ?? [outcomes.byArm]).map((byArm) => byArm.get(control) ?? []),
        );
  return {
    test,
    stopping,
    alpha,
    blocks: {
      planned: plannedOf(protocol, layout, tables, options.part === true),
      complete: tables.reduce((sum, { complete }) => sum + complete, 0),
      counted: tables.reduce((sum, { counted }) => sum + counted, 0),
      notCounted: tables.flatMap((table) =>
        table.rows.slice(table.counted).map((row) => ({
          block: row.block,
          missing: table.arms.filter((_, index) => row.runs[index] === undefined),
        })),
      ),
    },
    arms,
    exposure,
    innocence: contentInnocence(
      arms
        .filter(
          ({ role, positions }) => role !== 'treatment' || positions.cells.some(({ wedges }) => wedges > 0),
        )
        .map(({ name, positions }) => ({ name, cells: positions.cells })),
      protocol.seed,
    ),
    ...stratumAnalyses(layout, tables, outcomes),
    comparisons,
    shams: equality('sham-control'),
    aa: equality('a-a'),
    verdicts: verdicts.map((verdict) => ({
      ...verdict,
      couldSee: couldSee(protocol, outcomes, verdict, verdicts.length),
    })),
    decidedAtBlock: test === 'e-process' ? decidedAt(protocol, outcomes, tables) : null,
    armsWithoutValidRun: arms.filter((arm) => arm.runs === 0).map((arm) => arm.name),
    baseline:
      options.baseline === undefined
        ? []
        : arms.map((arm) => ({
            arm: arm.name,
            ...twoArmSummary(options.baseline as Count, { wedged: arm.wedged, runs: arm.runs }, p0),
          })),
    sensitivity: {
      exclusions,
      competing: competingSensitivity(protocol, tables, verdicts),
      deadline: deadlineSensitivity(protocol, tables, verdicts),
      drift:
        controlDrift === null
          ? null
          : { ...controlDrift, drifted: controlDrift.fisherTwoSided <= WARNING_LEVEL },
    },
  };
}

function countedRuns({ rows, counted }: DecisionTable): RunRecord[] {
  return rows.slice(0, counted).flatMap(({ runs }) => runs.flatMap((run) => run ?? []));
}

/** With several strata, treats their summed counts as one host's. */
function couldSee(
  protocol: Protocol,
  { byArm, wedgesAnywhere }: CountedOutcomes,
  { treatment }: TreatmentVerdict,
  treatments: number,
): Sensitivity80 {
  const { control, shams } = armsByRole(protocol);
  const references = [...(control === null ? [] : [control]), ...shams];
  const [arms = { references: [], treatment: { runs: 0, event: 0, competing: 0 } }] = observedClaim(
    { byArm, wedgesAnywhere },
    references,
    treatment,
  );
  return sensitivity80(arms, {
    ...protocol.decision,
    alpha: protocol.decision.alpha / treatments,
    seed: protocol.seed,
  });
}

/** The layout of runs in one place: every block that has runs. */
const ANYWHERE: readonly StratumLayout[] = [
  { name: '', sources: [{ id: undefined, blocks: { first: 0, end: Number.POSITIVE_INFINITY } }] },
];

function comparedPairs(protocol: Protocol): [ComparisonKind, string, string][] {
  const { control, otherControls, shams, treatments } = armsByRole(protocol);
  const against = (kind: ComparisonKind, reference: string | null, arm: string) =>
    reference === null ? [] : [[kind, reference, arm] satisfies [ComparisonKind, string, string]];
  return [
    ...shams.flatMap((sham) => against('sham-control', control, sham)),
    ...treatments.flatMap((treatment) => [
      ...against('treatment-control', control, treatment),
      ...shams.flatMap((sham) => against('treatment-sham', sham, treatment)),
    ]),
    ...otherControls.flatMap((other) => against('a-a', control, other)),
  ];
}

/** Planned blocks: those of each stratum, and those that no source has. */
function plannedOf(
  protocol: Protocol,
  layout: readonly StratumLayout[],
  tables: readonly DecisionTable[],
  part: boolean,
): number {
  if (layout === ANYWHERE) return protocol.blocks;
  const sum = tables.reduce((total, { planned }) => total + planned, 0);
  if (part) return sum;
  const covered = plannedBlocks(layout.flatMap(({ sources }) => sources.map(({ blocks }) => blocks)));
  return sum + protocol.blocks - covered;
}

function stratumAnalyses(
  layout: readonly StratumLayout[],
  tables: readonly DecisionTable[],
  { strata, byArm }: CountedOutcomes,
): Pick<Analysis, 'strata' | 'heterogeneity'> {
  if (strata === undefined) return {};
  const arms = [...byArm.keys()];
  const counts = (arm: string) => strata.map((each) => countOf(each.get(arm) ?? []));
  return {
    strata: layout.map(({ name, sources }, i) => ({
      name,
      sources: sources.flatMap(({ id }) => id ?? []),
      blocks: {
        planned: tables[i]?.planned ?? 0,
        complete: tables[i]?.complete ?? 0,
        counted: tables[i]?.counted ?? 0,
      },
      arms: arms.map((arm) => ({ arm, ...countOf(strata[i]?.get(arm) ?? []) })),
    })),
    heterogeneity: arms.map((arm) => {
      const p = rateHeterogeneity(counts(arm));
      return { arm, p, differs: p <= WARNING_LEVEL };
    }),
  };
}

function decidedAt(
  protocol: Protocol,
  outcomes: CountedOutcomes,
  tables: readonly DecisionTable[],
): number | null {
  const [table, ...others] = tables;
  // Strata run side by side, so there is no block after which all of them had decided.
  if (table === undefined || others.length > 0) return null;
  const blocks = table.counted;
  let state = sequentialStart(protocol);
  for (let block = 0; block < blocks; block += 1) {
    const statuses = new Map([...outcomes.byArm].map(([arm, all]) => [arm, all[block] ?? 'invalid']));
    state = sequentialStep(protocol, state, statuses);
    if (state.isDecided) return table.rows[block]?.block ?? block;
  }
  return null;
}
