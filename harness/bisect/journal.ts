import { join } from 'node:path';
import { z } from 'zod';
import type { JournalKind } from '../journal/write.ts';
import { protocolArmSchema } from '../model/arm.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import {
  type CellListing,
  cellOutputsRecordSchema,
  protocolExpectedSchema,
  recordedListing,
} from '../model/cell-outputs.ts';
import { ENDPOINT_FIELDS } from '../model/endpoint.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import {
  armEnvironmentSchema,
  beginRecordSchema,
  environmentSchema,
  type RunRecord,
  runRecordSchema,
  sessionRecordSchema,
} from '../model/journal.ts';
import { protocolNotebookSchema } from '../model/protocol.ts';
import { readInput } from '../model/read-input.ts';
import { trafficSchema } from '../model/traffic.ts';
import { MOST_PROBES, modelSchema } from './model.ts';

/** Name of a bisect's journal. It differs from an experiment's, because a bisect has no such report. */
export const BISECT_JOURNAL = 'bisect.jsonl';

/** Version of the journal's schema; a reader refuses any other. */
export const BISECT_SCHEMA = 1;

/** A bisect, frozen and hashed before its first run. */
const bisectProtocolSchema = z
  .object({
    /** What is bisected, such as `ipykernel`. */
    package: z.string(),
    /** Releases of an index, or commits of a clone. */
    source: z.enum(['releases', 'commits']),
    /** Names in order, the one called good first, the one called fixed (if any) last. */
    releases: z.array(z.string()).min(2),
    /** Index of the one called bad. */
    bad: z.number().int().positive(),
    model: modelSchema,
    confidence: z.number().gt(0.5).lt(1),
    /** Most runs, including the control's. A batch is begun only if it fits. */
    maxRuns: z.number().int().positive(),
    /** Most minutes of one session; `null`: no limit. */
    maxMinutes: z.number().positive().nullable(),
    notebook: protocolNotebookSchema,
    traffic: trafficSchema,
    latency: z.object({ spec: z.string(), sha256: z.string().nullable() }),
    pipelineDepth: z.number().int().positive(),
    /** When the traffic interrupts a cell. Absent: it does not. */
    interruptAfter: z.string().optional(),
    seed: z.number().int().nonnegative(),
    timeoutMs: z.number().positive(),
    startTimeoutMs: z.number().positive(),
    suspectAfterMs: z.number().positive().nullable(),
    ...ENDPOINT_FIELDS,
    /** The outputs that every run is to show. Absent: outputs are not compared. */
    expected: protocolExpectedSchema.optional(),
    launch: z.literal('spawn'),
    harness: z.string(),
    runtimeSha256: z.string(),
  })
  .refine(({ releases, bad }) => bad < releases.length, {
    error: 'the bad release is not one of the releases',
  })
  .refine(({ releases }) => new Set(releases).size === releases.length, {
    error: 'a release is listed twice',
  });
export type BisectProtocol = z.infer<typeof bisectProtocolSchema>;

/** The protocol's identity: SHA-256 of its canonical JSON. */
export function bisectProtocolHash(protocol: BisectProtocol): string {
  return sha256(canonicalJson(protocol));
}

const bisectRecordSchema = z.object({
  type: z.literal('bisect'),
  schema: z.literal(BISECT_SCHEMA),
  /** Wall clock, ISO 8601: a label. */
  at: z.string(),
  protocol: bisectProtocolSchema,
  protocolSha256: z.string(),
  /** Of the control. */
  environment: environmentSchema,
  /** The command that bisects again, without private paths. */
  command: z.string(),
});
export type BisectRecord = z.infer<typeof bisectRecordSchema>;

/** A release's arm, recorded when first needed: what its kernels must report to have loaded, and its packages. */
const releaseRecordSchema = z.object({
  type: z.literal('release'),
  release: z.number().int().nonnegative(),
  at: z.string(),
  arm: protocolArmSchema,
  environment: armEnvironmentSchema,
});
export type ReleaseRecord = z.infer<typeof releaseRecordSchema>;

/** A release that cannot be run: no kernel environment could be made with it. */
const skipRecordSchema = z.object({
  type: z.literal('skip'),
  release: z.number().int().nonnegative(),
  /** The batch that was to probe it. */
  batch: z.number().int().nonnegative(),
  at: z.string(),
  /** Hostile: an installer's words. */
  reason: z.string(),
});
export type SkipRecord = z.infer<typeof skipRecordSchema>;

/** A batch, before its first run. */
const batchRecordSchema = z.object({
  type: z.literal('batch'),
  /** 0-based. */
  batch: z.number().int().nonnegative(),
  probe: z.number().int().nonnegative(),
  /** Release of each run, in order: the control once, the probe the other times. */
  order: z
    .array(z.number().int().nonnegative())
    .min(2)
    .max(MOST_PROBES + 1),
  /** What it was expected to tell of the change point, bits. */
  bits: z.number().nonnegative(),
});
export type BatchRecord = z.infer<typeof batchRecordSchema>;

const entrySchema = z.discriminatedUnion('type', [
  bisectRecordSchema,
  releaseRecordSchema,
  skipRecordSchema,
  batchRecordSchema,
  cellOutputsRecordSchema,
  beginRecordSchema,
  runRecordSchema,
  sessionRecordSchema,
]);
export type BisectEntry = z.infer<typeof entrySchema>;

/** A bisect's journal, read. */
export interface BisectJournal {
  readonly bisect: BisectRecord;
  readonly releases: readonly ReleaseRecord[];
  readonly skips: readonly SkipRecord[];
  /** In order; the last may be incomplete. */
  readonly batches: readonly { readonly plan: BatchRecord; readonly runs: readonly RunRecord[] }[];
  readonly sessions: readonly z.infer<typeof sessionRecordSchema>[];
  /** Outputs of cells, expected or seen, by the hash that protocol and runs name. Empty if outputs are not compared. */
  readonly outputs: ReadonlyMap<string, CellListing>;
  /** Runs begun and never recorded. */
  readonly abandoned: readonly string[];
  readonly torn: boolean;
  /** SHA-256 of the whole lines. */
  readonly sha256: string;
}

/** A journal and where its whole lines end, for continuing it. */
export interface BisectText {
  readonly journal: BisectJournal;
  readonly wholeBytes: number;
}

/** Name of a run: batch, place, release. */
export function bisectRunName(batch: number, position: number, release: string): string {
  return `b${String(batch).padStart(3, '0')}-${position + 1}-${release}`;
}

function damaged(name: string, reason: string, cause?: unknown): SoakError {
  return new SoakError('bad-journal', `The journal ${name} cannot be used: ${reason}`, {
    remedy: 'Restore it from a copy. Only an incomplete last line is tolerated.',
    exitCode: EXIT_CODES.environment,
    cause,
  });
}

function parsedEntry(line: string, number: number, name: string): BisectEntry {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw damaged(name, `line ${number} is not JSON (${(error as Error).message}).`, error);
  }
  const parsed = entrySchema.safeParse(json);
  if (!parsed.success) throw damaged(name, `line ${number}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/**
 * Parse the bytes of a bisect's journal.
 *
 * @throws SoakError `bad-journal`: a line that is no record, a protocol with another hash, a batch or run that is out
 *   of order, recorded twice, never begun, or of an unknown release, outputs with another hash
 */
export function parseBisectJournal(bytes: Buffer, name: string): BisectText {
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const whole = bytes.subarray(0, wholeBytes);
  const lines = whole.toString('utf8').split('\n').slice(0, -1);
  const [first, ...entries] = lines.map((line, index) => parsedEntry(line, index + 1, name));
  if (first?.type !== 'bisect') throw damaged(name, 'it does not begin with the bisect and its protocol.');
  const { protocol } = first;
  if (bisectProtocolHash(protocol) !== first.protocolSha256) {
    throw damaged(name, `its protocol does not have the hash ${first.protocolSha256} recorded with it.`);
  }
  const releases: ReleaseRecord[] = [];
  const skips: SkipRecord[] = [];
  const batches: { plan: BatchRecord; runs: RunRecord[] }[] = [];
  const sessions: BisectJournal['sessions'][number][] = [];
  const outputs = new Map<string, CellListing>();
  const begun = new Set<string>();
  const recorded = new Set<string>();
  entries.forEach((entry, index) => {
    const bad = (reason: string) => damaged(name, `line ${index + 2} ${reason}.`);
    if (entry.type === 'bisect') throw bad('is a second bisect');
    if (entry.type === 'session') sessions.push(entry);
    else if (entry.type === 'begin') begun.add(entry.run);
    else if (entry.type === 'cell-outputs') {
      const listing = recordedListing(entry);
      if (listing === null) throw bad(`holds outputs of a cell that do not have the hash ${entry.sha256}`);
      outputs.set(entry.sha256, listing);
    } else if (entry.type === 'run') {
      const batch = batches[entry.block];
      const release = batch?.plan.order[entry.position];
      if (batch === undefined || batch !== batches.at(-1) || entry.position !== batch.runs.length) {
        throw bad(`records the run ${entry.run} out of its turn`);
      }
      if (release === undefined || protocol.releases[release] !== entry.arm) {
        throw bad(`records the run ${entry.run}, which its batch does not have`);
      }
      if (!begun.has(entry.run)) throw bad(`records the run ${entry.run}, which was never begun`);
      recorded.add(entry.run);
      batch.runs.push(entry);
    } else {
      const release = entry.type === 'batch' ? entry.probe : entry.release;
      if (release >= protocol.releases.length) throw bad('names no release of the protocol');
      if (entry.type === 'release') releases.push(entry);
      else if (entry.type === 'skip') skips.push(entry);
      else batches.push({ plan: checkedBatch(entry, protocol, batches, bad), runs: [] });
    }
  });
  return {
    journal: {
      bisect: first,
      releases,
      skips,
      batches,
      sessions,
      outputs,
      abandoned: [...begun].filter((run) => !recorded.has(run)),
      torn: wholeBytes < bytes.length,
      sha256: sha256(whole),
    },
    wholeBytes,
  };
}

function checkedBatch(
  plan: BatchRecord,
  { bad: control }: BisectProtocol,
  batches: readonly { plan: BatchRecord; runs: readonly RunRecord[] }[],
  bad: (reason: string) => SoakError,
): BatchRecord {
  const last = batches.at(-1);
  if (plan.batch !== batches.length) throw bad(`is batch ${plan.batch} where ${batches.length} is next`);
  if (last !== undefined && last.runs.length < last.plan.order.length) {
    throw bad('begins a batch before the one before it was complete');
  }
  const controls = plan.order.filter((release) => release === control).length;
  const probes = plan.order.filter((release) => release === plan.probe).length;
  if (plan.probe === control || controls !== 1 || controls + probes !== plan.order.length) {
    throw bad('is a batch that is not one control and its probe');
  }
  return plan;
}

/**
 * Read the journal of a bisect's folder.
 *
 * @throws SoakError `no-journal`, `bad-journal`
 */
export async function readBisect(folder: string): Promise<BisectText> {
  const path = join(folder, BISECT_JOURNAL);
  const bytes = await readInput(path).catch((cause: unknown) => {
    throw new SoakError('no-journal', `There is no bisect at ${path}: ${(cause as Error).message}`, {
      remedy: `Give the folder that soak bisect wrote, the one with ${BISECT_JOURNAL} in it.`,
      cause,
    });
  });
  return parseBisectJournal(bytes, path);
}

export const BISECT_JOURNAL_KIND: JournalKind<BisectText> = { file: BISECT_JOURNAL, read: readBisect };
