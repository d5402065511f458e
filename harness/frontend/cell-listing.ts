import { createHash } from 'node:crypto';
import { canonicalJson } from '../model/canonical.ts';
import {
  type CellListing,
  END_CHARACTERS,
  type KeptText,
  type ListedOutput,
  listingHash,
  MAX_LISTED,
  PREFIX_CHARACTERS,
  WHOLE_CHARACTERS,
} from '../model/cell-outputs.ts';
import { LongText } from '../model/long-text.ts';
import { imageSize } from './image-size.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { type SanitiseRule, sanitised } from './sanitise.ts';

/** Beyond so many characters a text is compared as it is: sanitising it would hold up every other run. */
const SANITISED_CHARACTERS = 1024 * 1024;

/**
 * What a cell of a notebook shows, as runs are compared by it: which outputs, of which type, in which order. Each
 * stream is joined to one output, as the kernel cuts it where it likes. Execution counts, metadata and tracebacks are
 * left out. A malformed output does not throw: what it lacks is empty.
 *
 * @param cell a code cell of nbformat 4; the text of a stream may be a `LongText`
 */
export function cellListing(cell: JsonObject, rules: readonly SanitiseRule[]): CellListing {
  const found = Array.isArray(cell['outputs']) ? (cell['outputs'] as unknown[]).filter(isJsonObject) : [];
  const outputs = joined(found).map((output) => listed(output, rules));
  const listing: CellListing = { outputs: outputs.slice(0, MAX_LISTED) };
  const rest = outputs.slice(MAX_LISTED);
  if (rest.length === 0) return listing;
  return { ...listing, more: { count: rest.length, sha256: listingHash({ outputs: rest }) } };
}

/** The outputs with each stream's texts at the place of its first one. */
function joined(outputs: readonly JsonObject[]): (JsonObject | Stream)[] {
  const streams = new Map<string, Stream>();
  return outputs.flatMap((output): (JsonObject | Stream)[] => {
    if (output['output_type'] !== 'stream') return [output];
    const name = String(output['name'] ?? '');
    const known = streams.get(name);
    const stream = known ?? new Stream(name);
    streams.set(name, stream);
    stream.texts.push(multiline(output['text']));
    return known === undefined ? [stream] : [];
  });
}

class Stream {
  readonly name: string;
  readonly texts: (string | LongText)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  *pieces(): Generator<string> {
    for (const text of this.texts) {
      if (typeof text === 'string') yield text;
      else yield* text.pieces();
    }
  }
}

/** nbformat's multi-line string: a text, or a list of its lines. */
function multiline(text: unknown): string | LongText {
  if (typeof text === 'string' || text instanceof LongText) return text;
  return Array.isArray(text) ? text.map(String).join('') : '';
}

function listed(output: JsonObject | Stream, rules: readonly SanitiseRule[]): ListedOutput {
  if (output instanceof Stream) {
    return {
      type: 'stream',
      name: output.name,
      parts: { 'text/plain': keptText(output.pieces(), rules) },
    };
  }
  if (output['output_type'] === 'error') {
    return {
      type: 'error',
      name: String(output['ename'] ?? ''),
      parts: { 'text/plain': keptText([String(output['evalue'] ?? '')], rules) },
    };
  }
  const data = isJsonObject(output['data']) ? output['data'] : {};
  const types = Object.keys(data).sort();
  return {
    type: output['output_type'] === 'execute_result' ? 'execute_result' : 'display_data',
    name: shownType(types),
    parts: Object.fromEntries(types.map((type) => [type, part(type, data[type], rules)])),
  };
}

/** The richest of the types, as front ends choose: plain text only where there is nothing else. */
function shownType(types: readonly string[]): string {
  const rich = types.filter((type) => type !== 'text/plain');
  return (
    rich.find((type) => type.startsWith('application/vnd.')) ??
    rich.find((type) => type.startsWith('image/')) ??
    rich[0] ??
    types[0] ??
    ''
  );
}

const WIDGET = 'application/vnd.jupyter.widget-view+json';

function part(type: string, value: unknown, rules: readonly SanitiseRule[]): KeptText {
  if (type.startsWith('image/')) return imageSize(type, String(multiline(value)));
  // Only its presence is compared: the model's id is drawn anew each time.
  if (type === WIDGET) return 'a widget';
  if (/^text\/|[+/]json$|^application\/javascript$/.test(type)) {
    const isText = typeof value === 'string' || Array.isArray(value);
    return keptText([isText ? String(multiline(value)) : canonicalJson(value ?? null)], rules);
  }
  return 'data';
}

/**
 * A text as it is kept: whole, or its ends, length and hashes.
 *
 * @param pieces where they are cut means nothing
 */
export function keptText(pieces: Iterable<string>, rules: readonly SanitiseRule[]): KeptText {
  const long = new LongDigest();
  let head: string | null = '';
  for (const piece of pieces) {
    if (head === null) {
      long.push(piece);
      continue;
    }
    head += piece;
    if (head.length <= SANITISED_CHARACTERS) continue;
    long.push(sanitised(head.slice(0, SANITISED_CHARACTERS), rules));
    long.push(head.slice(SANITISED_CHARACTERS));
    head = null;
  }
  if (head === null) return long.end();
  const text = sanitised(head, rules);
  if (text.length <= WHOLE_CHARACTERS) return text;
  long.push(text);
  return long.end();
}

class LongDigest {
  readonly #hash = createHash('sha256');
  readonly #prefixes: string[] = [];
  #head = '';
  #tail = '';
  #length = 0;

  push(text: string): void {
    let rest = text;
    while (rest.length > 0) {
      const room = PREFIX_CHARACTERS * 2 ** this.#prefixes.length - this.#length;
      const now = rest.slice(0, room);
      rest = rest.slice(now.length);
      // As UTF-16: where a text is cut between the halves of a character, UTF-8 would lose them.
      this.#hash.update(Buffer.from(now, 'utf16le'));
      this.#length += now.length;
      if (this.#head.length < END_CHARACTERS) this.#head = (this.#head + now).slice(0, END_CHARACTERS);
      this.#tail = (this.#tail + now).slice(-END_CHARACTERS);
      if (now.length === room) this.#prefixes.push(this.#hash.copy().digest('hex'));
    }
  }

  end(): KeptText {
    return {
      head: this.#head,
      tail: this.#tail,
      length: this.#length,
      sha256: this.#hash.digest('hex'),
      prefixes: this.#prefixes,
    };
  }
}
