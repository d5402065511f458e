/**
 * A text that is not had in one piece: it lies in a file, or in a message as it was received. A class, so that
 * nothing which was parsed of a message can pass for one.
 */
export abstract class LongText {
  /** In UTF-16 units, as of a string. */
  abstract readonly length: number;

  /** Its parts in order, none of them long; where they are cut means nothing. */
  abstract pieces(): Iterable<string>;

  /** The whole of it, for whoever can have it in no other way. */
  toString(): string {
    return [...this.pieces()].join('');
  }

  toJSON(): string {
    return this.toString();
  }
}
