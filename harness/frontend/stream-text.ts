import { LongText } from '../model/long-text.ts';
import type { SpilledText, TextSpill } from './text-spill.ts';

/** Characters of stream text in memory that are no reason to set anything aside, per notebook. */
const HELD_CHARACTERS = 1024 * 1024;
/** A text is set aside in pieces of this length or more. */
const PIECE_CHARACTERS = 8 * 1024;

/** What the stream texts of one notebook share. */
export interface StreamStore {
  /** Where long text goes; `null`: it stays in memory. */
  readonly spill: TextSpill | null;
  /** Characters in memory. */
  held: number;
}

/**
 * The text of one stream, merged from its messages, without what carriage returns overwrote: nbclient's
 * `.*\r(?=[^\n])`, whose match stays one whatever comes after it, so that it can be dropped before all is there.
 */
export class StreamText {
  readonly #store: StreamStore;
  readonly #pieces: SpilledText[] = [];
  /** What is not set aside. */
  #tail = '';
  /** Where in the pieces the last line begins that is set aside: so many whole pieces, so much of the next. */
  #lineStart = { pieces: 0, length: 0 };

  constructor(store: StreamStore) {
    this.#store = store;
  }

  /** @throws SoakError where it cannot be set aside */
  append(text: string | LongText): void {
    if (typeof text === 'string') this.#append(text);
    else for (const piece of text.pieces()) this.#append(piece);
  }

  /** The text so far. One that was set aside is read when it is asked for, until the spill is removed. */
  value(): string | LongText {
    this.#overwrite();
    const { spill } = this.#store;
    if (spill === null || this.#pieces.length === 0) return this.#tail;
    return new KeptText(spill, [...this.#pieces], this.#tail);
  }

  /** To be called where the text is dropped: its memory is free. */
  release(): void {
    this.#setTail('');
    this.#pieces.length = 0;
  }

  #append(text: string): void {
    this.#setTail(this.#tail + text);
    const { spill, held } = this.#store;
    if (spill === null || held <= HELD_CHARACTERS || this.#tail.length < PIECE_CHARACTERS) return;
    this.#overwrite();
    if (this.#tail.length >= PIECE_CHARACTERS) this.#setAside(spill);
  }

  #setTail(tail: string): void {
    this.#store.held += tail.length - this.#tail.length;
    this.#tail = tail;
  }

  #setAside(spill: TextSpill): void {
    // The last character may be decided by the next one: a carriage return, half a character.
    const text = this.#tail.slice(0, -1);
    // What cannot be written is given up: the run is the harness's fault by then.
    this.#setTail(this.#tail.slice(-1));
    for (let from = 0; from < text.length; from += PIECE_CHARACTERS) {
      const piece = text.slice(from, from + PIECE_CHARACTERS);
      this.#pieces.push(spill.write(piece));
      const lineEnd = piece.lastIndexOf('\n');
      if (lineEnd >= 0) this.#lineStart = { pieces: this.#pieces.length - 1, length: lineEnd + 1 };
    }
  }

  /** Drop what carriage returns overwrote; one that ends its line, or the text, overwrites nothing. */
  #overwrite(): void {
    if (!this.#tail.includes('\r')) return;
    // By hand: a regular expression takes quadratic time on long lines without a carriage return.
    const lines = this.#tail.split('\n');
    const kept = lines.map((line) => line.slice(line.slice(0, -1).lastIndexOf('\r') + 1));
    if (kept[0]?.length !== lines[0]?.length) this.#dropLine();
    this.#setTail(kept.join('\n'));
  }

  /** Drop what is set aside of the line that the tail goes on with. */
  #dropLine(): void {
    const { pieces, length } = this.#lineStart;
    const cut = this.#pieces[pieces];
    this.#pieces.length = Math.min(pieces, this.#pieces.length);
    if (cut !== undefined && length > 0) this.#pieces.push({ ...cut, length });
  }
}

class KeptText extends LongText {
  readonly length: number;
  readonly #spill: TextSpill;
  readonly #pieces: readonly SpilledText[];
  readonly #tail: string;

  constructor(spill: TextSpill, pieces: readonly SpilledText[], tail: string) {
    super();
    this.#spill = spill;
    this.#pieces = pieces;
    this.#tail = tail;
    this.length = pieces.reduce((sum, piece) => sum + piece.length, tail.length);
  }

  *pieces(): Generator<string> {
    for (const piece of this.#pieces) yield this.#spill.read(piece);
    yield this.#tail;
  }
}
