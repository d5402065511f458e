import { z } from 'zod';
import { LIKELY_SOURCES, OUTCOME_KINDS } from '../model/outcome.ts';
import { OUTPUT_LOSSES } from '../model/output-loss.ts';

const whole = z.number().int().nonnegative();
const cellPlaceSchema = z.object({ notebook: whole, cell: whole });
const groupCountsSchema = z.array(z.object({ arm: z.string(), runs: whole, valid: whole }));
const outcomeKind = z.enum(OUTCOME_KINDS);

const faultSchema = z.discriminatedUnion('is', [
  z.object({
    is: z.literal('error'),
    at: cellPlaceSchema.nullable(),
    ename: z.string(),
    line: whole.nullable(),
    frame: z.string().nullable(),
    message: z.string().nullable(),
  }),
  z.object({
    is: z.literal('exit'),
    kind: outcomeKind,
    code: z.number().nullable(),
    signal: z.string().nullable(),
    words: z.string().nullable(),
  }),
  z.object({
    is: z.literal('output'),
    at: cellPlaceSchema.nullable(),
    loss: z.enum(OUTPUT_LOSSES),
    output: z.string(),
  }),
  z.object({ is: z.literal('slow'), at: cellPlaceSchema.nullable() }),
  z.object({ is: z.literal('memory') }),
  z.object({ is: z.literal('stack'), kind: outcomeKind, frames: z.array(z.string()) }),
  z.object({
    is: z.literal('request'),
    kind: outcomeKind,
    request: z.string().nullable(),
    source: z.enum(LIKELY_SOURCES).nullable(),
    rejections: z.array(z.string()),
  }),
  z.object({ is: z.literal('kind'), kind: outcomeKind }),
]);

/** `failures` of `summary.json`: see `FailureGroups`. */
export const failuresSchema = z
  .object({
    groups: z.array(
      z.object({
        fingerprint: z.string().describe('The same for the same fault in every experiment.'),
        status: z.enum(['event', 'competing']),
        fault: faultSchema,
        runs: whole,
        arms: groupCountsSchema,
        cells: z.array(cellPlaceSchema).describe('Where such runs ended, unless the fault names its cell.'),
        furtherCells: whole,
        example: z.string(),
      }),
    ),
    rest: z.object({ groups: whole, runs: whole, arms: groupCountsSchema }).nullable(),
  })
  .describe(
    'Events and competing events by fault, in all recorded runs but harness faults. Absent: there were none.',
  );
