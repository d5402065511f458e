import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type ArmAnalysis, armAnalysis } from './arm-summary.ts';
import type { TwoArmSummary } from './comparison.ts';
import {
  type ComparedArm,
  type Comparison,
  type ComparisonKind,
  comparison,
  twoArmSummary,
} from './comparison.ts';
import type { Count } from './counts.ts';
import { armRuns, type CountedOutcomes, countedOutcomes, countOf, decisionTable } from './decision-table.ts';
import { type Drift, drift } from './drift.ts';
import { pairEvidence } from './pair-evidence.ts';
import { type AlternativeVerdicts, deadlineSensitivity, exclusionSensitivity } from './sensitivity.ts';
import { sequentialStart, sequentialStep } from './sequential-decision.ts';
import {
  armsByRole,
  type Sensitivity80,
  sensitivity80,
  type TreatmentVerdict,
  treatmentVerdicts,
} from './verdict.ts';

/** Two-sided level at which a sham is said to differ from control, and a control to have drifted: warnings, not claims. */
export const WARNING_LEVEL = 0.05;

/** A pair that ought not to differ, by the protocol's own test. */
export interface EqualityCheck {
  readonly reference: string;
  readonly arm: string;
  /** Two-sided; of the e-process it is valid whenever one stops. */
  readonly pTwoSided: number;
  /** At `WARNING_LEVEL`. */
  readonly differs: boolean;
  /** At the experiment's own α: what an A/A experiment must not do. */
  readonly decided: boolean;
}

export interface VerdictAnalysis extends TreatmentVerdict {
  readonly couldSee: Sensitivity80;
}

/**
 * Every number that a report, `summary.json`, `soak verify` or the live display shows. Plain JSON: no number
 * is NaN or infinite, and what does not exist is `null`. A function of the protocol and the runs alone, so
 * that the same journal gives the same bytes.
 */
export interface Analysis {
  readonly test: Protocol['decision']['test'];
  readonly stopping: Protocol['decision']['stopping'];
  readonly alpha: number;
  readonly blocks: {
    readonly planned: number;
    /** Blocks of which every arm's run is recorded. */
    readonly complete: number;
    /** Blocks that decide: complete, and none before them is missing. */
    readonly counted: number;
    /** Recorded blocks that do not decide, 0-based, with the arms whose run is missing (none: a block after a gap). */
    readonly notCounted: readonly { readonly block: number; readonly missing: readonly string[] }[];
  };
  readonly arms: readonly ArmAnalysis[];
  /** Each sham against control first, then each treatment against control and shams, then A/A pairs. */
  readonly comparisons: readonly Comparison[];
  /** Shams against control: one that differs is to be said before any verdict. */
  readonly shams: readonly EqualityCheck[];
  /** Further controls against the first. */
  readonly aa: readonly EqualityCheck[];
  readonly verdicts: readonly VerdictAnalysis[];
  /** 0-based block after which the e-process had decided every treatment (or A/A pair); `null` if not, or for another test. */
  readonly decidedAtBlock: number | null;
  /** Arms without a valid run in the counted blocks: the experiment has no verdict. */
  readonly armsWithoutValidRun: readonly string[];
  readonly baseline: readonly (TwoArmSummary & { readonly arm: string })[];
  readonly sensitivity: {
    readonly exclusions: AlternativeVerdicts;
    readonly deadline: AlternativeVerdicts & { readonly halfDeadlineMs: number };
    /** Of the first control; `null` without one. */
    readonly drift: (Drift & { readonly drifted: boolean }) | null;
  };
}

export interface AnalysisOptions {
  /** Counts of an earlier experiment to set beside each arm (`--baseline`). Not interleaved, so no verdict rests on it. */
  readonly baseline?: Count;
}

/** @throws SoakError `bad-journal` when a run is of an unknown arm, or a block holds two runs of one arm. */
export function analyseExperiment(
  protocol: Protocol,
  runs: readonly RunRecord[],
  options: AnalysisOptions = {},
): Analysis {
  const { alpha, test, stopping, p0 } = protocol.decision;
  const table = decisionTable(protocol, runs);
  const outcomes = countedOutcomes(table);
  const arms = protocol.arms.map((arm, index) =>
    armAnalysis(protocol, arm, armRuns(table, index), armRuns(table, index, table.counted)),
  );
  const statuses = (name: string) => outcomes.byArm.get(name) ?? [];
  const compared = (name: string): ComparedArm => {
    const hazard = arms.find((arm) => arm.name === name)?.hazard;
    return {
      name,
      statuses: statuses(name),
      exposure: { wedges: hazard?.wedges ?? 0, replies: hazard?.replies ?? 0 },
    };
  };
  const comparisons = comparedPairs(protocol).map(([kind, reference, treatment]) =>
    comparison(kind, compared(reference), compared(treatment), { alpha, p0 }),
  );
  const equality = (kind: ComparisonKind): EqualityCheck[] =>
    comparisons
      .filter((pair) => pair.kind === kind)
      .map(({ reference, treatment }) => {
        const { pTwoSided } = pairEvidence(statuses(reference), statuses(treatment), test);
        return {
          reference,
          arm: treatment,
          pTwoSided,
          differs: pTwoSided <= WARNING_LEVEL,
          decided: pTwoSided <= alpha,
        };
      });
  const { control } = armsByRole(protocol);
  const verdicts = treatmentVerdicts(protocol, outcomes);
  const controlDrift = control === null ? null : drift(control, statuses(control));
  return {
    test,
    stopping,
    alpha,
    blocks: {
      planned: protocol.blocks,
      complete: table.complete,
      counted: table.counted,
      notCounted: table.rows.slice(table.counted).map((row) => ({
        block: row.block,
        missing: table.arms.filter((_, index) => row.runs[index] === undefined),
      })),
    },
    arms,
    comparisons,
    shams: equality('sham-control'),
    aa: equality('a-a'),
    verdicts: verdicts.map((verdict) => ({
      ...verdict,
      couldSee: sensitivity80(
        {
          reference: countOf(control === null ? [] : statuses(control)),
          treatment: countOf(statuses(verdict.treatment)),
        },
        test,
        alpha / verdicts.length,
        protocol.seed,
      ),
    })),
    decidedAtBlock: test === 'e-process' ? decidedAt(protocol, outcomes, table.counted) : null,
    armsWithoutValidRun: arms.filter((arm) => arm.runs === 0).map((arm) => arm.name),
    baseline:
      options.baseline === undefined
        ? []
        : arms.map((arm) => ({
            arm: arm.name,
            ...twoArmSummary(options.baseline as Count, { wedged: arm.wedged, runs: arm.runs }, p0),
          })),
    sensitivity: {
      exclusions: exclusionSensitivity(protocol, table, verdicts),
      deadline: deadlineSensitivity(protocol, table, verdicts),
      drift:
        controlDrift === null
          ? null
          : { ...controlDrift, drifted: controlDrift.fisherTwoSided <= WARNING_LEVEL },
    },
  };
}

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

function decidedAt(protocol: Protocol, outcomes: CountedOutcomes, blocks: number): number | null {
  let state = sequentialStart(protocol);
  for (let block = 0; block < blocks; block += 1) {
    const statuses = new Map([...outcomes.byArm].map(([arm, all]) => [arm, all[block] ?? 'invalid']));
    state = sequentialStep(protocol, state, statuses);
    if (state.isDecided) return block;
  }
  return null;
}
