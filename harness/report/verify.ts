import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { diffArrays } from 'diff';
import { contradictions } from '../audit/contradictions.ts';
import { JOURNAL_FILE, readJournal } from '../journal/read.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Journal } from '../model/journal.ts';
import { readInput } from '../model/read-input.ts';
import { buildReport } from './report.ts';
import { type ReportFile, reportFiles } from './write-report.ts';

/** One difference between a report and what its journal gives. */
export interface Difference {
  /** Relative to the report's folder. */
  readonly file: string;
  /** `line 7 (Comparisons)`, `arms[2].wedged`, or empty for the file as a whole. */
  readonly place: string;
  /** What the file says; `null` when it says nothing there. */
  readonly found: string | null;
  /** What the journal gives; `null` when nothing should be there. */
  readonly recomputed: string | null;
}

export interface Verification {
  readonly folder: string;
  readonly differences: readonly Difference[];
  /** Files compared. */
  readonly files: readonly string[];
  /** `null` when the journal itself cannot be used. */
  readonly journal: Journal | null;
}

/** Only the evidence is always there. A copy of it alone can be verified by naming the file. */
const HASHES: readonly { readonly file: string; readonly name: string; readonly pattern: RegExp }[] = [
  { file: 'evidence.md', name: 'journal SHA-256', pattern: /Journal as read here: SHA-256 `([0-9a-f]{64})`/ },
  { file: 'comment.md', name: 'journal SHA-256', pattern: /whose journal has SHA-256 `([0-9a-f]{64})`/ },
  { file: 'evidence.md', name: 'protocol SHA-256', pattern: /hashed before run 1, SHA-256 `([0-9a-f]{64})`/ },
];

/**
 * Renders the journal again and names every difference from the files beside it: a digit changed by hand, a line of the
 * journal changed after the fact, a figure replaced. Then it recomputes what the protocol fixes (orders, seeds,
 * notebooks) and what each outcome follows from. So it finds a journal that was changed together with its documents, if
 * its parts contradict each other. A journal that was changed consistently in every part is not found: against that,
 * only the hash in a document that others hold is a witness.
 *
 * @param target a report's folder, or one of its files. A Markdown file of another name is its evidence,
 *   or its comment where it has no title
 * @throws SoakError `no-report` when there is nothing at `target`, `no-journal` when no journal is beside it
 */
export async function verifyReport(target: string): Promise<Verification> {
  const isFolder = await stat(target).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw new SoakError('no-report', `There is no report at ${target}.`, {
        remedy: 'Give the folder of a report, or its evidence.md. `soak list` shows all reports.',
        cause,
      });
    },
  );
  const folder = isFolder ? target : dirname(target);
  let journal: Journal;
  let expected: ReturnType<typeof reportFiles>;
  try {
    ({ journal } = await readJournal(folder));
    expected = reportFiles(buildReport(journal));
  } catch (error) {
    if (!(error instanceof SoakError) || error.code !== 'bad-journal') throw error;
    const difference = { file: JOURNAL_FILE, place: '', found: error.message, recomputed: null };
    return { folder, differences: [difference], files: [], journal: null };
  }
  const chosen = isFolder ? expected : [await chosenFile(target, expected)];
  const ofFiles = isFolder
    ? await folderDifferences(folder, chosen)
    : await oneFileDifferences(basename(target), target, chosen[0] as ReportFile);
  const ofJournal = contradictions(journal).map(
    ({ place, found, expected: recomputed }): Difference => ({
      file: JOURNAL_FILE,
      place,
      found,
      recomputed,
    }),
  );
  return { folder, differences: [...ofFiles, ...ofJournal], files: chosen.map(({ path }) => path), journal };
}

/** In what the files of a folder differ from what they should be. */
export async function folderDifferences(
  folder: string,
  expected: readonly ReportFile[],
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const file of expected) {
    const path = join(folder, ...file.path.split('/'));
    differences.push(...(await oneFileDifferences(file.path, path, file)));
  }
  return differences;
}

async function oneFileDifferences(name: string, path: string, expected: ReportFile): Promise<Difference[]> {
  const found = await readText(path);
  if (found === null) return [{ file: name, place: '', found: null, recomputed: 'a file' }];
  return found === expected.content ? [] : fileDifferences(name, expected.path, found, expected.content);
}

async function chosenFile(target: string, expected: ReturnType<typeof reportFiles>) {
  const name = basename(target);
  // Only the evidence has a heading of the first rank.
  const isEvidence = name.endsWith('.md') && /^\s*# /.test((await readText(target)) ?? '');
  const kindOfMarkdown = isEvidence ? 'evidence.md' : 'comment.md';
  const file =
    expected.find(({ path }) => basename(path) === name) ??
    (name.endsWith('.md') ? expected.find(({ path }) => path === kindOfMarkdown) : undefined);
  if (file !== undefined) return file;
  throw new SoakError('no-report', `${target} is not a file of a report.`, {
    remedy:
      'Give the folder of a report, or its evidence.md, comment.md, evidence.html, summary.json or junit.xml.',
  });
}

/** Line ends do not count: git on Windows or a comment form may have changed them. */
async function readText(path: string): Promise<string | null> {
  try {
    return String(await readInput(path)).replaceAll('\r\n', '\n');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new SoakError('report-unreadable', `${path} cannot be read: ${String(cause)}`, {
      remedy: 'Give yourself permission to read it.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  }
}

function fileDifferences(name: string, kind: string, found: string, recomputed: string): Difference[] {
  if (kind.endsWith('.json')) {
    try {
      const differences = valueDifferences(name, '', JSON.parse(found), JSON.parse(recomputed));
      if (differences.length > 0) return differences;
    } catch {
      return [{ file: name, place: '', found: 'text that is not JSON', recomputed: 'a summary' }];
    }
  }
  const hashes = HASHES.flatMap((hash) => {
    if (hash.file !== kind) return [];
    const [said, is] = [hash.pattern.exec(found)?.[1] ?? null, hash.pattern.exec(recomputed)?.[1] ?? null];
    return said === is ? [] : [{ file: name, place: hash.name, found: said, recomputed: is }];
  });
  return [...hashes, ...lineDifferences(name, found, recomputed)];
}

/** Differences of two JSON values by path. */
function valueDifferences(file: string, place: string, found: unknown, recomputed: unknown): Difference[] {
  if (isTree(found) && isTree(recomputed) && Array.isArray(found) === Array.isArray(recomputed)) {
    const keys = new Set([...Object.keys(recomputed), ...Object.keys(found)]);
    return [...keys].flatMap((key) => {
      const inner = Array.isArray(recomputed) ? `${place}[${key}]` : place === '' ? key : `${place}.${key}`;
      return valueDifferences(file, inner, found[key], recomputed[key]);
    });
  }
  if (Object.is(found, recomputed)) return [];
  return [{ file, place, found: jsonText(found), recomputed: jsonText(recomputed) }];
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function jsonText(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** Milliseconds for pairing lines when some were added or removed: enough for any report. */
const PAIRING_TIMEOUT_MS = 5_000;

function lineDifferences(file: string, found: string, recomputed: string): Difference[] {
  const [a, b] = [found.split('\n'), recomputed.split('\n')];
  if (a.length === b.length) {
    return a.flatMap((text, index) => {
      const other = b[index] ?? '';
      return text === other ? [] : pairDifferences(file, placeOf(a, index), text, other);
    });
  }
  const changes = diffArrays(a, b, { timeout: PAIRING_TIMEOUT_MS });
  if (changes === undefined)
    return [{ file, place: '', found: `${a.length} lines`, recomputed: `${b.length} lines` }];
  const differences: Difference[] = [];
  let line = 0;
  let removed: { readonly text: string; readonly line: number }[] = [];
  const flush = () => {
    for (const { text, line: at } of removed) {
      differences.push({ file, place: placeOf(a, at), found: text, recomputed: null });
    }
    removed = [];
  };
  for (const change of changes) {
    if (change.removed) {
      flush();
      removed = change.value.map((text, offset) => ({ text, line: line + offset }));
      line += change.value.length;
    } else if (change.added) {
      for (const text of change.value) {
        const pair = removed.shift();
        if (pair === undefined)
          differences.push({ file, place: placeOf(a, line), found: null, recomputed: text });
        else differences.push(...pairDifferences(file, placeOf(a, pair.line), pair.text, text));
      }
      flush();
    } else {
      flush();
      line += change.value.length;
    }
  }
  flush();
  return differences;
}

const NUMBER = /[+−-]?\d+(?:\.\d+)?(?:e-?\d+)?(?:\/\d+)?(?: %)?/g;

/** The numbers that differ if the words are the same, else the lines. */
function pairDifferences(file: string, place: string, found: string, recomputed: string): Difference[] {
  if (
    found.replace(NUMBER, '0').replace(/[ :-]+/g, ' ') ===
    recomputed.replace(NUMBER, '0').replace(/[ :-]+/g, ' ')
  ) {
    const [a, b] = [found.match(NUMBER) ?? [], recomputed.match(NUMBER) ?? []];
    const differing = a.flatMap((number, index) =>
      number === b[index] ? [] : [{ file, place, found: number, recomputed: b[index] ?? null }],
    );
    if (differing.length > 0) return differing;
  }
  return [{ file, place, found, recomputed }];
}

/** `line 7`, with the heading above it where the file has headings. */
function placeOf(lines: readonly string[], index: number): string {
  for (let above = index; above >= 0; above -= 1) {
    const heading = /^## (.+)$/.exec(lines[above] ?? '')?.[1];
    if (heading !== undefined) return `line ${index + 1} (${heading})`;
  }
  return `line ${index + 1}`;
}
