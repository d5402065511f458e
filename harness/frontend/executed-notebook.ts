import { randomUUID } from 'node:crypto';
import { LongText } from '../model/long-text.ts';
import type { DocumentOutputs } from '../transport/channels.ts';
import type { JsonObject, Notebook } from './notebook.ts';
import { NumberAsWritten } from './notebook-json.ts';
import type { NotebookOutputs } from './notebook-outputs.ts';

/**
 * The notebook with the outputs of its executed cells, as nbformat 4 JSON and as nbclient leaves it. Cells
 * that were not executed keep their outputs. A new widget state replaces a stale one.
 *
 * nbclient's timestamps of each cell (`metadata.execution`) are not written, since they differ on every run,
 * and those of an earlier execution are removed. Fields that nbformat does not keep are removed too: the
 * trust mark, and the original nbformat. The text of a stream may be a `LongText`.
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
      ...without(notebook.metadata, ['orig_nbformat', 'orig_nbformat_minor', 'signature']),
      ...(languageInfo === undefined ? {} : { language_info: languageInfo }),
      ...(widgets === null ? {} : { widgets }),
    },
    cells: notebook.cells.map((cell, index) => {
      const result = executed.get(index);
      if (result === undefined) return { ...cell, ...kept(cell, ['trusted']) };
      const { executionCount, outputs: made } = result;
      return {
        ...cell,
        ...kept(cell, ['trusted', 'execution']),
        execution_count: executionCount,
        outputs: made,
      };
    }),
  };
}

/**
 * An executed notebook with the outputs that a server's document shows of its cells, in place of those that the kernel
 * published.
 *
 * @param document of the code cells that were sent, in order
 */
export function asDocumentShows(
  executed: JsonObject,
  { codeCells }: Pick<Notebook, 'codeCells'>,
  document: DocumentOutputs,
): JsonObject {
  const shown = new Map(document.map((cell, position) => [codeCells[position]?.index, cell]));
  return {
    ...executed,
    cells: (executed['cells'] as JsonObject[]).map((cell, index) => {
      const found = shown.get(index);
      if (found === undefined) return cell;
      return { ...cell, execution_count: found.executionCount, outputs: found.outputs };
    }),
  };
}

/** A cell's metadata without some keys, if the cell has metadata. */
function kept({ metadata }: JsonObject, dropped: readonly string[]): JsonObject {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return {};
  return { metadata: without(metadata as JsonObject, dropped) };
}

function without(object: JsonObject, dropped: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !dropped.includes(key)));
}

/** Longer texts are written piece by piece: with their escapes they might not fit in a string. */
const LONG_TEXT = 1024 * 1024;
const PIECE_CHARACTERS = 64 * 1024;

/**
 * The text of a notebook's file as nbformat writes it, so that saving over a file gives a readable diff:
 * sorted keys, one space of indentation, sources and text outputs as lists of lines, a newline at the end.
 */
export function notebookText(notebook: JsonObject): string {
  return [...notebookPieces(notebook)].join('');
}

/** `notebookText` in pieces, for a file of any length. */
export function* notebookPieces(notebook: JsonObject): Generator<string> {
  const cells = Array.isArray(notebook['cells']) ? (notebook['cells'] as JsonObject[]) : [];
  const long: Iterable<string>[] = [];
  const mark = `long text ${randomUUID()} `;
  const numberMark = `number ${randomUUID()} `;
  const kept = (text: unknown): unknown => {
    if (text instanceof LongText) long.push(text.pieces());
    else if (typeof text !== 'string' || text.length <= LONG_TEXT) return lines(text);
    else long.push(slices(text));
    return `${mark}${long.length - 1}`;
  };
  const whole = JSON.stringify(
    sorted({ ...notebook, cells: cells.map((cell) => splitCell(cell, kept)) }, numberMark),
    null,
    1,
  );
  let from = 0;
  for (const found of whole.matchAll(new RegExp(`"(?:${mark}(\\d+)|${numberMark}([^"]+))"`, 'g'))) {
    const before = whole.slice(from, found.index);
    yield before;
    if (found[2] !== undefined) {
      yield found[2];
      from = found.index + found[0].length;
      continue;
    }
    const indent = / *$/.exec(before.slice(before.lastIndexOf('\n') + 1).replace(/\S.*$/s, ''))?.[0] ?? '';
    yield* lineList(long[Number(found[1])] ?? [], indent);
    from = found.index + found[0].length;
  }
  yield `${whole.slice(from)}\n`;
}

function* slices(text: string): Generator<string> {
  for (let from = 0; from < text.length; from += PIECE_CHARACTERS) {
    yield text.slice(from, from + PIECE_CHARACTERS);
  }
}

/** A text as the JSON list of its lines. The text must not be empty. Its pieces may be cut anywhere. */
function* lineList(text: Iterable<string>, indent: string): Generator<string> {
  let written = '[';
  let before = `\n${indent} "`;
  let isOpen = false;
  const add = (part: string, ends: boolean) => {
    written += `${isOpen ? '' : before}${JSON.stringify(part).slice(1, -1)}${ends ? '"' : ''}`;
    before = `,\n${indent} "`;
    isOpen = !ends;
  };
  let rest = '';
  for (const piece of text) {
    const parts = (rest + piece).split(AFTER_LINE_END);
    // The next piece decides how to treat the last character: a line feed may follow a carriage return, or
    // half a character may be completed.
    const last = parts.pop() ?? '';
    const held = UNDECIDED.test(last) ? 1 : 0;
    rest = last.slice(last.length - held);
    for (const part of parts) add(part, true);
    if (last.length > held) add(last.slice(0, last.length - held), !held && LINE_END.test(last));
    yield written;
    written = '';
  }
  if (rest !== '') add(rest, true);
  yield `${written}${isOpen ? '"' : ''}\n${indent}]`;
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
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const LINE_END = /[\n\v\f\x1c-\x1e\x85\u2028\u2029]$/;
const UNDECIDED = /[\r\ud800-\udbff]$/;

/**
 * Splits a string into lines with their endings, at the boundaries of Python's `str.splitlines`. Other values
 * are returned as they are.
 */
function lines(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  return text === '' ? [] : text.split(AFTER_LINE_END);
}

function sorted(value: unknown, numberMark: string): unknown {
  if (value instanceof NumberAsWritten) return `${numberMark}${value.text}`;
  if (Array.isArray(value)) return value.map((each) => sorted(each, numberMark));
  if (typeof value !== 'object' || value === null) return value;
  const record = value as JsonObject;
  return Object.fromEntries(
    Object.keys(record)
      .sort()
      .map((key) => [key, sorted(record[key], numberMark)]),
  );
}
