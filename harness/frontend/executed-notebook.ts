import { randomUUID } from 'node:crypto';
import type { JsonObject, Notebook } from './notebook.ts';
import type { NotebookOutputs } from './notebook-outputs.ts';

/**
 * The notebook with the outputs of its executed cells, as nbformat 4 JSON and as nbclient leaves it: cells that
 * were not executed keep what they had, a stale widget state gives way to the new one where there is one.
 * nbclient's timestamps of each cell (`metadata.execution`) are not made: they differ on every run.
 *
 * @param languageInfo `language_info` of the kernel's `kernel_info_reply`, stored as nbclient does.
 */
export function executedNotebook(
  notebook: Notebook,
  outputs: NotebookOutputs,
  languageInfo?: JsonObject,
): JsonObject {
  const executed = new Map(outputs.executedCells().map((cell) => [cell.index, cell]));
  const widgets = outputs.widgetState();
  return {
    nbformat: 4,
    nbformat_minor: notebook.nbformatMinor,
    metadata: {
      ...notebook.metadata,
      ...(languageInfo === undefined ? {} : { language_info: languageInfo }),
      ...(widgets === null ? {} : { widgets }),
    },
    cells: notebook.cells.map((cell, index) => {
      const result = executed.get(index);
      if (result === undefined) return cell;
      return { ...cell, execution_count: result.executionCount, outputs: result.outputs };
    }),
  };
}

/** Texts longer than this are written piece by piece: with their escapes they need not fit a string. */
const LONG_TEXT = 1024 * 1024;
const LINES_A_PIECE = 4_096;

/**
 * The text of a notebook's file as nbformat writes it, so that saving over one makes a readable difference:
 * keys sorted, one space of indentation, sources and text outputs as lists of lines, a newline at the end.
 */
export function notebookText(notebook: JsonObject): string {
  return [...notebookPieces(notebook)].join('');
}

/** `notebookText` in pieces, for a file of whatever length. */
export function* notebookPieces(notebook: JsonObject): Generator<string> {
  const cells = Array.isArray(notebook['cells']) ? (notebook['cells'] as JsonObject[]) : [];
  const long: string[] = [];
  const mark = `long text ${randomUUID()} `;
  const kept = (text: unknown): unknown => {
    if (typeof text !== 'string' || text.length <= LONG_TEXT) return lines(text);
    long.push(text);
    return `${mark}${long.length - 1}`;
  };
  const whole = JSON.stringify(
    sorted({ ...notebook, cells: cells.map((cell) => splitCell(cell, kept)) }),
    null,
    1,
  );
  let from = 0;
  for (const found of whole.matchAll(new RegExp(`"${mark}(\\d+)"`, 'g'))) {
    const before = whole.slice(from, found.index);
    yield before;
    const indent = / *$/.exec(before.slice(before.lastIndexOf('\n') + 1).replace(/\S.*$/s, ''))?.[0] ?? '';
    yield* pieces(long[Number(found[1])] ?? '', indent);
    from = found.index + found[0].length;
  }
  yield `${whole.slice(from)}\n`;
}

/** A text as the JSON list of its lines. */
function* pieces(text: string, indent: string): Generator<string> {
  yield '[';
  let from = 0;
  let separator = '\n';
  let piece: string[] = [];
  const add = (to: number) => {
    piece.push(`${separator}${indent} ${JSON.stringify(text.slice(from, to))}`);
    separator = ',\n';
    from = to;
  };
  for (const { index } of text.matchAll(new RegExp(AFTER_LINE_END, 'g'))) {
    if (index === 0 || index >= text.length) continue;
    add(index);
    if (piece.length < LINES_A_PIECE) continue;
    yield piece.join('');
    piece = [];
  }
  add(text.length);
  yield `${piece.join('')}\n${indent}]`;
}

type Keep = (text: unknown) => unknown;

function splitCell(cell: JsonObject, kept: Keep): JsonObject {
  const split = { ...cell, source: lines(cell['source']) };
  if (!Array.isArray(cell['outputs'])) return split;
  return { ...split, outputs: (cell['outputs'] as JsonObject[]).map((output) => splitOutput(output, kept)) };
}

function splitOutput(output: JsonObject, kept: Keep): JsonObject {
  if (output['output_type'] === 'stream') return { ...output, text: kept(output['text']) };
  const data = output['data'];
  if (typeof data !== 'object' || data === null) return output;
  const split = Object.entries(data).map(([mime, value]) => [mime, isText(mime) ? lines(value) : value]);
  return { ...output, data: Object.fromEntries(split) };
}

function isText(mime: string): boolean {
  return mime.startsWith('text/') || mime === 'application/javascript' || mime === 'image/svg+xml';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Python splits at these, and nbformat with it.
const AFTER_LINE_END = /(?<=\r(?!\n)|[\n\v\f\x1c-\x1e\x85\u2028\u2029])/;

/** A string as its lines with their endings, by the boundaries of Python's `str.splitlines`; others as they are. */
function lines(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  return text === '' ? [] : text.split(AFTER_LINE_END);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as JsonObject;
  return Object.fromEntries(
    Object.keys(record)
      .sort()
      .map((key) => [key, sorted(record[key])]),
  );
}
