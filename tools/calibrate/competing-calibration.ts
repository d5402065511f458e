import { markdownTable } from 'markdown-table';
import { boschlooLess } from '../../harness/stats/boschloo.ts';
import type { Count } from '../../harness/stats/counts.ts';
import type { AssumedShares } from '../../harness/stats/decision-times.ts';
import { fisherLess } from '../../harness/stats/fisher.ts';
import { seededUniform, type Uniform } from '../../harness/stats/random.ts';

/** Competing events and the claim: what the rule gives (docs/endpoints.md#competing-events-decide-too), and what other rules would. */

export interface CompetingDesign {
  readonly experiments: number;
  /** Runs of each arm. */
  readonly runs: number;
  readonly alpha: number;
  readonly seed: number;
}

/** What each arm's runs truly end in. */
export interface CompetingScenario {
  readonly name: string;
  readonly control: AssumedShares;
  readonly sham: AssumedShares;
  readonly treatment: AssumedShares;
}

const CONTROL = { event: 0.3, competing: 0 } as const;
const RARELY = { event: 0.3 * 0.95, competing: 0.05 } as const;

export const COMPETING_SCENARIOS: readonly CompetingScenario[] = [
  {
    name: 'cure, 0.3 to 0, nothing competes',
    control: CONTROL,
    sham: CONTROL,
    treatment: { event: 0, competing: 0 },
  },
  {
    name: 'cure, 5 % compete in every arm',
    control: RARELY,
    sham: RARELY,
    treatment: { event: 0, competing: 0.05 },
  },
  {
    name: 'every wedge becomes a death',
    control: CONTROL,
    sham: CONTROL,
    treatment: { event: 0, competing: 0.3 },
  },
  {
    name: 'every second wedge becomes a death',
    control: CONTROL,
    sham: CONTROL,
    treatment: { event: 0, competing: 0.15 },
  },
  {
    name: 'no difference, 5 % compete in every arm',
    control: RARELY,
    sham: RARELY,
    treatment: RARELY,
  },
];

/** Bounds of p in the comparison of shares, "more competing events than the references"; 0 asks nothing. */
export const SHARE_BOUNDS = [0, 0.01, 0.05, 0.1, 0.2] as const;

/** Shares of the experiments of one scenario that make the claim, 0 to 1. */
export interface CompetingResult {
  readonly scenario: CompetingScenario;
  /** With competing events left out, and nothing else asked: what used to be the rule. */
  readonly leftOut: number;
  /** With every competing event counted against the claim, and the same word. */
  readonly worstCase: number;
  /** The rule: left out, counted in, and a share with p above the bound; by bound, as in `SHARE_BOUNDS`. */
  readonly byBound: readonly number[];
}

interface DrawnArm {
  readonly events: number;
  readonly competing: number;
}

/** Equal designs give equal results. */
export function competingResult(scenario: CompetingScenario, design: CompetingDesign): CompetingResult {
  const { experiments, runs, alpha } = design;
  const uniform = seededUniform(design.seed, `competing ${scenario.name}`);
  const isBelow = rememberedTest(alpha);
  let [leftOut, worstCase] = [0, 0];
  const byBound = SHARE_BOUNDS.map(() => 0);
  for (let i = 0; i < experiments; i += 1) {
    const treatment = drawn(scenario.treatment, runs, uniform);
    const references = [scenario.control, scenario.sham].map((shares) => drawn(shares, runs, uniform));
    const claimed = (reference: (arm: DrawnArm) => Count, treated: (arm: DrawnArm) => Count) =>
      references.every((arm) => isBelow(reference(arm), treated(treatment)));
    const observed = ({ events, competing }: DrawnArm) => ({ wedged: events, runs: runs - competing });
    const composite = ({ events, competing }: DrawnArm) => ({ wedged: events + competing, runs });
    const bare = ({ events }: DrawnArm) => ({ wedged: events, runs });
    const others = (arms: readonly DrawnArm[]): Count => ({
      wedged: arms.reduce((sum, { competing }) => sum + competing, 0),
      runs: arms.length * runs,
    });
    // A treatment without an event would get one: `fixes` would turn to `reduces`.
    const keepsWord = treatment.events > 0 || treatment.competing === 0;
    if (keepsWord && claimed(bare, composite)) worstCase += 1;
    if (!claimed(observed, observed)) continue;
    leftOut += 1;
    if (!claimed(composite, composite)) continue;
    const p = fisherLess(others([treatment]), others(references));
    SHARE_BOUNDS.forEach((bound, b) => {
      if (p > bound) byBound[b] = (byBound[b] ?? 0) + 1;
    });
  }
  return {
    scenario,
    leftOut: leftOut / experiments,
    worstCase: worstCase / experiments,
    byBound: byBound.map((count) => count / experiments),
  };
}

function drawn({ event, competing }: AssumedShares, runs: number, uniform: Uniform): DrawnArm {
  let [events, others] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const at = uniform();
    if (at < event) events += 1;
    else if (at >= 1 - competing) others += 1;
  }
  return { events, competing: others };
}

/** Boschloo's test at a level, each pair worked out once. Its p is never above Fisher's, which is quick. */
function rememberedTest(alpha: number): (reference: Count, treatment: Count) => boolean {
  const known = new Map<string, boolean>();
  return (reference, treatment) => {
    const key = `${reference.wedged}/${reference.runs} ${treatment.wedged}/${treatment.runs}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const below =
      fisherLess(reference, treatment) <= alpha ||
      (reference.wedged * treatment.runs > treatment.wedged * reference.runs &&
        boschlooLess(reference, treatment) <= alpha);
    known.set(key, below);
    return below;
  };
}

/** The section of the committed report. */
export function competingMarkdown(results: readonly CompetingResult[], design: CompetingDesign): string {
  const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;
  const head = [
    'truth',
    'left out',
    'at their worst',
    ...SHARE_BOUNDS.map((bound) => (bound === 0 ? 'no share asked' : `p > ${bound}`)),
  ];
  const rows = results.map(({ scenario, leftOut, worstCase, byBound }) => [
    scenario.name,
    percent(leftOut),
    percent(worstCase),
    ...byBound.map(percent),
  ]);
  return [
    '## Runs that end otherwise (competing events)',
    `Share of ${design.experiments} experiments that make the claim against control and sham, ${design.runs} runs of each arm, α = ${design.alpha}. “Left out” takes no notice of other endings; “at their worst” counts each against the claim, and asks for the same word. The last columns are the rule: the claim with other endings left out, and with all of them counted as events, and a share of them on the treatment that is not above the references’ by a one-sided Fisher p above the bound. The rule uses 0.05.`,
    markdownTable([head, ...rows], { align: ['l', ...head.slice(1).map(() => 'r')] }),
  ].join('\n\n');
}
