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
  /** Replaced, never changed in place, so that a snapshot stays as it was. */
  outputs: readonly CellOutput[];
  clearBeforeNext: boolean;
  /** The request whose output the widget catches, by its latest update. */
  msgId: string | null;
}

interface WidgetModel {
  /** A map, not an object: the kernel chooses the keys. */
  readonly state: Map<string, unknown>;
  /** By the JSON text of their path. */
  readonly buffers: Map<string, JsonObject>;
  /** Size of each part of `state` and `buffers`, in characters. */
  readonly sizes: Map<string, number>;
}

// Characters charged for each known widget and each part of its state, besides its text.
const PART_CHARACTERS = 64;
// Depth of `with output:` inside itself. Nobody nests this deep.
const MAX_CATCHES = 1_000;
const MAX_OUTPUT_WIDGETS = 100_000;

/**
 * The front end's side of ipywidgets, to the extent of nbclient 0.11 (nbclient/output_widget.py): the state
 * of every widget, and `Output` widgets. An `Output` widget catches the output of a request while its
 * `msg_id` names that request. If several widgets name it, the last one to begin catches.
 *
 * As in nbclient, outputs that the kernel assigns itself (`append_stdout`, `append_display_data`) enter the
 * stored state and not the mirrored outputs, so that output caught later overwrites them.
 */
export class WidgetMirror {
  readonly #models = new Map<string, WidgetModel>();
  readonly #outputWidgets = new Map<string, OutputWidget>();
  /** The widgets that catch the output of each request, innermost last. */
  readonly #catchers = new Map<string, OutputWidget[]>();
  readonly #maxCharacters: number;
  #characters = 0;
  #dropped = 0;

  /**
   * @param maxCharacters Limit for the kept state of all widgets, in characters. State beyond it is counted
   *   and dropped.
   */
  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  /** Parts of widgets' states that were dropped because `maxCharacters` was reached. */
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
   * @param output `null` for an output that is not kept. The widget then keeps its outputs and is still sent,
   *   since a front end would have sent it.
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

  /**
   * Clears the widget that catches. `null` when no widget does, or when the widget waits for its next output.
   */
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

  /** See `WidgetState`. Models that never named their class are left out; `null` when no model is left. */
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
      model = { state: new Map(), buffers: new Map(), sizes: new Map() };
      if (!this.#isKept(model, '', commId.length)) return;
      this.#models.set(commId, model);
    }
    for (const key of Object.keys(state)) {
      const characters = key.length + jsonCharacters(state[key]);
      if (this.#isKept(model, `state ${key}`, characters)) model.state.set(key, state[key]);
    }
    if (!Array.isArray(paths)) return;
    for (const [i, path] of paths.entries()) {
      const buffer = buffers[i];
      if (buffer === undefined) return;
      const key = JSON.stringify(path);
      if (!this.#isKept(model, `buffer ${key}`, 2 * key.length + (buffer.length * 4) / 3)) continue;
      model.buffers.set(key, { data: Buffer.from(buffer).toString('base64'), encoding: 'base64', path });
    }
  }

  /** Whether a part of a state still fits, once it has replaced the old value. */
  #isKept(model: WidgetModel, part: string, characters: number): boolean {
    const size = characters + PART_CHARACTERS;
    const total = this.#characters - (model.sizes.get(part) ?? 0) + size;
    if (total > this.#maxCharacters) {
      this.#dropped += 1;
      return false;
    }
    this.#characters = total;
    model.sizes.set(part, size);
    return true;
  }

  #open(commId: string, target: unknown, state: JsonObject): void {
    if (target !== 'jupyter.widget') return;
    if (state['_model_module'] !== '@jupyter-widgets/output' || state['_model_name'] !== 'OutputModel')
      return;
    // The messages to the kernel must not depend on the limit for kept state, so the widget itself is always
    // kept.
    if (this.#outputWidgets.size >= MAX_OUTPUT_WIDGETS) return;
    const stated = this.#models.get(commId)?.state.get('outputs');
    const outputs = Array.isArray(stated) ? (stated as CellOutput[]) : [];
    this.#outputWidgets.set(commId, { commId, outputs, clearBeforeNext: false, msgId: null });
  }

  #catchOrRelease(commId: string, state: JsonObject): void {
    const widget = this.#outputWidgets.get(commId);
    const msgId = state['msg_id'];
    if (widget === undefined || typeof msgId !== 'string') return;
    if (msgId !== '') {
      const catchers = this.#catchers.get(msgId);
      if (catchers === undefined) this.#catchers.set(msgId, [widget]);
      else if (catchers.length < MAX_CATCHES) catchers.push(widget);
      widget.msgId = msgId;
      return;
    }
    if (widget.msgId === null) return;
    const catchers = this.#catchers.get(widget.msgId) ?? [];
    const place = catchers.lastIndexOf(widget);
    if (place !== -1) catchers.splice(place, 1);
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
