import { LongText } from '../model/long-text.ts';
import type { JsonObject } from './notebook.ts';

/** The parts of a parsed iopub message that decide a cell's outputs. */
export interface IopubMessage {
  readonly header: { readonly msg_type: string };
  readonly parent_header: JsonObject;
  readonly content: JsonObject;
  readonly buffers?: readonly Uint8Array[];
}

/** A stream, result, display or error, as nbformat 4 stores it. */
export type CellOutput = StreamOutput | OtherOutput;

/** `Text` is another type than string before the text is joined, or after it was set aside. */
export interface StreamOutput<Text = string> {
  readonly output_type: 'stream';
  readonly name: string;
  readonly text: Text;
}

/** Every output but a stream. */
export type OtherOutput =
  | { readonly output_type: 'display_data'; metadata: JsonObject; data: JsonObject }
  | {
      readonly output_type: 'execute_result';
      metadata: JsonObject;
      data: JsonObject;
      readonly execution_count: unknown;
    }
  | {
      readonly output_type: 'error';
      readonly ename: unknown;
      readonly evalue: unknown;
      readonly traceback: unknown;
    };

/**
 * The output of a `stream`, `display_data`, `execute_result` or `error` message (nbformat/v4/nbbase.py,
 * `output_from_msg`); `null` for a stream without name or text. Other missing fields become empty. The keys
 * come in nbformat's order: an `Output` widget mirrors them to the kernel, whose `repr` shows them in that
 * order.
 */
export function outputOf(message: IopubMessage): StreamOutput<string | LongText> | OtherOutput | null {
  const { content } = message;
  switch (message.header.msg_type) {
    case 'stream': {
      const { name, text } = content as { name?: unknown; text?: unknown };
      if (typeof name !== 'string' || (typeof text !== 'string' && !(text instanceof LongText))) return null;
      return { output_type: 'stream', name, text };
    }
    case 'display_data':
      return { output_type: 'display_data', ...mimeBundle(content) };
    case 'execute_result':
      return {
        output_type: 'execute_result',
        ...mimeBundle(content),
        execution_count: content['execution_count'] ?? null,
      };
    default:
      return {
        output_type: 'error',
        ename: content['ename'] ?? '',
        evalue: content['evalue'] ?? '',
        traceback: content['traceback'] ?? [],
      };
  }
}

function mimeBundle(content: JsonObject): { metadata: JsonObject; data: JsonObject } {
  return { metadata: objectOrEmpty(content['metadata']), data: objectOrEmpty(content['data']) };
}

/** The display id that an output carries, `null` without one. */
export function displayIdOf(content: JsonObject): string | null {
  const id = objectOrEmpty(content['transient'])['display_id'];
  return typeof id === 'string' && id !== '' ? id : null;
}

/** The value if it is a JSON object, otherwise an empty object. */
export function objectOrEmpty(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
