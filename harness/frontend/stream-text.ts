import { LongText } from '../model/long-text.ts';
import type { SpilledText, TextSpill } from './text-spill.ts';

/** Up to this many characters of a notebook's stream text stay in memory before any is set aside. */
const HELD_CHARACTERS = 1024 * 1024;
/** Text is set aside once this many characters have gathered, in pieces of at most this many. */
const PIECE_CHARACTERS = 8 * 1024;

/** State shared by the stream texts of one notebook. */
export interface StreamStore {
  /** Where long text goes; `null`: it stays in memory. */
  readonly spill: TextSpill | null;
  /** Characters in memory. */
  held: number;
}

/** The text of one stream output, joined from its messages as they came. */
export class StreamText {
  readonly #store: StreamStore;
  readonly #pieces: SpilledText[] = [];
  /** The part that is not set aside. */
  #tail = '';

  constructor(store: StreamStore) {
    this.#store = store;
  }

  /** @throws SoakError when the text cannot be set aside */
  append(text: string | LongText): void {
    if (typeof text === 'string') this.#append(text);
    else for (const piece of text.pieces()) this.#append(piece);
  }

  /** The text so far. Text that was set aside is read on demand, until the spill is removed. */
  value(): string | LongText {
    const { spill } = this.#store;
    if (spill === null || this.#pieces.length === 0) return this.#tail;
    return new KeptText(spill, [...this.#pieces], this.#tail);
  }

  /** Call this when the text is dropped: it frees the text's memory. */
  release(): void {
    this.#setTail('');
    this.#pieces.length = 0;
  }

  #append(text: string): void {
    this.#setTail(this.#tail + text);
    const { spill, held } = this.#store;
    if (spill === null || held <= HELD_CHARACTERS || this.#tail.length < PIECE_CHARACTERS) return;
    const aside = this.#tail;
    // Text that cannot be written is given up: by then the run is a harness fault.
    this.#setTail('');
    for (let from = 0; from < aside.length; from += PIECE_CHARACTERS) {
      this.#pieces.push(spill.write(aside.slice(from, from + PIECE_CHARACTERS)));
    }
  }

  #setTail(tail: string): void {
    this.#store.held += tail.length - this.#tail.length;
    this.#tail = tail;
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
