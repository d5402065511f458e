import { jsonCharacters } from '../model/json-characters.ts';
import type { CellOutput, IopubMessage } from './cell-output.ts';
import type { JsonObject } from './notebook.ts';

/**
 * A changed `Output` widget, to be sent on the shell channel as a `comm_msg` with this parent header and
 * `content = { comm_id: commId, data: { method: 'update', state, buffer_paths: [] } }`.
 */
export interface OutputSync {
  readonly type: 'sync';
  readonly commId: string;
  /** A snapshot: later output does not change it. */
  readonly state: { readonly outputs: readonly CellOutput[] };
  /** Parent header of the message that changed the widget: the header of the cell's request. */
  readonly parentHeader: JsonObject;
}

/** The value of `metadata.widgets` in an executed notebook. */
export interface WidgetState {
  readonly 'application/vnd.jupyter.widget-state+json': {
    readonly state: Readonly<Record<string, JsonObject>>;
    readonly version_major: 2;
    readonly version_minor: 0;
  };
}

interface OutputWidget {
  readonly commId: string;
  /** Replaced, never changed in place, so that a snapshot of it stays what it was. */
  outputs: readonly CellOutput[];
  clearBeforeNext: boolean;
  /** The request whose output the widget last said it catches. */
  msgId: string | null;
}

interface WidgetModel {
  /** A map, not an object: the kernel chooses the keys. */
  readonly state: Map<string, unknown>;
  /** What each part counts for. */
  readonly characters: Map<string, number>;
  /** By the JSON text of their path. */
  readonly buffers: Map<string, JsonObject>;
}

const BOOKKEEPING_CHARACTERS = 64;
/**
 * Characters of what the kernel says of its `Output` widgets, whatever is kept of others: it decides what is sent.
 * Some 80,000 widgets that catch at once.
 */
const MAX_OUTPUT_WIDGET_CHARACTERS = 8 * 1024 * 1024;

/**
 * The front end's side of ipywidgets, as far as nbclient 0.11 has it (nbclient/output_widget.py): the state of
 * every widget, and `Output` widgets that catch the output of a request while their `msg_id` names it. Where
 * several do, the last one to begin catches.
 *
 * As in nbclient, outputs that the kernel assigns itself (`append_stdout`, `append_display_data`) enter the
 * stored state and not the mirrored outputs, so that output caught later overwrites them.
 */
export class WidgetMirror {
  readonly #models = new Map<string, WidgetModel>();
  readonly #outputWidgets = new Map<string, OutputWidget>();
  /** Who catches the output of a request, innermost last. */
  readonly #catchers = new Map<string, OutputWidget[]>();
  readonly #maxCharacters: number;
  #characters = 0;
  #outputWidgetCharacters = 0;
  #dropped = 0;

  /** @param maxCharacters of state kept; what is beyond it is counted and dropped */
  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /** Values and buffers that were dropped because `maxCharacters` was reached. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes in a `comm_open`, `comm_msg` or `comm_close`. */
  receive(message: IopubMessage): void {
    const commId = message.content['comm_id'];
    const data = message.content['data'];
    if (typeof commId !== 'string' || !isObject(data)) return;
    const state = data['state'];
    if (!isObject(state)) return;
    this.#store(commId, state, data['buffer_paths'], message.buffers ?? []);
    if (message.header.msg_type === 'comm_open') this.#open(commId, message.content['target_name'], state);
    else if (message.header.msg_type === 'comm_msg') this.#catchOrRelease(commId, state);
  }

  /** Whether an `Output` widget catches the output of this request. */
  catches(msgId: string): boolean {
    return (this.#catchers.get(msgId)?.length ?? 0) > 0;
  }

  /**
   * Gives an output to the widget that catches it.
   *
   * @param output `null` for one that is not kept: the widget then keeps what it has, and is still sent, since
   * a front end would have sent it.
   * @returns `null` when no widget catches the request's output.
   */
  add(msgId: string, output: CellOutput | null, parentHeader: JsonObject): OutputSync | null {
    const widget = this.#catchers.get(msgId)?.at(-1);
    if (widget === undefined) return null;
    if (widget.clearBeforeNext) {
      widget.outputs = [];
      widget.clearBeforeNext = false;
    }
    if (output !== null) widget.outputs = appendedToLast(widget.outputs, output);
    return this.#sync(widget, parentHeader);
  }

  /** Clears the widget that catches; `null` when none does, or when it waits for its next output. */
  clear(msgId: string, wait: boolean, parentHeader: JsonObject): OutputSync | null {
    const widget = this.#catchers.get(msgId)?.at(-1);
    if (widget === undefined) return null;
    if (wait) {
      widget.clearBeforeNext = true;
      return null;
    }
    widget.outputs = [];
    return this.#sync(widget, parentHeader);
  }

  /** See `WidgetState`. Models that never named their class are left out; `null` when none is left to name. */
  state(): WidgetState | null {
    if (this.#models.size === 0) return null;
    const state: [string, JsonObject][] = [];
    for (const [commId, model] of this.#models) {
      if (!model.state.has('_model_name')) continue;
      const stored: [string, unknown][] = [
        ['model_name', model.state.get('_model_name') ?? null],
        ['model_module', model.state.get('_model_module') ?? null],
        ['model_module_version', model.state.get('_model_module_version') ?? null],
        ['state', Object.fromEntries(model.state)],
      ];
      if (model.buffers.size > 0) stored.push(['buffers', [...model.buffers.values()]]);
      state.push([commId, Object.fromEntries(stored)]);
    }
    return {
      'application/vnd.jupyter.widget-state+json': {
        state: Object.fromEntries(state),
        version_major: 2,
        version_minor: 0,
      },
    };
  }

  #store(commId: string, state: JsonObject, paths: unknown, buffers: readonly Uint8Array[]): void {
    let model = this.#models.get(commId);
    if (model === undefined) {
      if (!this.#take(commId.length, 0)) return;
      model = { state: new Map(), buffers: new Map(), characters: new Map() };
      this.#models.set(commId, model);
    }
    for (const key of Object.keys(state)) {
      if (this.#takePart(model, `state ${key}`, jsonCharacters(state[key]))) model.state.set(key, state[key]);
    }
    if (!Array.isArray(paths)) return;
    for (const [i, path] of paths.entries()) {
      const buffer = buffers[i];
      if (buffer === undefined) return;
      const place = JSON.stringify(path);
      if (!this.#takePart(model, `buffer ${place}`, Math.ceil((buffer.length * 4) / 3))) continue;
      const data = Buffer.from(buffer).toString('base64');
      model.buffers.set(place, { data, encoding: 'base64', path });
    }
  }

  #takePart({ characters }: WidgetModel, part: string, size: number): boolean {
    const total = part.length + size;
    if (!this.#take(total, characters.get(part) ?? 0)) return false;
    characters.set(part, total);
    return true;
  }

  /** Whether there is room for so many characters, in place of others; if so it is taken. */
  #take(characters: number, before: number): boolean {
    // Of each the bookkeeping too, and at least: a flood of small ones costs that.
    const more = before === 0 ? characters + BOOKKEEPING_CHARACTERS : characters - before;
    if (more > 0 && this.#characters + more > this.#maxCharacters) {
      this.#dropped += 1;
      return false;
    }
    this.#characters += more;
    return true;
  }

  #takeOutputWidget(characters: number): boolean {
    const total = this.#outputWidgetCharacters + characters + BOOKKEEPING_CHARACTERS;
    if (total > MAX_OUTPUT_WIDGET_CHARACTERS) {
      this.#dropped += 1;
      return false;
    }
    this.#outputWidgetCharacters = total;
    return true;
  }

  #open(commId: string, target: unknown, state: JsonObject): void {
    if (target !== 'jupyter.widget') return;
    if (state['_model_module'] !== '@jupyter-widgets/output' || state['_model_name'] !== 'OutputModel')
      return;
    const outputs = Array.isArray(state['outputs']) ? (state['outputs'] as CellOutput[]) : [];
    if (!this.#takeOutputWidget(commId.length + jsonCharacters(outputs))) return;
    this.#outputWidgets.set(commId, { commId, outputs, clearBeforeNext: false, msgId: null });
  }

  #catchOrRelease(commId: string, state: JsonObject): void {
    const widget = this.#outputWidgets.get(commId);
    const msgId = state['msg_id'];
    if (widget === undefined || typeof msgId !== 'string') return;
    if (msgId !== '') {
      if (!this.#takeOutputWidget(msgId.length)) return;
      const catchers = this.#catchers.get(msgId);
      if (catchers === undefined) this.#catchers.set(msgId, [widget]);
      else catchers.push(widget);
      widget.msgId = msgId;
      return;
    }
    if (widget.msgId === null) return;
    const catchers = this.#catchers.get(widget.msgId) ?? [];
    const place = catchers.lastIndexOf(widget);
    if (place !== -1) {
      catchers.splice(place, 1);
      this.#outputWidgetCharacters -= widget.msgId.length + BOOKKEEPING_CHARACTERS;
    }
    if (catchers.length === 0) this.#catchers.delete(widget.msgId);
    widget.msgId = null;
  }

  #sync(widget: OutputWidget, parentHeader: JsonObject): OutputSync {
    this.#models.get(widget.commId)?.state.set('outputs', widget.outputs);
    return { type: 'sync', commId: widget.commId, state: { outputs: widget.outputs }, parentHeader };
  }
}

/** Within a widget nbclient merges stream text only into the output just before it. */
function appendedToLast(outputs: readonly CellOutput[], output: CellOutput): readonly CellOutput[] {
  const last = outputs.at(-1);
  if (output.output_type !== 'stream' || last?.output_type !== 'stream' || last.name !== output.name) {
    return [...outputs, output];
  }
  return [...outputs.slice(0, -1), { ...last, text: last.text + output.text }];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
