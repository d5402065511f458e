import type { Outcome } from '../model/outcome.ts';
import { publicText } from '../model/public-text.ts';
import type { Message } from '../transport/message.ts';
import type { ShellRequest } from './client.ts';
import { type ErrorPlace, errorPlace } from './error-place.ts';
import type { CodeCell } from './notebook.ts';

/** A cell that ends a notebook before its last cell: it raised where it may not, or it was not executed. */
export type CellEnd =
  | {
      readonly kind: 'cell-error';
      /** 0-based position among the executed code cells. */
      readonly position: number;
      readonly error: NonNullable<Outcome['error']>;
    }
  | {
      readonly kind: 'aborted';
      readonly position: number;
      /**
       * States that the cell was not executed, or that this cannot be told, and gives the evidence. A
       * sentence without its full stop.
       */
      readonly why: string;
    };

/** All kinds of end. */
export const CELL_ENDS: readonly CellEnd['kind'][] = ['cell-error', 'aborted'];

type Content = Readonly<Record<string, unknown>>;
type HeardError = { readonly ename: unknown; readonly evalue: unknown; readonly place: ErrorPlace };

// Error texts are evidence, not payload.
const MAX_ERROR_CHARACTERS = 500;
const MAX_STATUS_CHARACTERS = 40;
// Start of standard error to keep: JavaScript prints the message before its stack, Python after it.
const STDERR_HEAD_CHARACTERS = 300;
const STDERR_TAIL_CHARACTERS = 195;

/**
 * The status by which a reply says that its cell did not run; `null` when the cell ran, or when there is no
 * reply. The protocol says `aborted`, tslab says `abort`, so every status other than `ok` and `error` counts.
 * A reply without a status says nothing, and clients treat the cell as executed. Such a reply settles its
 * request: IRkernel publishes no idle status for a cell that it aborts.
 */
export function abortWord(reply: Content | null): string | null {
  const status = reply?.['status'];
  return typeof status !== 'string' || status === 'ok' || status === 'error'
    ? null
    : status.slice(0, MAX_STATUS_CHARACTERS);
}

/**
 * The errors that a kernel published for its cells, and which cells it published as begun. The errors serve replies that
 * have neither a name nor a text (tslab).
 */
export class HeardErrors {
  readonly #errors = new Map<string, HeardError>();
  readonly #stderr = new Map<string, string>();
  readonly #inputs = new Set<string>();

  /** Take one iopub message in. */
  hear({ header, parent_header, content }: Message): void {
    const type = header.msg_type;
    // Most messages of a flood are neither, and need no further look.
    const isTold = type === 'error' || type === 'execute_input';
    if (!isTold && !(type === 'stream' && content['name'] === 'stderr')) return;
    const parent = parent_header.msg_id;
    if (typeof parent !== 'string') return;
    if (type === 'execute_input') this.#inputs.add(parent);
    if (type === 'error' && !this.#errors.has(parent)) {
      const { ename, evalue, traceback } = content;
      this.#errors.set(parent, {
        ename: bounded(ename),
        evalue: bounded(evalue),
        place: errorPlace(traceback),
      });
    }
    const { text } = content;
    if (type === 'stream' && typeof text === 'string') {
      this.#stderr.set(parent, bothEnds(`${this.#stderr.get(parent) ?? ''}${text}`));
    }
  }

  /** Whether the kernel published `execute_input` for a cell, as it does when it begins to execute it. */
  hasInput({ msgId }: ShellRequest): boolean {
    return this.#inputs.has(msgId);
  }

  /**
   * Name, text and place of a cell's error: from the reply, else from the published error, else both ends of the
   * cell's standard error.
   */
  of({ msgId, reply }: ShellRequest): NonNullable<Outcome['error']> {
    const published = this.#errors.get(msgId);
    const traceback: unknown = reply?.['traceback'];
    const place = Array.isArray(traceback) && traceback.length > 0 ? errorPlace(traceback) : published?.place;
    const stated = [reply, published].find((content) => content && hasErrorText(content));
    if (stated) return { ename: errorText(stated['ename']), evalue: errorText(stated['evalue']), ...place };
    const last: unknown = Array.isArray(traceback) ? traceback.at(-1) : undefined;
    return {
      ename: 'error without a name',
      evalue: errorText(last ?? this.#stderr.get(msgId)?.trim() ?? ''),
      ...place,
    };
  }
}

/**
 * Whether a reply, or an `error` on iopub, has a name or a text. ipykernel 7.3 and later fail a cell when
 * showing its value raises an error. The reply then names the class of `None`, which nobody can raise.
 */
export function hasErrorText({ ename, evalue }: Content): boolean {
  if (ename === 'NoneType') return false;
  return [ename, evalue].some((value) => value !== undefined && value !== null && value !== '');
}

/**
 * The first cell, in the notebook's order, that ends the notebook, by the replies so far.
 *
 * @param executes one request per cell, in order; the others are not sent yet
 * @param ends the kinds to look for
 * @param untilPosition only cells before this position count: what later ones were answered with, the front end itself may have
 *   brought about
 */
export function firstEnd(
  executes: readonly ShellRequest[],
  cells: readonly CodeCell[],
  heard: HeardErrors,
  ends: readonly CellEnd['kind'][],
  untilPosition = Number.POSITIVE_INFINITY,
): CellEnd | null {
  for (const [position, request] of executes.entries()) {
    if (position >= untilPosition) return null;
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
    const before = errorBefore(position, executes);
    if (before !== null && isLeftOut(request, executes[before], heard)) {
      if (!ends.includes('aborted')) continue;
      const { ename, evalue } = heard.of(request);
      return {
        kind: 'aborted',
        position,
        why: `a cell was not executed: it was sent before the error of cell ${before} was known, and was answered with an error (${publicText(ename)}: ${publicText(evalue)}) but without the execute_input that the kernel published for cell ${before}`,
      };
    }
    if (cells[position]?.mayRaise) continue;
    const { ename, evalue, ...place } = heard.of(request);
    return {
      kind: 'cell-error',
      position,
      error: { ename: publicText(ename), evalue: publicText(evalue), ...place },
    };
  }
  return null;
}

/**
 * The earlier cell whose error a kernel repeated in the reply to a queued cell, as xeus-python 0.19 does.
 * Both replies have the same name, text and traceback but different sources, and the queued cell was sent
 * before the error was known. If a kernel's tracebacks name the cell, one traceback for two sources cannot be
 * an accident. If they do not, the wording states only the observation.
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

/** The first earlier cell that raised and whose error was not known when this one was sent; `null`: there is none. */
export function errorBefore(position: number, executes: readonly ShellRequest[]): number | null {
  const sentAtMs = executes[position]?.sentAtMs ?? Number.POSITIVE_INFINITY;
  const at = executes
    .slice(0, position)
    .findIndex(
      ({ reply, replyAtMs }) => reply?.['status'] === 'error' && replyAtMs !== null && sentAtMs < replyAtMs,
    );
  return at < 0 ? null : at;
}

/**
 * Whether a kernel answered a queued cell with an error of its own and never began it, as async-kernel 0.23 aborts cells. All
 * that it publishes for a cell has come with the idle status.
 */
function isLeftOut(request: ShellRequest, raised: ShellRequest | undefined, heard: HeardErrors): boolean {
  return (
    request.idleAtMs !== null && !heard.hasInput(request) && raised !== undefined && heard.hasInput(raised)
  );
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

// Not String(): a hostile object controls its result and can make it throw.
function errorText(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, MAX_ERROR_CHARACTERS);
}

function bounded(value: unknown): unknown {
  return value === undefined ? undefined : errorText(value);
}
