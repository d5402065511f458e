import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fileWithDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { runRecordSchema } from '../model/journal.ts';
import { makeFolder } from '../model/make-folder.ts';
import { readInput } from '../model/read-input.ts';
import { trafficSchema } from '../model/traffic.ts';

/** Version of the journal's schema; a reader refuses a newer one. */
export const EXEC_JOURNAL_SCHEMA = 1;

/** The kernel of an attempt, as far as it decides the rate. */
const execKernelSchema = z.object({
  /** What a person calls it: an arm of ipykernel, or a kernelspec. */
  label: z.string(),
  /** Hash of the arm's sources and environment, or of the kernel.json and what the kernel says it is. */
  sha256: z.string(),
  python: z.string().nullable(),
});
export type ExecKernel = z.infer<typeof execKernelSchema>;

const common = {
  schema: z.literal(EXEC_JOURNAL_SCHEMA),
  /** Wall clock, ISO 8601: a label. */
  at: z.string(),
  /** One per command, drawn. */
  execution: z.string(),
};

/** Written before a kernel is launched, so that an attempt that was cut short is never invisible. */
const execBeginSchema = z.object({
  type: z.literal('exec-begin'),
  ...common,
  /** 1-based. */
  attempt: z.number().int().positive(),
  attempts: z.number().int().positive(),
  notebook: z.object({ name: z.string(), sha256: z.string(), cells: z.number().int().nonnegative() }),
  kernel: execKernelSchema,
  settings: z.object({
    traffic: trafficSchema,
    latency: z.string(),
    timeoutMs: z.number().positive(),
    beginWithinMs: z.number().positive(),
    suspectAfterMs: z.number().positive(),
  }),
  harness: z.string(),
});
export type ExecBegin = z.infer<typeof execBeginSchema>;

const execAttemptSchema = z.object({
  type: z.literal('exec-attempt'),
  ...common,
  attempt: z.number().int().positive(),
  /** As in the journal of an experiment. */
  run: runRecordSchema,
});

const execEndSchema = z.object({
  type: z.literal('exec-end'),
  ...common,
  exitCode: z.number().int(),
});

const execRecordSchema = z.discriminatedUnion('type', [execBeginSchema, execAttemptSchema, execEndSchema]);
export type ExecRecord = z.infer<typeof execRecordSchema>;

async function appended(path: string, record: ExecRecord): Promise<void> {
  await makeFolder(dirname(path));
  const file = await open(path, 'a+');
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const isTorn = size > 0 && last.toString() !== '\n';
    await file.appendFile(`${isTorn ? '\n' : ''}${JSON.stringify(record)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Append one record, which is on the disk when this resolves. Several commands may write the same journal, because
 * each record is one write to a file opened for appending. After a line that a crash cut short, the record begins a
 * new line.
 *
 * @throws SoakError `cannot-write`
 */
export async function appendExecRecord(path: string, record: ExecRecord): Promise<void> {
  try {
    await fileWithDeadline('append-journal', appended(path, record), path);
  } catch (error) {
    throw new SoakError(
      'cannot-write',
      `The journal ${path} cannot be written: ${(error as Error).message}`,
      {
        remedy: 'Free space or give another file with --journal.',
        exitCode: EXIT_CODES.environment,
        cause: error,
      },
    );
  }
}

/** A journal of `soak exec`, read. */
export interface ExecJournal {
  readonly records: readonly ExecRecord[];
  /** Lines that are not a whole record: a write was cut short. */
  readonly torn: number;
}

/**
 * Read a journal.
 *
 * @throws SoakError `no-journal`; `bad-journal` for a line that is JSON but not a record, which no crash leaves
 */
export async function readExecJournal(path: string): Promise<ExecJournal> {
  const text = await readInput(path)
    .then(String)
    .catch((error: unknown) => {
      throw new SoakError('no-journal', `No journal can be read at ${path}: ${(error as Error).message}`, {
        remedy: 'With --journal, give the file that soak exec wrote.',
        cause: error,
      });
    });
  const records: ExecRecord[] = [];
  let torn = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      torn += 1;
      continue;
    }
    const parsed = execRecordSchema.safeParse(json);
    if (!parsed.success) {
      throw new SoakError('bad-journal', `Line ${index + 1} of ${path} is not a record of soak exec.`, {
        remedy: 'Give another file with --journal, or use the version of kernel-soak that wrote this one.',
      });
    }
    records.push(parsed.data);
  }
  return { records, torn };
}
