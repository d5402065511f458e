import { z } from 'zod';
import { ARM_ROLES, citedReferenceSchema, KERNEL_COUNTERS, kernelCountersSchema } from '../model/arm.ts';
import { clientCountersSchema } from '../model/client.ts';
import { ENDPOINTS } from '../model/endpoint.ts';
import { OUTCOME_KINDS } from '../model/outcome.ts';
import { BETS } from '../model/protocol.ts';
import { shardSchema } from '../model/shard.ts';
import { COMPARISON_KINDS } from '../stats/comparison.ts';
import { VERDICT_WORDS } from '../stats/verdict-words.ts';
import { failuresSchema } from './failures-schema.ts';

/** Version of `summary.json`. A field may be added under the same version; any other change raises it. */
export const SUMMARY_SCHEMA = 2;

const share = z.number().min(0).max(1);
const whole = z.number().int().nonnegative();
const intervalSchema = z.tuple([z.number(), z.number()]);
const countSchema = z.object({ wedged: whole, runs: whole });
const kindCountsSchema = z.partialRecord(z.enum(OUTCOME_KINDS), whole);

const endpointFields = {
  name: z.enum(ENDPOINTS),
  slowAfterMs: z.number().positive().optional().describe('A cell that takes so long is slow.'),
  memoryAboveBytes: whole.optional().describe('Memory that the event `memory` passes.'),
};

const endpointSchema = z
  .object(endpointFields)
  .describe(
    "The event that is counted. Every field named `wedged` or `wedges` counts this endpoint's events, and the fields `neverWedged` and `controlNeverWedged` are about them.",
  );

const armSchema = z.object({
  name: z.string(),
  role: z.enum(ARM_ROLES),
  counts: z
    .object({
      runs: whole,
      valid: whole,
      completed: whole,
      wedged: whole,
      competing: whole,
      invalid: whole,
      competingByKind: kindCountsSchema,
      invalidByKind: kindCountsSchema,
      wedgedByKind: kindCountsSchema,
    })
    .describe('Every recorded run of the arm.'),
  wedged: whole.describe("Runs with the endpoint's event, in the counted blocks, like all rates."),
  runs: whole.describe('Runs of the counted blocks in which the endpoint was observed.'),
  competing: countSchema.describe(
    'Competing events (`wedged` is their number) in the valid runs of the counted blocks.',
  ),
  competingByKind: kindCountsSchema.describe('In the counted blocks.'),
  endedLaterByKind: kindCountsSchema
    .describe('Runs without the event that ended badly after they had shown so. Only kinds that occurred.')
    .optional(),
  rate: share.nullable(),
  clopperPearson95: intervalSchema,
  wilson95: intervalSchema,
  jeffreys95: intervalSchema,
  upper95: share.describe('One-sided 95 % upper bound.'),
  confidenceSequence95: intervalSchema,
  secondEvents: z
    .object({ stalled: whole, runs: whole })
    .describe(
      'Runs in which the client stalled but that have another outcome, among the runs in which it was watched.',
    )
    .optional(),
  hazard: z
    .object({
      wedges: whole,
      replies: whole,
      perReply: z.number().nullable(),
      garwood95: intervalSchema.nullable(),
    })
    .describe("Events per reply: `wedges` is the number of the endpoint's events."),
  engagement: z.object({
    counter: z.enum(KERNEL_COUNTERS).nullable(),
    totals: kernelCountersSchema,
    runsWithCounters: whole,
    runsWithoutCounters: whole,
    notEngaged: z.array(z.string()).describe('Runs in which the counter did not equal the replies.'),
    client: z
      .object({ totals: clientCountersSchema, runs: whole })
      .optional()
      .describe(
        'For an arm that changes the client: its counters. The one that `counter` names must equal `sends`.',
      ),
    isPatched: z.boolean(),
    change: z
      .object({ runs: whole, loaded: whole, executed: whole, neverCalled: z.array(z.string()) })
      .optional()
      .describe(
        'Among the `runs` kernels that reported it: how many loaded every changed file, and how many executed the change.',
      ),
    partly: z
      .object({ engaged: whole, opportunities: whole, of: z.enum(['replies', 'runs']) })
      .nullable()
      .describe('Set if the change acted on less than 95 % of its opportunities in a completed run.'),
    neverIn: z.enum(['not-loaded', 'not-called', 'counter-zero']).nullable(),
  }),
  kaplanMeier: z.array(z.object({ replies: whole, atRisk: whole, wedges: whole, share })),
  positions: z.object({
    cells: z.array(z.object({ notebook: whole, cell: whole, exposed: whole, wedges: whole })),
    afterLastCell: whole,
    noCell: whole,
  }),
  slowestCellMs: z.number().nullable(),
  startMedianMs: z.number().nullable(),
});

const innocenceSchema = z
  .object({
    arms: z.array(z.string()),
    chiSquare: z.number().nullable(),
    p: share.nullable(),
    simulations: whole,
    cluster: z.object({ notebook: whole, cell: whole }).nullable(),
    words: z.string(),
  })
  .describe('Whether wedges prefer a cell: one test of the named arms together.');

const twoArms = {
  counts: z.object({ reference: countSchema, treatment: countSchema }),
  difference: z.number().nullable(),
  newcombeDifference95: intervalSchema,
  binomialTail: z
    .object({ p: share, p0: share, p0Source: z.enum(['given', 'reference-rate']) })
    .nullable()
    .describe('P(X <= x | n, p0), which takes p0 as known.'),
  fisherLess: share,
  fisherTwoSided: share,
  boschlooLess: share,
  boschlooTwoSided: share,
};

const exposureSchema = z.object({ wedges: whole, replies: whole });

const stratifiedSchema = z
  .object({
    difference: z.number().nullable(),
    interval95: intervalSchema,
    less: share,
    greater: share,
    twoSided: share,
    logE: z.number(),
    logEGreater: z.number(),
    heterogeneity: z.object({ p: share, simulations: whole }),
    byStratum: z.array(
      z.object({
        name: z.string(),
        reference: countSchema,
        treatment: countSchema,
        logE: z.number(),
        logEGreater: z.number(),
      }),
    ),
  })
  .describe(
    'For several strata: the exact stratified test, the product of E, and whether the effect is the same in all.',
  );

const sourceSummarySchema = z
  .object({
    id: z.string(),
    at: z.string(),
    platform: z.string(),
    arch: z.string(),
    python: z.string(),
    node: z.string(),
    shard: shardSchema.optional(),
    journals: z.array(z.string()),
  })
  .describe('What one soak run of a merged experiment recorded.');

const comparisonSchema = z.object({
  kind: z.enum(COMPARISON_KINDS),
  reference: z.string(),
  treatment: z.string(),
  ...twoArms,
  hazard: z.object({
    reference: exposureSchema,
    treatment: exposureSchema,
    conditionalLess: share.nullable(),
  }),
  eProcess: z
    .object({
      bets: z
        .enum(BETS)
        .describe(
          'What the e-process expects in the direction "below". The other directions expect nothing.',
        ),
      blocks: whole,
      logE: z.number(),
      maxLogE: z.number(),
      reachedAtBlock: whole.nullable(),
      reachedAfter: whole.nullable(),
      logEGreater: z.number(),
      maxLogEGreater: z.number(),
      greaterReachedAtBlock: whole.nullable(),
      logETwoSided: z.number(),
      maxLogETwoSided: z.number(),
      twoSidedReachedAtBlock: whole.nullable(),
    })
    .describe('Natural logarithms of E; blocks are 0-based.'),
  stratified: stratifiedSchema.optional(),
});

const withholdingSchema = z.discriminatedUnion('reason', [
  z.object({ reason: z.literal('competing-events'), failed: z.array(z.enum(['composite', 'share'])) }),
  z.object({
    reason: z.literal('exclusions'),
    arms: z.array(z.string()),
    worst: z.enum(VERDICT_WORDS),
  }),
  z.object({
    reason: z.literal('exposure'),
    kinds: z.array(
      z.object({
        kind: z.string(),
        reference: z.string(),
        referencePerRun: z.number(),
        treatmentPerRun: z.number(),
        p: share.nullable(),
      }),
    ),
  }),
  z.object({
    reason: z.literal('not-engaged'),
    engaged: whole,
    opportunities: whole,
    of: z.enum(['replies', 'runs']),
  }),
  z.object({ reason: z.literal('never-in'), why: z.enum(['not-loaded', 'not-called', 'counter-zero']) }),
]);

const treatmentVerdict = {
  treatment: z.string(),
  word: z.enum(VERDICT_WORDS),
  gate: z
    .object({ reason: z.enum(['no-control-arm', 'no-valid-run', 'never-in']), arms: z.array(z.string()) })
    .nullable(),
  withheld: z
    .array(withholdingSchema)
    .describe('Why the verdict is less than the figures of the endpoint alone would give.'),
  conditions: z
    .object({
      belowControl: z.boolean(),
      belowShams: z.array(z.object({ sham: z.string(), p: share, holds: z.boolean() })),
      claimHolds: z.boolean(),
      compositeHolds: z.boolean(),
      competingNotAbove: z.boolean(),
      aboveReferences: z.boolean(),
      neverWedged: z.boolean(),
      sufficientPower: z.boolean(),
      controlNeverWedged: z.boolean(),
    })
    .nullable(),
  p: share.nullable(),
  pHolm: share.nullable(),
  pWorseHolm: share.nullable(),
  upper95: share,
  composite: z
    .object({ wedged: whole, runs: whole, p: share, pHolm: share, upper95: share })
    .nullable()
    .describe('The treatment and its claim on the composite: the event or a competing event.'),
  competing: z
    .object({ treatment: countSchema, references: countSchema, p: share })
    .nullable()
    .describe('Competing events (`wedged` is their number) in all valid runs. Fisher, one-sided.'),
  powerToZero: share.nullable().describe('Power of the whole claim for a treatment at zero.'),
};

const alternative = {
  changedRuns: whole,
  verdicts: z.array(z.object(treatmentVerdict)),
  unchanged: z.boolean(),
};

const equalityCheckSchema = z.object({
  reference: z.string(),
  arm: z.string(),
  pTwoSided: share,
  differs: z.boolean(),
  decided: z.boolean(),
});

/** `summary.json`: every number of a report, for programs. E paths are left out: the journal gives them again. */
export const summarySchema = z
  .object({
    $schema: z.string(),
    schema: z.literal(SUMMARY_SCHEMA),
    line: z.string().describe('The result in one line, for a commit message.'),
    verdict: z.string().describe('The verdict in plain sentences.'),
    warnings: z.array(z.string()).describe('What must be said before the verdict.'),
    endpoint: endpointSchema,
    also: z
      .array(
        z.object({
          ...endpointFields,
          unrecorded: z.string().optional().describe('Why the runs say nothing about it.'),
          arms: z.array(
            countSchema.extend({
              arm: z.string(),
              rate: share.nullable(),
              clopperPearson95: intervalSchema,
              competing: whole,
              invalid: whole,
            }),
          ),
        }),
      )
      .optional()
      .describe(
        'Other endpoints of the same runs (`--also`), counted by arm in the counted blocks, without a verdict.',
      ),
    at: z.string(),
    harness: z.string(),
    protocolSha256: z.string().describe('Recomputed from the protocol in the journal.'),
    journalSha256: z.string(),
    state: z.enum(['whole', 'decided', 'partial']),
    abandonedRuns: z.array(z.string()),
    invalidRuns: whole.describe('Harness faults.'),
    competingRuns: whole.describe('Runs that ended in a competing event.'),
    loneTail: z
      .object({ p: share, p0: share, cited: citedReferenceSchema.optional(), fisherLess: share.optional() })
      .nullable(),
    failures: failuresSchema.optional(),
    test: z.enum(['boschloo', 'e-process']),
    stopping: z.enum(['fixed', 'until-decided']),
    alpha: z.number(),
    blocks: z.object({
      planned: whole,
      complete: whole,
      counted: whole,
      notCounted: z.array(z.object({ block: whole, missing: z.array(z.string()) })),
    }),
    arms: z.array(armSchema),
    exposure: z
      .array(
        z.object({
          arm: z.string(),
          reference: z.string(),
          by: z.enum(['cells', 'totals', 'none']),
          runs: z.object({ reference: whole, arm: whole }),
          kinds: z.array(
            z.object({
              kind: z.string(),
              referencePerRun: z.number(),
              armPerRun: z.number(),
              ratio: z.number().nullable(),
              p: share.nullable(),
              short: z.enum(['ratio', 'gone', 'apart']).nullable(),
            }),
          ),
        }),
      )
      .describe(
        'What each arm was given, compared with the first control over the cells that both answered.',
      ),
    innocence: innocenceSchema,
    shard: shardSchema.optional().describe('Which part of the experiment this is.'),
    sources: z.array(sourceSummarySchema).optional(),
    strata: z
      .array(
        z.object({
          name: z.string(),
          sources: z.array(z.string()),
          blocks: z.object({ planned: whole, complete: whole, counted: whole }),
          arms: z.array(countSchema.extend({ arm: z.string() })),
        }),
      )
      .optional()
      .describe('Hosts and nights of a merged experiment, if there are several.'),
    heterogeneity: z
      .array(z.object({ arm: z.string(), p: share, differs: z.boolean() }))
      .optional()
      .describe("Whether an arm's rate is the same in every stratum."),
    comparisons: z.array(comparisonSchema),
    shams: z.array(equalityCheckSchema),
    aa: z.array(equalityCheckSchema),
    verdicts: z.array(
      z.object({
        ...treatmentVerdict,
        stillMet: z
          .array(z.object({ what: z.enum([...OUTCOME_KINDS, ...ENDPOINTS]), runs: whole, of: whole }))
          .describe(
            "What users of the treatment would still meet besides the endpoint's event: a kind of ending, `stalled` for each run in which the client stalled, or an event of `also`.",
          )
          .optional(),
        couldSee: z.object({
          smallestDrop: z.number().nullable(),
          smallestControlRate: z.number().nullable(),
          runsNeeded: whole.nullable(),
          runsStillNeeded: whole.nullable(),
        }),
      }),
    ),
    decidedAtBlock: whole.nullable(),
    armsWithoutValidRun: z.array(z.string()),
    baseline: z.array(z.object({ arm: z.string(), ...twoArms })),
    sensitivity: z.object({
      exclusions: z.object({ ...alternative, manyExcluded: z.array(z.string()) }),
      competing: z.object(alternative),
      deadline: z.object({ ...alternative, halfDeadlineMs: z.number() }),
      drift: z
        .object({
          arm: z.string(),
          firstHalf: countSchema,
          secondHalf: countSchema,
          fisherTwoSided: share,
          drifted: z.boolean(),
        })
        .nullable(),
    }),
  })
  .describe('Summary of a kernel-soak experiment.');
export type Summary = z.infer<typeof summarySchema>;

/** Where the published JSON Schema lies in the repository. */
export const SUMMARY_SCHEMA_FILE = 'harness/report/summary.schema.json';

/** The published JSON Schema of `summary.json`, generated so that it cannot fall behind. */
export function summaryJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(summarySchema, { target: 'draft-2020-12' }), null, 2)}\n`;
}
