import { z } from 'zod';
import { protocolArmSchema } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { protocolExpectedSchema } from '../model/cell-outputs.ts';
import { ENDPOINT_FIELDS } from '../model/endpoint.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { environmentSchema } from '../model/journal.ts';
import { OUTCOME_KINDS } from '../model/outcome.ts';
import { outputLossSchema } from '../model/output-loss.ts';
import { protocolNotebookSchema } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import { readInput } from '../model/read-input.ts';
import { OUTCOME_STATUSES } from '../model/run-status.ts';
import { trafficSchema } from '../model/traffic.ts';

/** Version of `tuning.json`. Version 1 knew wedges alone; since version 2 a record says what each run counted as. */
export const TUNING_SCHEMA = 2;
const READ_SCHEMAS: readonly unknown[] = [1, TUNING_SCHEMA];

/** `screen`: the first run of each; `search`: where events come soonest; `confirm`: of the chosen one, afterwards. */
const TUNING_PHASES = ['screen', 'search', 'confirm'] as const;
export type TuningPhase = (typeof TUNING_PHASES)[number];

const candidateSchema = z.object({
  traffic: trafficSchema,
  latency: z.object({
    spec: z.string(),
    sha256: z.string().nullable(),
    meanMs: z.number().nonnegative(),
  }),
  notebook: z.number().int().nonnegative(),
  cells: z.number().int().positive(),
});

/** One run of a tuning: its outcome, what it counted as, and what it took. */
const tuningRunSchema = z.object({
  /** Index into `candidates`. */
  candidate: z.number().int().nonnegative(),
  phase: z.enum(TUNING_PHASES),
  seed: z.number().int().nonnegative(),
  kind: z.enum(OUTCOME_KINDS),
  /** What it counted as for the record's endpoint: a slow cell shows in no ending. Absent in version 1. */
  status: z.enum(OUTCOME_STATUSES).optional(),
  reason: z.string(),
  /** 0-based position of the cell that was unanswered or raised; `null` for none. */
  cell: z.number().int().nonnegative().nullable(),
  /** Expected outputs that were not there as expected. Absent: nothing was compared. */
  losses: z.array(outputLossSchema).optional(),
  /** Shell replies that the client received. */
  replies: z.number().int().nonnegative(),
  startMs: z.number().nonnegative().nullable(),
  notebookMs: z.number().nonnegative().nullable(),
  /** Wall time, launch to clean-up. */
  seconds: z.number().positive(),
  /** Longest stall of the harness's own event loop: a busy machine is a latency that nobody asked for. */
  loopStallMs: z.number().nonnegative(),
  /** The machine's load average over the last minute, when the run ended; 0 on Windows, which has none. */
  load: z.number().nonnegative(),
});
export type TuningRun = z.infer<typeof tuningRunSchema>;

const bodySchema = z.object({
  schema: z.union([z.literal(1), z.literal(TUNING_SCHEMA)]),
  /** Wall clock, ISO 8601: a label. */
  at: z.string(),
  harness: z.string(),
  runtimeSha256: z.string(),
  /** The command that tunes again, without private paths. */
  command: z.string(),
  environment: environmentSchema,
  /** Always of the role `control`. */
  arm: protocolArmSchema,
  notebooks: z
    .array(
      protocolNotebookSchema.extend({
        /** Where it was, as far as that may be published. */
        path: z.string(),
      }),
    )
    .min(1),
  seed: z.number().int().nonnegative(),
  budgetMinutes: z.number().positive(),
  /** Level of the verdict that the choice is made for. */
  alpha: z.number().positive().lt(1),
  timeoutMs: z.number().positive(),
  startTimeoutMs: z.number().positive(),
  suspectAfterMs: z.number().positive().nullable(),
  pipelineDepth: z.number().int().positive(),
  ...ENDPOINT_FIELDS,
  /** The outputs that every run is to show. Absent: outputs are not compared. */
  expected: protocolExpectedSchema
    .extend({
      /** `--expect`, as far as that may be published. */
      expect: z.string(),
      /** The same of `--sanitize`; `null`: not given. */
      sanitize: z.string().nullable(),
    })
    .optional(),
  candidates: z.array(candidateSchema).min(1),
  /** In the order in which they were run. */
  runs: z.array(tuningRunSchema),
  /** Index into `candidates`; `null` when no run showed the event. Follows from the runs before `confirm`. */
  chosen: z.number().int().nonnegative().nullable(),
  end: z.enum(['finished', 'interrupted']),
});
export type TuningBody = z.infer<typeof bodySchema>;

const tuningRecordSchema = bodySchema.extend({
  /** SHA-256 of the canonical JSON of everything else: what a protocol cites. */
  sha256: z.string(),
});
export type TuningRecord = z.infer<typeof tuningRecordSchema>;

/** A record with the hash of what it holds. */
export function sealedRecord(body: TuningBody): TuningRecord {
  return { ...body, sha256: sha256(canonicalJson(body)) };
}

/** The text of `tuning.json`. */
export function recordText(record: TuningRecord): string {
  return `${JSON.stringify(record, null, 1)}\n`;
}

/**
 * A record from the text of its file.
 *
 * @param path names the file in errors
 * @throws SoakError `bad-tuning`: not JSON, not a tuning record, written by another version, changed since it was
 * written, or with an index that names nothing
 */
export function parsedRecord(text: string, path: string): TuningRecord {
  const bad = (reason: string, cause?: unknown) =>
    new SoakError('bad-tuning', `The tuning record ${quoted(path)} cannot be used: ${reason}`, {
      remedy: 'Give the tuning.json that `soak tune` wrote, unchanged, or tune again.',
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(`it is not JSON (${(error as Error).message}).`, error);
  }
  const schema = (json as { schema?: unknown } | null)?.schema;
  if (!READ_SCHEMAS.includes(schema)) {
    throw bad(
      `its schema is ${schema === undefined ? 'not stated' : typeof schema === 'number' ? schema : quoted(String(schema))}, and this version reads ${READ_SCHEMAS.join(' and ')}.`,
    );
  }
  const parsed = tuningRecordSchema.safeParse(json);
  if (!parsed.success) throw bad(z.prettifyError(parsed.error));
  const { sha256: stated, ...body } = parsed.data;
  // Hashed as it was read: a key that the schema does not know must not go unnoticed.
  const { sha256: _stated, ...whole } = json as Record<string, unknown>;
  if (sha256(canonicalJson(whole)) !== stated) {
    throw bad(`its contents do not have the hash ${stated} that it states.`);
  }
  if (body.arm.role !== 'control')
    throw bad(`its arm ${body.arm.name} is a ${body.arm.role}, not a control.`);
  if (body.schema !== 1 && body.runs.some(({ status }) => status === undefined)) {
    throw bad('one of its runs does not say what it counted as.');
  }
  if (body.schema === 1 && (body.endpoint ?? 'wedged') !== 'wedged') {
    throw bad(`version 1 has no endpoint ${body.endpoint}.`);
  }
  const strays = body.runs.filter(({ candidate }) => candidate >= body.candidates.length).length;
  if (strays > 0) throw bad(`${strays} of its runs name a candidate that it does not have.`);
  if (body.chosen !== null && body.chosen >= body.candidates.length)
    throw bad('it chose a candidate that it does not have.');
  if (body.candidates.some(({ notebook }) => notebook >= body.notebooks.length)) {
    throw bad('a candidate names a notebook that it does not have.');
  }
  return { ...body, sha256: stated };
}

/** @throws SoakError `bad-tuning` */
export async function readRecord(path: string): Promise<TuningRecord> {
  const text = await readInput(path)
    .then(String)
    .catch((cause: unknown) => {
      throw new SoakError(
        'bad-tuning',
        `The tuning record ${quoted(path)} cannot be read: ${(cause as Error).message}`,
        {
          remedy: 'Give the path of the tuning.json that `soak tune` wrote.',
          exitCode: EXIT_CODES.usage,
          cause,
        },
      );
    });
  return parsedRecord(text, path);
}
