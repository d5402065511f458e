import { jsonCharacters } from '../model/json-characters.ts';
import type { LongText } from '../model/long-text.ts';
import {
  displayIdOf,
  type IopubMessage,
  type OtherOutput,
  objectOrEmpty,
  outputOf,
  type StreamOutput,
} from './cell-output.ts';
import type { JsonObject } from './notebook.ts';
import { type OutputSync, WidgetMirror, type WidgetState } from './output-widgets.ts';
import { type StreamStore, StreamText } from './stream-text.ts';
import type { TextSpill } from './text-spill.ts';

export type { CellOutput, IopubMessage } from './cell-output.ts';
export type { OutputSync, WidgetState } from './output-widgets.ts';

/** The result of executing one code cell. */
export interface ExecutedCell {
  /** 0-based index among all cells of the notebook. */
  readonly index: number;
  /**
   * 1-based place among the executed cells once the cell has finished, as nbclient numbers them. Before that,
   * the number that the kernel gave; `null` when the kernel never began the cell.
   */
  readonly executionCount: number | null;
  readonly outputs: readonly (StreamOutput<string | LongText> | OtherOutput)[];
}

/**
 * Limit for the kept output of one notebook, in characters. A kernel that floods iopub must not exhaust the
 * harness's memory or change the run's outcome, and V8 holds no string of 512 Mi characters. A stream's text
 * is set aside in a file, is written from there piece by piece, and counts half. Each output message counts
 * for 64 more than its text. The state of widgets has the same limit again.
 */
export const MAX_OUTPUT_CHARACTERS = 64 * 1024 * 1024;

/**
 * The limit when no notebook is kept: enough for the output that `Output` widgets mirror back to the kernel.
 */
export const MIRRORED_CHARACTERS = 4 * 1024 * 1024;

interface Cell {
  readonly index: number;
  readonly ordinal: number;
  readonly outputs: (StreamOutput<StreamText> | OtherOutput)[];
  /** Display ids of the outputs that carry one. */
  readonly displayIds: Map<OtherOutput, string>;
  executionCount: number | null;
  clearBeforeNext: boolean;
}

/** The data that every output with one display id shows: the latest that the kernel sent. */
interface Display {
  readonly data: JsonObject;
  readonly metadata: JsonObject;
  readonly characters: number;
}

/**
 * The outputs of one notebook's cells, and its mirror of ipywidgets `Output` models. It builds them from one
 * kernel's iopub messages as nbclient 0.11 and `jupyter execute` do (nbclient/client.py,
 * nbclient/output_widget.py; nbformat/v4/nbbase.py for the shape of an output):
 *
 * - a message belongs to the cell whose request is its parent; it is ignored when it has another parent, or
 *   when it comes after the cell's idle status;
 * - outputs stay in their order of arrival, and a stream's text stays as it came, carriage returns and
 *   backspaces included: a front end applies those when it shows the text;
 * - a stream message is merged into the output before it when both belong to the same stream. nbclient keeps
 *   each message as an output of its own, but the number of messages depends on when the kernel flushes, so
 *   the same notebook would differ from run to run. JupyterLab merges them in the same way;
 * - a display id updates every output that carries it, in any cell;
 * - output that an `Output` widget catches goes to the widget, and the widget's new state is returned to be
 *   sent.
 *
 * A malformed message does not throw. Missing fields are left empty, or the message is ignored.
 */
export class NotebookOutputs {
  readonly #maxCharacters: number;
  readonly #cells = new Map<number, Cell>();
  /** Cells whose request was sent and whose idle status has not come yet, by message id. */
  readonly #open = new Map<string, Cell>();
  readonly #displays = new Map<string, Display>();
  readonly #widgets: WidgetMirror;
  #begun = 0;
  #characters = 0;
  #dropped = 0;
  readonly #store: StreamStore;

  /**
   * @param options.maxCharacters Limit for kept output, in characters. Output beyond it is counted and
   *   dropped.
   * @param options.spill Where long stream text is set aside; absent: it is kept in memory.
   */
  constructor(options: { readonly maxCharacters?: number; readonly spill?: TextSpill } = {}) {
    this.#maxCharacters = options.maxCharacters ?? MAX_OUTPUT_CHARACTERS;
    this.#widgets = new WidgetMirror(this.#maxCharacters);
    this.#store = { spill: options.spill ?? null, held: 0 };
  }

  /** Outputs, updates of displays and parts of widgets that were dropped because `maxCharacters` was reached. */
  get dropped(): number {
    return this.#dropped + this.#widgets.dropped;
  }

  /**
   * Prepares for the messages of a cell. Call it before the cell's request is sent. It forgets the cell's
   * earlier outputs.
   */
  beginCell(cellIndex: number, msgId: string): void {
    this.#begun += 1;
    const cell: Cell = {
      index: cellIndex,
      ordinal: this.#begun,
      outputs: [],
      displayIds: new Map(),
      executionCount: null,
      clearBeforeNext: false,
    };
    this.#cells.set(cellIndex, cell);
    this.#open.set(msgId, cell);
  }

  /**
   * Takes one iopub message in.
   *
   * @throws SoakError when long text cannot be set aside: the kept output is incomplete from then on.
   * @returns The `Output` widgets whose state the message changed, in order, for the front end to send;
   *   usually none.
   */
  receive(message: IopubMessage): OutputSync[] {
    const msgId = message.parent_header['msg_id'];
    const cell = typeof msgId === 'string' ? this.#open.get(msgId) : undefined;
    if (cell === undefined || typeof msgId !== 'string') return [];
    const { content } = message;
    const count = content['execution_count'];
    if (typeof count === 'number') cell.executionCount = count;

    switch (message.header.msg_type) {
      case 'status':
        if (content['execution_state'] === 'idle') {
          this.#open.delete(msgId);
          if (cell.executionCount !== null) cell.executionCount = cell.ordinal;
        }
        return [];
      case 'comm_open':
      case 'comm_msg':
      case 'comm_close':
        this.#widgets.receive(message);
        return [];
      case 'clear_output':
        return this.#clear(cell, msgId, message);
      case 'update_display_data':
        this.#updateDisplays(content);
        return [];
      case 'display_data':
      case 'execute_result':
        this.#updateDisplays(content);
        return this.#add(cell, msgId, message);
      case 'stream':
      case 'error':
        return this.#add(cell, msgId, message);
      default:
        return [];
    }
  }

  /**
   * Every cell begun, in that order, with its outputs so far. A later display update can still change them.
   */
  executedCells(): ExecutedCell[] {
    return [...this.#cells.values()].map(({ index, executionCount, outputs, displayIds }) => ({
      index,
      executionCount,
      outputs: outputs.map((output) =>
        output.output_type === 'stream'
          ? { ...output, text: output.text.value() }
          : this.#shown(output, displayIds.get(output)),
      ),
    }));
  }

  /** Widget state as nbclient stores it under `metadata.widgets`; `null` when no widget was made. */
  widgetState(): WidgetState | null {
    return this.#widgets.state();
  }

  #add(cell: Cell, msgId: string, message: IopubMessage): OutputSync[] {
    const output = outputOf(message);
    if (output === null) return [];
    const kept = this.#withinBound(output);
    if (this.#widgets.catches(msgId)) {
      const whole = output.output_type === 'stream' ? { ...output, text: String(output.text) } : output;
      const sync = this.#widgets.add(msgId, kept ? whole : null, message.parent_header);
      return sync === null ? [] : [sync];
    }
    if (!kept) return [];
    if (cell.clearBeforeNext) clearCell(cell);
    if (output.output_type === 'stream') {
      appendMerged(cell, output, this.#store);
      return [];
    }
    const displayId = displayIdOf(message.content);
    if (displayId !== null && 'data' in output) {
      cell.displayIds.set(output, displayId);
      const { data, metadata } = output;
      this.#displays.set(displayId, { data, metadata, characters: charactersOf(output) });
    }
    cell.outputs.push(output);
    return [];
  }

  #shown(output: OtherOutput, displayId: string | undefined): OtherOutput {
    const display = displayId === undefined ? undefined : this.#displays.get(displayId);
    if (display === undefined || !('data' in output)) return output;
    return { ...output, data: display.data, metadata: display.metadata };
  }

  #clear(cell: Cell, msgId: string, message: IopubMessage): OutputSync[] {
    const wait = Boolean(message.content['wait']);
    if (this.#widgets.catches(msgId)) {
      const sync = this.#widgets.clear(msgId, wait, message.parent_header);
      return sync === null ? [] : [sync];
    }
    if (wait) cell.clearBeforeNext = true;
    else clearCell(cell);
    return [];
  }

  #updateDisplays(content: JsonObject): void {
    const displayId = displayIdOf(content);
    const display = displayId === null ? undefined : this.#displays.get(displayId);
    if (displayId === null || display === undefined) return;
    const data = objectOrEmpty(content['data']);
    const metadata = objectOrEmpty(content['metadata']);
    const characters = charactersOf({ output_type: 'display_data', data, metadata });
    // The new data replaces the old, so its size replaces the old size.
    const total = this.#characters - display.characters + characters;
    if (total > this.#maxCharacters) {
      this.#dropped += 1;
      return;
    }
    this.#characters = total;
    this.#displays.set(displayId, { data, metadata, characters });
  }

  #withinBound(output: StreamOutput<string | LongText> | OtherOutput): boolean {
    this.#characters += charactersOf(output);
    if (this.#characters <= this.#maxCharacters) return true;
    this.#dropped += 1;
    return false;
  }
}

function clearCell(cell: Cell): void {
  for (const output of cell.outputs) if (output.output_type === 'stream') output.text.release();
  cell.outputs.length = 0;
  cell.displayIds.clear();
  cell.clearBeforeNext = false;
}

function appendMerged(
  { outputs }: Cell,
  { name, text }: StreamOutput<string | LongText>,
  store: StreamStore,
): void {
  const last = outputs.at(-1);
  if (last?.output_type === 'stream' && last.name === name) {
    last.text.append(text);
    return;
  }
  const stream = { output_type: 'stream', name, text: new StreamText(store) } as const;
  stream.text.append(text);
  outputs.push(stream);
}

function charactersOf(output: StreamOutput<string | LongText> | OtherOutput): number {
  const text =
    output.output_type === 'stream' ? output.text.length / 2 + output.name.length : jsonCharacters(output);
  // A flood of one-character messages costs memory for the bookkeeping of each message, not for its
  // character.
  return text + 64;
}
