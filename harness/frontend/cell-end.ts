import { publicText } from '../model/public-text.ts';
import type { Message } from '../transport/message.ts';
import type { ShellRequest } from './client.ts';
import type { CodeCell } from './notebook.ts';

/** What ends a notebook before its last cell: a cell that raised where it may not, or one that was not executed. */
export type CellEnd =
  | {
      readonly kind: 'cell-error';
      /** 0-based position among the executed code cells. */
      readonly position: number;
      readonly ename: string;
      readonly evalue: string;
    }
  | {
      readonly kind: 'aborted';
      readonly position: number;
      /** That it was not executed, or that this cannot be told, and what shows it: a sentence without its stop. */
      readonly why: string;
    };

/** The kinds of end there are. */
export const CELL_ENDS: readonly CellEnd['kind'][] = ['cell-error', 'aborted'];

type Content = Readonly<Record<string, unknown>>;

// Error texts are evidence, not payload.
const MAX_ERROR_CHARACTERS = 500;
const MAX_STATUS_CHARACTERS = 40;
// Of standard error: JavaScript's message comes before its stack, Python's after it.
const STDERR_HEAD_CHARACTERS = 300;
const STDERR_TAIL_CHARACTERS = 195;

/**
 * The word by which a reply says that its cell did not run; `null` where it did, or where there is no reply. The
 * protocol has `aborted`, tslab says `abort`: whatever is neither `ok` nor `error` is such a word. A reply without a
 * status says nothing, and clients take it for executed. Such a reply settles its request: IRkernel publishes no idle
 * status for a cell that it aborts.
 */
export function abortWord(reply: Content | null): string | null {
  const status = reply?.['status'];
  return typeof status !== 'string' || status === 'ok' || status === 'error'
    ? null
    : status.slice(0, MAX_STATUS_CHARACTERS);
}

/** What a kernel published of a cell's error, for the replies that have neither name nor text (tslab). */
export class HeardErrors {
  readonly #errors = new Map<string, Content>();
  readonly #stderr = new Map<string, string>();

  /** Take one iopub message in. */
  hear({ header, parent_header, content }: Message): void {
    const type = header.msg_type;
    // Most of a flood is neither: nothing of it is looked at any further.
    if (type !== 'error' && !(type === 'stream' && content['name'] === 'stderr')) return;
    const parent = parent_header.msg_id;
    if (typeof parent !== 'string') return;
    if (type === 'error' && !this.#errors.has(parent)) {
      const { ename, evalue } = content;
      this.#errors.set(parent, { ename: bounded(ename), evalue: bounded(evalue) });
    }
    const { text } = content;
    if (type === 'stream' && typeof text === 'string') {
      this.#stderr.set(parent, bothEnds(`${this.#stderr.get(parent) ?? ''}${text}`));
    }
  }

  /** Name and text of a cell's error: the reply's, else what was published, else both ends of its standard error. */
  of({ msgId, reply }: ShellRequest): { readonly ename: string; readonly evalue: string } {
    const stated = [reply, this.#errors.get(msgId)].find((content) => content && hasErrorText(content));
    if (stated) return { ename: errorText(stated['ename']), evalue: errorText(stated['evalue']) };
    const traceback: unknown = reply?.['traceback'];
    const last: unknown = Array.isArray(traceback) ? traceback.at(-1) : undefined;
    return {
      ename: 'error without a name',
      evalue: errorText(last ?? this.#stderr.get(msgId)?.trim() ?? ''),
    };
  }
}

/**
 * Whether a reply, or an `error` on iopub, has a name or a text. ipykernel 7.3 and later fail a cell for an error in
 * showing its value, and the reply then names the class of `None`, which nobody can raise.
 */
export function hasErrorText({ ename, evalue }: Content): boolean {
  if (ename === 'NoneType') return false;
  return [ename, evalue].some((value) => value !== undefined && value !== null && value !== '');
}

/**
 * The first cell, in the notebook's order, that ends the notebook, by the replies so far.
 *
 * @param executes one request a cell, in order; the rest are not sent yet
 * @param ends the kinds that are looked for
 */
export function firstEnd(
  executes: readonly ShellRequest[],
  cells: readonly CodeCell[],
  heard: HeardErrors,
  ends: readonly CellEnd['kind'][],
): CellEnd | null {
  for (const [position, request] of executes.entries()) {
    const word = abortWord(request.reply);
    if (word !== null) {
      if (!ends.includes('aborted')) continue;
      return {
        kind: 'aborted',
        position,
        why: `a cell was not executed: the kernel answered it with the status "${publicText(word)}"`,
      };
    }
    if (request.reply?.['status'] !== 'error') continue;
    const other = errorOfAnother(position, executes, cells);
    if (other !== null) {
      if (!ends.includes('aborted')) continue;
      const { ename, evalue } = heard.of(request);
      return {
        kind: 'aborted',
        position,
        why: `whether a cell was executed cannot be told: it was sent before the error of cell ${other} was known, and was answered with that error, word for word (${publicText(ename)}: ${publicText(evalue)})`,
      };
    }
    if (cells[position]?.mayRaise) continue;
    const { ename, evalue } = heard.of(request);
    return { kind: 'cell-error', position, ename: publicText(ename), evalue: publicText(evalue) };
  }
  return null;
}

/**
 * The cell whose error a queued one was answered with, as xeus-python 0.19 does: the same name, text and traceback,
 * under another source, and sent before that error was known. One and the same traceback of two sources is no accident
 * of a kernel whose tracebacks name the cell; of one whose do not, the words say what was seen and no more.
 */
function errorOfAnother(
  position: number,
  executes: readonly ShellRequest[],
  cells: readonly CodeCell[],
): number | null {
  const request = executes[position];
  if (request === undefined || !hasTraceback(request.reply)) return null;
  const at = executes
    .slice(0, position)
    .findIndex(
      ({ reply, replyAtMs }, earlier) =>
        reply?.['status'] === 'error' &&
        replyAtMs !== null &&
        request.sentAtMs < replyAtMs &&
        cells[earlier]?.source !== cells[position]?.source &&
        ['ename', 'evalue', 'traceback'].every(
          (field) => JSON.stringify(reply[field]) === JSON.stringify(request.reply?.[field]),
        ),
    );
  return at < 0 ? null : at;
}

function bothEnds(text: string): string {
  const middle = text.length - STDERR_HEAD_CHARACTERS - STDERR_TAIL_CHARACTERS;
  return middle <= 5
    ? text
    : `${text.slice(0, STDERR_HEAD_CHARACTERS)}\n[…]${text.slice(-STDERR_TAIL_CHARACTERS)}`;
}

function hasTraceback(reply: Content | null): boolean {
  const traceback = reply?.['traceback'];
  return Array.isArray(traceback) && traceback.length > 0;
}

// Not String(): a hostile object decides what that does, and may throw.
function errorText(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, MAX_ERROR_CHARACTERS);
}

function bounded(value: unknown): unknown {
  return value === undefined ? undefined : errorText(value);
}
