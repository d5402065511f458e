import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { terminalText } from '../../model/clean-text.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { didYouMean } from '../../model/near-names.ts';
import { quoted } from '../../model/quoted.ts';
import { readInput } from '../../model/read-input.ts';
import type { OptionRow } from '../row.ts';
import { OPTIONS } from '../table.ts';
import { pathsFromFile } from './paths.ts';
import { type ExperimentKey, experimentFileSchema, experimentKeys } from './schema.ts';

/** Options as commander would hand them over: by attribute name, text as text. */
export type OptionValues = Readonly<Record<string, string | string[] | boolean>>;

/** An experiment file, read. */
export interface ExperimentFile {
  /** As it was named. */
  readonly path: string;
  readonly values: OptionValues;
  /** Where each value stands, so that what is said of it later can say where. */
  readonly places: readonly Place[];
}

/** A value of the file. */
export interface Place {
  readonly key: string;
  /** Attribute name of the option. */
  readonly attribute: string;
  /** As the option gets it; `null` for a whole list. */
  readonly value: string | null;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

/** Far more than any experiment needs: a notebook or journal given by mistake is told so and not parsed. */
const LARGEST_FILE_BYTES = 256 * 1024;
/** Aliases may repeat a list, and not blow a small file up. */
const MOST_ALIASES = 100;
/** Faults that are listed at once. */
const LISTED_FAULTS = 8;

/**
 * Read an experiment from a YAML or JSON file.
 *
 * @param table the options: those of `soak run` may be in the file
 * @throws SoakError `bad-experiment-file`, naming file, line and key
 */
export async function readExperimentFile(
  path: string,
  table: readonly OptionRow[] = OPTIONS,
): Promise<ExperimentFile> {
  const text = await textOf(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  // A warning is a tag that nothing here knows: the value would not be what it says.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const key = /^["']?([^:"'\n]*)/.exec(text.slice(fault.pos[0]))?.[1] ?? '';
    const what =
      fault.code === 'DUPLICATE_KEY' ? `the key ${quoted(terminalText(key))} is there twice.` : fault.message;
    throw refused(path, [{ offset: fault.pos[0], text: firstLine(what) }], lines);
  }
  if (!isMap(document.contents)) {
    throw refused(path, [{ offset: 0, text: 'it holds no keys and values, such as "runs: 20".' }], lines);
  }
  const keys = experimentKeys(table);
  const parsed = experimentFileSchema(keys).safeParse(plainValues(document, path, lines));
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => issueFaults(issue, document, keys));
    throw refused(path, faults, lines, keys);
  }
  return { path, ...valuesOf(parsed.data, document, lines, path, keys) };
}

async function textOf(path: string): Promise<string> {
  const unreadable = (reason: string, cause?: unknown) =>
    new SoakError('bad-experiment-file', `The experiment file ${shown(path)} cannot be read: ${reason}.`, {
      remedy: 'Give the path of a YAML or JSON file; arms/experiments has examples.',
      cause,
    });
  const bytes = await readInput(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code === 'ENOENT' ? 'there is no such file' : error.message, error);
  });
  if (bytes.length > LARGEST_FILE_BYTES)
    throw unreadable(`it has ${bytes.length} bytes, and is no experiment`);
  return bytes.toString('utf8');
}

function plainValues(document: Document, path: string, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    throw refused(path, [{ offset: 0, text: firstLine((error as Error).message) }], lines);
  }
}

/** What is wrong with a file, and where: an offset into its text. */
interface Fault {
  readonly offset: number;
  readonly text: string;
}

function refused(
  path: string,
  faults: readonly Fault[],
  lines: LineCounter,
  keys: readonly ExperimentKey[] = [],
): SoakError {
  const sorted = [...faults].sort((a, b) => a.offset - b.offset);
  const listed = sorted.slice(0, LISTED_FAULTS).map(({ offset, text }) => {
    const { line, col } = lines.linePos(offset);
    return `${shown(path)}:${line}:${col}: ${text}`;
  });
  if (faults.length > listed.length) listed.push(`and ${faults.length - listed.length} more`);
  const message =
    listed.length === 1 ? (listed[0] ?? '') : `${shown(path)} cannot be used:\n  ${listed.join('\n  ')}`;
  const known = keys.length === 0 ? '' : `Keys there are: ${keys.map(({ key }) => key).join(', ')}. `;
  return new SoakError('bad-experiment-file', message, {
    remedy: `${known}arms/experiments has examples, and the schema for editors.`,
    exitCode: EXIT_CODES.usage,
  });
}

function issueFaults(issue: z.core.$ZodIssue, document: Document, keys: readonly ExperimentKey[]): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keys.map((each) => each.key);
    return issue.keys.map((key) => ({
      offset: keyOffset(document, key),
      text: `unknown key ${quoted(terminalText(key))}. ${didYouMean(key, known)}`.trimEnd(),
    }));
  }
  const deepest = deepestIssue(issue);
  const [key] = deepest.path;
  const offset = nodeOffset(document, deepest.path) ?? keyOffset(document, String(key));
  return [{ offset, text: `${String(key)}: ${said(deepest, document)}` }];
}

function nodeOffset(document: Document, path: readonly PropertyKey[]): number | undefined {
  return (document.getIn(path, true) as { range?: [number, number, number] } | undefined)?.range?.[0];
}

type FoundIssue = Pick<z.core.$ZodIssue, 'message' | 'path'> & { readonly issue: z.core.$ZodIssue };

/** Of a union (a name, or a list of names) the part that got furthest: it says which item is wrong. */
function deepestIssue(issue: z.core.$ZodIssue): FoundIssue {
  const own: FoundIssue = { message: issue.message, path: issue.path, issue };
  if (issue.code !== 'invalid_union') return own;
  const branches = issue.errors.flatMap((branch) =>
    branch.map((inner) => {
      const found = deepestIssue(inner);
      return { ...found, path: [...issue.path, ...found.path] };
    }),
  );
  const fitting = branches.filter((branch) => branch.issue.code !== 'invalid_type');
  return [...fitting, ...branches].reduce(
    (deepest, each) => (each.path.length > deepest.path.length ? each : deepest),
    fitting[0] ?? branches[0] ?? own,
  );
}

const EXPECTED: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  string: 'text',
  array: 'a list',
};

function said({ issue, path }: FoundIssue, document: Document): string {
  const node = document.getIn(path, true);
  if (!isScalar(node)) return issue.code === 'invalid_type' ? mustBe(issue.expected) : `${issue.message}.`;
  const source = node.value === null ? 'nothing' : quoted(terminalText(node.source ?? String(node.value)));
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    return `${source} is none of ${known.join(', ')}. ${didYouMean(String(node.value), known)}`.trimEnd();
  }
  if (issue.code !== 'invalid_type') return `${source} is not usable: ${issue.message}.`;
  if (issue.expected === 'string' && typeof node.value === 'number') {
    return `without quotes ${node.source ?? node.value} is a number: write ${source}.`;
  }
  return `${source}: ${mustBe(issue.expected)}`;
}

function mustBe(expected: string): string {
  return `it must be ${EXPECTED[expected] ?? expected}.`;
}

function keyOffset(document: Document, key: string): number {
  const contents = document.contents;
  if (!isMap(contents)) return 0;
  const pair = contents.items.find((item) => isScalar(item.key) && item.key.value === key);
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? 0) : 0;
}

function valuesOf(
  data: Record<string, unknown>,
  document: Document,
  lines: LineCounter,
  path: string,
  keys: readonly ExperimentKey[],
): Pick<ExperimentFile, 'values' | 'places'> {
  const values: Record<string, string | string[] | boolean> = {};
  const places: Place[] = [];
  for (const { key, row, attribute, isList } of keys) {
    const given = data[key];
    if (given === undefined) continue;
    const place = (value: string | null, ...within: number[]): Place => {
      const { line, col } = lines.linePos(nodeOffset(document, [key, ...within]) ?? keyOffset(document, key));
      return { key, attribute, value, line, column: col };
    };
    if (typeof given === 'boolean') {
      // A switch that is off is one that is not given.
      if (given) values[attribute] = true;
      continue;
    }
    const items = (Array.isArray(given) ? given : [given]).map((item) =>
      pathsFromFile(row.type.paths, String(item), path),
    );
    places.push(...items.map((item, index) => (Array.isArray(given) ? place(item, index) : place(item))));
    values[attribute] = asOption(row, isList, items);
  }
  return { values, places };
}

function asOption(row: OptionRow, isList: boolean, items: readonly string[]): string | string[] {
  if (!isList) return items[0] ?? '';
  return row.type.isList === true && row.type.paths !== 'arm' ? items.join(',') : [...items];
}

function shown(path: string): string {
  return terminalText(path, 300);
}

function firstLine(message: string): string {
  return terminalText(message.split('\n')[0] ?? '', 300);
}
