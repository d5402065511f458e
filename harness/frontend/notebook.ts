import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { sha256 } from '../model/canonical.ts';
import { SoakError } from '../model/errors.ts';
import { readInput } from '../model/read-input.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { parsedNotebookJson } from './notebook-json.ts';
import { upgradedNotebook } from './older-notebook.ts';

export type { JsonObject } from './json-object.ts';

/** Largest notebook file that is read, bytes. A larger file is a data file by mistake. */
export const MAX_NOTEBOOK_BYTES = 256 * 1024 * 1024;

/** A code cell that a run executes. */
export interface CodeCell {
  /** 0-based index among all cells of the notebook, executed or not. */
  readonly index: number;
  /** Source text, its lines joined. Not empty. */
  readonly source: string;
  /** Tagged `raises-exception`: an error in it is part of the notebook and does not end the run. */
  readonly mayRaise: boolean;
}

/** A notebook as nbformat 4, checked as far as executing it needs. */
export interface Notebook {
  /** File name without folders. */
  readonly name: string;
  readonly path: string;
  /** SHA-256 of the file's bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** 0 or more. */
  readonly nbformatMinor: number;
  /** Language that the kernelspec, or else the `language_info`, states; `null` when neither does. */
  readonly language: string | null;
  /** The notebook's own metadata, as in the file. */
  readonly metadata: JsonObject;
  /** All cells as in the file. */
  readonly cells: readonly JsonObject[];
  /** The cells that are executed, in order; empty for a notebook that has only text. */
  readonly codeCells: readonly CodeCell[];
}

/**
 * Reads and checks a notebook file.
 *
 * @throws {SoakError} `bad-notebook`: no such file, unreadable, larger than `MAX_NOTEBOOK_BYTES`, or anything
 * that `parsedNotebook` refuses.
 */
export async function readNotebook(path: string): Promise<Notebook> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > MAX_NOTEBOOK_BYTES) {
      throw badNotebook(
        path,
        `is ${size} bytes long, and at most ${MAX_NOTEBOOK_BYTES} are read`,
        'Clear its outputs (jupyter nbconvert --clear-output --inplace) and try again.',
      );
    }
    bytes = await readInput(path);
  } catch (cause) {
    if (cause instanceof SoakError) throw cause;
    throw badNotebook(
      path,
      `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Give the path of an .ipynb file that this user can read.',
      cause,
    );
  }
  return parsedNotebook(bytes, path);
}

/**
 * A notebook from the bytes of its file, with or without a byte order mark. It accepts what nbclient
 * executes: nbformat 2, 3 (read as nbformat 4.5) and 4 of any minor version, numbers that JSON lacks, cells
 * of unknown types, and notebooks without code. As nbclient does, it leaves out code cells that are empty or
 * tagged `skip-execution`.
 *
 * @param path Names the notebook in errors and in the result; nothing is read from it.
 * @throws {SoakError} `bad-notebook`, naming the file, what was found and the remedy: not UTF-8, not JSON,
 *   not a notebook, another nbformat, or a malformed cell.
 */
export function parsedNotebook(bytes: Uint8Array, path: string): Notebook {
  const stored = parsedJson(bytes, path);
  const file = stored['nbformat'] === 2 || stored['nbformat'] === 3 ? upgradedNotebook(stored) : stored;
  const nbformatMinor = checkedMinor(file, path);
  const metadata = objectOrAbsent(file['metadata'], path, 'its metadata');
  if (!Array.isArray(file['cells'])) {
    throw badNotebook(path, `has ${described(file['cells'])} where its list of cells should be`, REPAIR);
  }
  const cells: JsonObject[] = [];
  const codeCells: CodeCell[] = [];
  for (const [index, cell] of (file['cells'] as unknown[]).entries()) {
    const place = `cell ${index} (counting from 0)`;
    if (!isJsonObject(cell)) throw badNotebook(path, `has ${described(cell)} as ${place}`, REPAIR);
    const type = cell['cell_type'];
    if (typeof type !== 'string') {
      throw badNotebook(path, `has a cell_type of ${described(type)} in ${place}`, REPAIR);
    }
    cells.push(cell);
    // nbclient reads nothing else of a cell that is not code.
    if (type !== 'code') continue;
    const source = joinedSource(cell['source'], path, place);
    const tags = cellTags(cell, path, place);
    if (source.trim() === '' || tags.includes('skip-execution')) continue;
    codeCells.push({ index, source, mayRaise: tags.includes('raises-exception') });
  }
  return {
    name: basename(path),
    path,
    sha256: sha256(bytes),
    nbformatMinor,
    language: statedLanguage(metadata),
    metadata,
    cells,
    codeCells,
  };
}

/**
 * Refuse a notebook without a cell to execute: its runs could show nothing about a kernel.
 *
 * @throws {SoakError} `bad-notebook`
 */
export function assertHasCode({ path, cells, codeCells }: Notebook): void {
  if (codeCells.length > 0) return;
  throw badNotebook(
    path,
    `has no code cell to execute (${cells.length === 1 ? '1 cell' : `${cells.length} cells`}; empty ones and those tagged skip-execution are left out)`,
    'Give a notebook with at least one code cell: an experiment on a kernel needs one.',
  );
}

/** What jupyter_client starts for a notebook that names no kernel. */
export const DEFAULT_KERNEL = 'python3';

/** The kernelspec that a notebook names in its metadata, `null` without one. */
export function statedKernel({ metadata }: Notebook): string | null {
  const spec = metadata['kernelspec'];
  const name = isJsonObject(spec) ? spec['name'] : null;
  return typeof name === 'string' && name !== '' ? name : null;
}

/** The notebook with only the first `cells` of its executed code cells; unchanged when it has no more. */
export function leadingCells(notebook: Notebook, cells: number): Notebook {
  return cells >= notebook.codeCells.length
    ? notebook
    : { ...notebook, codeCells: notebook.codeCells.slice(0, cells) };
}

const REPAIR =
  'Check it with `python -m nbformat.sign` or open and save it in JupyterLab, which repairs what can be repaired.';

function badNotebook(path: string, found: string, remedy: string, cause?: unknown): SoakError {
  return new SoakError('bad-notebook', `The notebook ${path} ${found}.`, { remedy, cause });
}

function parsedJson(bytes: Uint8Array, path: string): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badNotebook(path, 'is not UTF-8 text', 'Give an .ipynb file, which is JSON in UTF-8.', cause);
  }
  let file: unknown;
  try {
    file = parsedNotebookJson(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const found = text.trim() === '' ? 'is empty' : `is not JSON: ${detail}`;
    throw badNotebook(
      path,
      found,
      'Give an .ipynb file; a script becomes one with `jupytext --to notebook`.',
      cause,
    );
  }
  if (!isJsonObject(file)) {
    throw badNotebook(path, `holds ${described(file)} instead of a JSON object`, 'Give an .ipynb file.');
  }
  return file;
}

function checkedMinor(file: JsonObject, path: string): number {
  const major = file['nbformat'];
  if (major === undefined) {
    throw badNotebook(path, 'is JSON but states no nbformat, so it is no notebook', 'Give an .ipynb file.');
  }
  // nbformat itself treats an absent minor version as 0.
  const minor = file['nbformat_minor'] ?? 0;
  if (major !== 4) {
    throw badNotebook(
      path,
      `is of nbformat ${described(major)}, and nbformat 2, 3 and 4 are read`,
      'Convert it: jupyter nbconvert --to notebook --nbformat 4 --output NEW.ipynb OLD.ipynb',
    );
  }
  if (typeof minor !== 'number' || !Number.isInteger(minor) || minor < 0) {
    throw badNotebook(path, `has ${described(minor)} as its nbformat_minor`, REPAIR);
  }
  return minor;
}

function joinedSource(source: unknown, path: string, place: string): string {
  if (typeof source === 'string') return source;
  if (Array.isArray(source) && source.every((line) => typeof line === 'string')) return source.join('');
  throw badNotebook(path, `has ${described(source)} as the source of ${place}`, REPAIR);
}

function cellTags(cell: JsonObject, path: string, place: string): readonly string[] {
  const tags = objectOrAbsent(cell['metadata'], path, `the metadata of ${place}`)['tags'];
  if (tags === undefined) return [];
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  throw badNotebook(path, `has ${described(tags)} as the tags of ${place}`, REPAIR);
}

function objectOrAbsent(value: unknown, path: string, what: string): JsonObject {
  if (value === undefined) return {};
  if (isJsonObject(value)) return value;
  throw badNotebook(path, `has ${described(value)} as ${what}`, REPAIR);
}

function statedLanguage(metadata: JsonObject): string | null {
  const { kernelspec, language_info: info } = metadata as { kernelspec?: unknown; language_info?: unknown };
  const language = isJsonObject(kernelspec) ? kernelspec['language'] : undefined;
  if (typeof language === 'string') return language;
  const name = isJsonObject(info) ? info['name'] : undefined;
  return typeof name === 'string' ? name : null;
}

/** Describes a value of the wrong type, briefly enough for an error message. */
function described(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
