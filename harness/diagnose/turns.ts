import type { Turn, Turns } from '../run/experiment.ts';

/** A turn that one of the parties waits for. */
interface Waiting {
  readonly name: string;
  readonly grant: (turn: Turn) => void;
}

/**
 * Lets experiments alternate: one block at a time, in a given sequence. What one party holds, another waits for, so the
 * runs of different experiments never disturb each other.
 */
export class Alternation {
  #sequence: string[];
  #waiting: Waiting[] = [];
  #holder: string | null = null;
  readonly #stopReason: () => string | null;

  /**
   * @param sequence whose block comes when; a name for each block that is still to be run
   * @param stopReason asked before each turn; a text: no further block is to begin, and why
   */
  constructor(sequence: readonly string[], stopReason: () => string | null) {
    this.#sequence = [...sequence];
    this.#stopReason = stopReason;
  }

  /** The turns of one party. */
  turnsOf(name: string): Turns {
    return {
      take: () =>
        new Promise<Turn>((grant) => {
          this.#waiting.push({ name, grant });
          this.#next();
        }),
    };
  }

  /** A party has ended. The others no longer wait for it. */
  leave(name: string): void {
    this.#sequence = this.#sequence.filter((each) => each !== name);
    // A party that was stopped by an error still holds its turn.
    if (this.#holder === name) this.#holder = null;
    this.#next();
  }

  #next(): void {
    if (this.#holder !== null) return;
    const reason = this.#stopReason();
    if (reason !== null) {
      for (const { grant } of this.#waiting.splice(0)) grant({ mayBegin: false, reason });
      return;
    }
    const index = this.#waiting.findIndex(({ name }) => name === this.#sequence[0]);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#sequence.shift();
    this.#holder = next.name;
    next.grant({
      mayBegin: true,
      end: () => {
        this.#holder = null;
        this.#next();
      },
    });
  }
}

/**
 * The sequence of two or more experiments that alternate: block by block, and whoever began a block comes last in the next
 * one, so that none is always first.
 *
 * @param recorded blocks that each has recorded already, by name
 */
export function alternatingSequence(
  recorded: ReadonlyMap<string, ReadonlySet<number>>,
  blocks: number,
): string[] {
  const names = [...recorded.keys()];
  return Array.from({ length: blocks }, (_, block) => {
    const first = names.length === 0 ? 0 : block % names.length;
    const order = [...names.slice(first), ...names.slice(0, first)];
    return order.filter((name) => recorded.get(name)?.has(block) !== true);
  }).flat();
}
