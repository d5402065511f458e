import {
  type Exposure,
  encodedCounts,
  OUTPUT_TYPES,
  type OutputType,
  type TrafficAction,
} from '../model/exposure.ts';
import type { Message } from '../transport/message.ts';
import type { ShellRequest } from './client.ts';

const PUBLISHED: ReadonlySet<string> = new Set(OUTPUT_TYPES);

/** Counts by kind, then cell. */
class CountsByCell<Kind extends string> {
  readonly #counts = new Map<Kind, number[]>();

  add(kind: Kind, cell: number): void {
    const counts = this.#counts.get(kind) ?? [];
    while (counts.length <= cell) counts.push(0);
    counts[cell] = (counts[cell] ?? 0) + 1;
    this.#counts.set(kind, counts);
  }

  has(kind: Kind, cell: number): boolean {
    return (this.#counts.get(kind)?.[cell] ?? 0) > 0;
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  encoded(): Record<Kind, string> {
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([kind, counts]) => [kind, encodedCounts(counts)])) as Record<
      Kind,
      string
    >;
  }
}

/** Records by cell what a front end does to a kernel and what the kernel publishes. */
export class ExposureMeter {
  readonly #requests = new CountsByCell<string>();
  readonly #actions = new CountsByCell<TrafficAction>();
  readonly #outputs = new CountsByCell<OutputType>();
  readonly #cellOf = new Map<string, number>();
  #cells = 0;
  #lastStream = { msgId: '', name: '' };

  /** Records that a cell's execute request was sent. */
  beginCell(msgId: string): void {
    this.#cellOf.set(msgId, this.#cells);
    this.#cells += 1;
  }

  /** Records that another shell request was sent. Nothing is counted before the first cell. */
  sent(msgType: string): void {
    if (this.#cells > 0) this.#requests.add(msgType, this.#cells - 1);
  }

  /** Records a traffic action for the cell at that position. */
  acted(action: TrafficAction, cell: number): void {
    this.#actions.add(action, cell);
  }

  /** Records a message that the kernel published. */
  published({ header, parent_header, content }: Message): void {
    const msgId = parent_header.msg_id ?? '';
    const isStream = header.msg_type === 'stream';
    // This is the same stream of the same cell as before, like nearly all of a flood, and is already counted.
    if (isStream && msgId === this.#lastStream.msgId && content['name'] === this.#lastStream.name) return;
    const cell = this.#cellOf.get(msgId);
    if (cell === undefined) return;
    if (isStream) {
      const name = content['name'] === 'stderr' ? 'stderr' : 'stdout';
      this.#lastStream = { msgId, name };
      if (!this.#outputs.has(name, cell)) this.#outputs.add(name, cell);
    } else if (PUBLISHED.has(header.msg_type)) this.#outputs.add(header.msg_type as OutputType, cell);
  }

  /** @param executes the execute requests so far, in order */
  exposure(executes: readonly ShellRequest[]): Exposure {
    return {
      cells: this.#cells,
      executed: encodedCounts(executedCells(executes)),
      requests: this.#requests.encoded(),
      ...(this.#actions.isEmpty ? {} : { actions: this.#actions.encoded() }),
      outputs: this.#outputs.encoded(),
    };
  }
}

/**
 * 1 for each cell that the kernel numbered higher than the cells before it. A kernel does not raise the
 * number for a cell whose code did not run.
 */
function executedCells(executes: readonly ShellRequest[]): number[] {
  let highest = 0;
  return executes.map(({ reply }) => {
    const count = reply?.['execution_count'];
    if (typeof count !== 'number' || count <= highest) return 0;
    highest = count;
    return 1;
  });
}
