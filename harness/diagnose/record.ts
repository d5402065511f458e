import { join } from 'node:path';
import { z } from 'zod';
import { readJournal } from '../journal/read.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import type { WayJournal } from './diagnosis.ts';

/** Name of the file that makes a folder one of a diagnosis. Each way has its own journal in a folder below. */
export const DIAGNOSIS_FILE = 'diagnosis.json';

/** What the journals do not say: the ways in their order, how the kernel was chosen, and what was asked for. */
export const diagnosisRecordSchema = z.object({
  schema: z.literal(1),
  at: z.string(),
  harness: z.string(),
  /** SHA-256 of the notebook. */
  notebookSha256: z.string(),
  /** SHA-256 of the options and of the environment, by which a later call knows whether it may go on here. */
  optionsSha256: z.string(),
  /** Folders, in order. */
  ways: z.array(z.string().regex(/^[a-z][a-z-]*$/)).min(1),
  /** Why this kernel, as a clause that can be published. */
  why: z.string(),
  /** `Asked`, fit to be published. */
  asked: z.object({
    notebook: z.string(),
    folder: z.string(),
    given: z.array(z.string()),
    environment: z.array(z.string()),
    arm: z.string().nullable(),
    client: z.string(),
    runs: z.number().int().positive(),
    maxMinutes: z.number().positive(),
    timeoutSeconds: z.number().positive(),
    isTimeoutGiven: z.boolean(),
  }),
});
export type DiagnosisRecord = z.infer<typeof diagnosisRecordSchema>;

/** @returns `null` where the folder is none of a diagnosis. @throws SoakError `bad-diagnosis` */
export async function readDiagnosisRecord(folder: string): Promise<DiagnosisRecord | null> {
  const path = join(folder, DIAGNOSIS_FILE);
  let bytes: Uint8Array;
  try {
    bytes = await readInput(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new SoakError('bad-diagnosis', `${path} cannot be read: ${String(cause)}`, {
      remedy: 'Give yourself permission to read it.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
  try {
    return diagnosisRecordSchema.parse(JSON.parse(String(bytes)));
  } catch (cause) {
    throw new SoakError('bad-diagnosis', `${path} is no record of a diagnosis of this version.`, {
      remedy: 'Restore the file, or read the ways one by one: each has evidence of its own.',
      cause,
    });
  }
}

/** The journals of all ways. @throws SoakError `no-journal`, `bad-journal` */
export async function readWays(
  folder: string,
  { ways }: Pick<DiagnosisRecord, 'ways'>,
): Promise<WayJournal[]> {
  return Promise.all(
    ways.map(async (name) => ({ name, journal: (await readJournal(join(folder, name))).journal })),
  );
}
