import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../model/canonical.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import {
  JOURNAL_SCHEMA,
  type Journal,
  type JournalRecord,
  journalRecordSchema,
  type RunRecord,
} from '../model/journal.ts';
import { protocolHash } from '../model/protocol.ts';

/** Name of the journal in a report folder. */
export const JOURNAL_FILE = 'journal.jsonl';

/** A journal with where its whole lines end, for whoever goes on writing it. */
export interface JournalText {
  readonly journal: Journal;
  /** Bytes of the whole lines; what follows is torn. */
  readonly wholeBytes: number;
}

function damaged(name: string, reason: string, cause?: unknown): SoakError {
  return new SoakError('bad-journal', `The journal ${name} cannot be used: ${reason}`, {
    remedy: 'Restore it from where it came from. Only a last line that was cut short is tolerated.',
    exitCode: EXIT_CODES.environment,
    cause,
  });
}

function parseRecord(line: string, number: number, name: string): JournalRecord {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw damaged(name, `line ${number} is not JSON (${(error as Error).message}).`, error);
  }
  const version = (json as { schema?: unknown } | null)?.schema;
  if (number === 1 && typeof version === 'number' && version > JOURNAL_SCHEMA) {
    throw new SoakError(
      'bad-journal',
      `The journal ${name} has schema ${version}; this kernel-soak reads up to ${JOURNAL_SCHEMA}.`,
      {
        remedy: 'Use the kernel-soak that wrote it, or a newer one.',
      },
    );
  }
  const parsed = journalRecordSchema.safeParse(json);
  if (!parsed.success) throw damaged(name, `line ${number}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/**
 * Parse a journal's bytes. A last line without its newline was being written when the harness died: it
 * is set aside and said so (`torn`), never guessed at.
 *
 * @param name for messages
 * @throws SoakError `bad-journal`: no whole first line, a line that is not a record, a protocol that does
 *   not have the hash recorded with it, a run recorded twice, without a beginning, or of an arm or notebook
 *   that the protocol does not have
 */
export function parseJournal(bytes: Buffer, name: string): JournalText {
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1);
  const records = lines.map((line, index) => parseRecord(line, index + 1, name));
  const [experiment, ...rest] = records;
  if (experiment === undefined || experiment.type !== 'experiment') {
    throw damaged(name, 'it does not begin with the experiment and its protocol.');
  }
  if (protocolHash(experiment.protocol) !== experiment.protocolSha256) {
    throw damaged(
      name,
      `its protocol does not have the hash ${experiment.protocolSha256} that was recorded with it.`,
    );
  }
  const begun = new Set<string>();
  const runs = new Map<string, RunRecord>();
  const sessions: Journal['sessions'][number][] = [];
  for (const [index, record] of rest.entries()) {
    if (record.type === 'experiment') throw damaged(name, `line ${index + 2} is a second experiment.`);
    if (record.type === 'session') sessions.push(record);
    if (record.type === 'begin') begun.add(record.run);
    if (record.type === 'run') {
      if (runs.has(record.run))
        throw damaged(name, `line ${index + 2} records the run ${record.run} a second time.`);
      if (!experiment.protocol.arms.some(({ name }) => name === record.arm))
        throw damaged(
          name,
          `line ${index + 2} is of the arm ${record.arm}, which its protocol does not have.`,
        );
      if (record.notebook >= experiment.protocol.notebooks.length)
        throw damaged(
          name,
          `line ${index + 2} is of notebook ${record.notebook}, which its protocol does not have.`,
        );
      if (!begun.has(record.run))
        throw damaged(name, `line ${index + 2} records the run ${record.run}, which was never begun.`);
      runs.set(record.run, record);
    }
  }
  const journal: Journal = {
    experiment,
    runs: [...runs.values()].sort((a, b) => a.block - b.block || a.position - b.position),
    sessions,
    abandoned: [...begun].filter((run) => !runs.has(run)),
    torn: wholeBytes < bytes.length,
    sha256: sha256(bytes.subarray(0, wholeBytes)),
  };
  return { journal, wholeBytes };
}

/**
 * Read the journal of a report folder.
 *
 * @throws SoakError `no-journal`, `bad-journal`
 */
export async function readJournal(folder: string): Promise<JournalText> {
  const path = join(folder, JOURNAL_FILE);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new SoakError('no-journal', `There is no journal to read at ${path}: ${(error as Error).message}`, {
      remedy: 'Give the folder that a run wrote, the one with journal.jsonl in it.',
      cause: error,
    });
  }
  return parseJournal(bytes, path);
}
