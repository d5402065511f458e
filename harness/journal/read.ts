import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../model/canonical.ts';
import { type CellListing, type CellOutputsRecord, recordedListing } from '../model/cell-outputs.ts';
import { fileWithDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import {
  type ExperimentRecord,
  JOURNAL_SCHEMA,
  type Journal,
  type JournalRecord,
  journalRecordSchema,
  type RunRecord,
  type SessionRecord,
} from '../model/journal.ts';
import { type Protocol, protocolHash } from '../model/protocol.ts';
import { withReferenceLosses } from '../oracle/reference-outputs.ts';

/** Name of the journal in a report folder. */
export const JOURNAL_FILE = 'journal.jsonl';

const NEWLINE = 0x0a;
const PIECE_BYTES = 1 << 20;

/** A journal, and where its whole lines end: a writer continues there. */
export interface JournalText {
  readonly journal: Journal;
  /** Bytes of the whole lines; what follows is torn. */
  readonly wholeBytes: number;
}

function damaged(name: string, reason: string, cause?: unknown): SoakError {
  return new SoakError('bad-journal', `The journal ${name} cannot be used: ${reason}`, {
    remedy: 'Restore it from a copy. Only an incomplete last line is tolerated.',
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
      `The journal ${name} has schema ${version}, but this kernel-soak reads schemas up to ${JOURNAL_SCHEMA}.`,
      {
        remedy: 'Use the kernel-soak that wrote it, or a newer one.',
      },
    );
  }
  const parsed = journalRecordSchema.safeParse(json);
  if (!parsed.success) throw damaged(name, `line ${number}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Reads a journal piece by piece. Keeps its records, but neither its text nor the begin lines. */
class JournalParser {
  readonly #name: string;
  readonly #hash = createHash('sha256');
  /** Bytes after the last newline so far. */
  #rest: Buffer = Buffer.alloc(0);
  #wholeBytes = 0;
  #lines = 0;
  #experiment: ExperimentRecord | null = null;
  readonly #begun = new Set<string>();
  readonly #runs = new Map<string, RunRecord>();
  readonly #sessions: SessionRecord[] = [];
  readonly #outputs = new Map<string, CellListing>();

  constructor(name: string) {
    this.#name = name;
  }

  push(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#lines += 1;
      this.#add(parseRecord(bytes.toString('utf8', start, end), this.#lines, this.#name));
      start = end + 1;
    }
    this.#hash.update(bytes.subarray(0, start));
    this.#wholeBytes += start;
    // A copy: the slice would keep the whole piece alive.
    this.#rest = Buffer.from(bytes.subarray(start));
  }

  end(): JournalText {
    const experiment = this.#experiment ?? this.#notAnExperiment();
    const runs = [...this.#runs.values()].sort((a, b) => a.block - b.block || a.position - b.position);
    const isByReference = experiment.protocol.expected?.kind === 'reference';
    const journal: Journal = {
      experiment,
      // What control's runs show is known only now.
      runs: isByReference ? withReferenceLosses(experiment, runs, this.#outputs) : runs,
      sessions: this.#sessions,
      outputs: this.#outputs,
      abandoned: [...this.#begun].filter((run) => !this.#runs.has(run)),
      torn: this.#rest.length > 0,
      sha256: this.#hash.digest('hex'),
    };
    return { journal, wholeBytes: this.#wholeBytes };
  }

  #add(record: JournalRecord): void {
    if (this.#experiment === null) this.#begin(record);
    else if (record.type === 'experiment') throw this.#damaged(`line ${this.#lines} is a second experiment.`);
    else if (record.type === 'session') this.#sessions.push(record);
    else if (record.type === 'begin') this.#begun.add(record.run);
    else if (record.type === 'cell-outputs') this.#addOutputs(record);
    else this.#addRun(record, this.#experiment.protocol);
  }

  #begin(record: JournalRecord): void {
    if (record.type !== 'experiment') this.#notAnExperiment();
    else if (protocolHash(record.protocol) !== record.protocolSha256) {
      throw this.#damaged(
        `its protocol does not have the hash ${record.protocolSha256} that was recorded with it.`,
      );
    } else {
      this.#checkPatches(record);
      this.#experiment = record;
    }
  }

  #checkPatches({ patches, protocol }: ExperimentRecord): void {
    for (const [hash, text] of Object.entries(patches ?? {})) {
      if (sha256(text) !== hash) {
        throw this.#damaged(
          `it holds a patch that does not have the hash ${hash} that was recorded with it.`,
        );
      }
      if (!protocol.arms.some(({ patchSha256 }) => patchSha256 === hash)) {
        throw this.#damaged(`it holds the patch ${hash}, which no arm of its protocol has.`);
      }
    }
  }

  #addOutputs(record: CellOutputsRecord): void {
    const listing = recordedListing(record);
    if (listing === null) {
      throw this.#damaged(
        `line ${this.#lines} holds outputs of a cell that do not have the hash ${record.sha256} that was recorded with them.`,
      );
    }
    this.#outputs.set(record.sha256, listing);
  }

  #addRun(record: RunRecord, protocol: Protocol): void {
    const line = `line ${this.#lines}`;
    if (this.#runs.has(record.run)) {
      throw this.#damaged(`${line} records the run ${record.run} a second time.`);
    }
    if (!protocol.arms.some(({ name }) => name === record.arm)) {
      throw this.#damaged(`${line} is of the arm ${record.arm}, which its protocol does not have.`);
    }
    if (record.notebook >= protocol.notebooks.length) {
      throw this.#damaged(`${line} is of notebook ${record.notebook}, which its protocol does not have.`);
    }
    if (!this.#begun.has(record.run)) {
      throw this.#damaged(`${line} records the run ${record.run}, which was never begun.`);
    }
    this.#runs.set(record.run, record);
  }

  #notAnExperiment(): never {
    throw this.#damaged('it does not begin with the experiment and its protocol.');
  }

  #damaged(reason: string): SoakError {
    return damaged(this.#name, reason);
  }
}

/**
 * Parse a journal's bytes. A last line without its newline was being written when the harness died: it is set aside and
 * reported (`torn`).
 *
 * @param name for messages
 * @throws SoakError `bad-journal`: no whole first line, a line that is not a record, a protocol or a patch whose hash
 *   differs from the recorded one, a run that is recorded twice, has no beginning, or has an arm or notebook that the protocol lacks
 */
export function parseJournal(bytes: Buffer, name: string): JournalText {
  const parser = new JournalParser(name);
  parser.push(bytes);
  return parser.end();
}

/**
 * Read the journal of a report folder.
 *
 * @throws SoakError `no-journal`, `bad-journal`
 */
export async function readJournal(folder: string): Promise<JournalText> {
  const path = join(folder, JOURNAL_FILE);
  const parser = new JournalParser(path);
  try {
    await fileWithDeadline(
      'read-journal',
      readPieces(path, (piece) => parser.push(piece)),
      path,
    );
  } catch (error) {
    if (error instanceof SoakError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const what =
      code === 'ENOENT'
        ? `There is no journal at ${path}.`
        : `The journal at ${path} cannot be read: ${message}`;
    throw new SoakError('no-journal', what, {
      remedy: 'Give a folder that soak run wrote: it contains journal.jsonl.',
      cause: error,
    });
  }
  return parser.end();
}

/** @throws Error of the file system, or that it is no file, as a pipe is not that nobody writes to */
async function readPieces(path: string, onPiece: (piece: Buffer) => void): Promise<void> {
  if (!(await stat(path)).isFile()) throw new Error('it is no file');
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) onPiece(piece as Buffer);
}
