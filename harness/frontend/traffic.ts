import type { Exposure } from '../model/exposure.ts';
import type { Interrupts } from '../model/interrupt.ts';
import { hasProfile, type Traffic, type TrafficProfile } from '../model/traffic.ts';
import type { MessageHeader } from '../transport/message.ts';
import {
  abortWord,
  CELL_ENDS,
  type CellEnd,
  errorBefore,
  firstEnd,
  HeardErrors,
  hasErrorText,
} from './cell-end.ts';
import { isSettled, type KernelClient, type ShellRequest } from './client.ts';
import { ExposureMeter } from './exposure-meter.ts';
import { type Interrupter, RunInterrupts } from './interrupts.ts';
import type { LatencyDraws, Reaction } from './latency.ts';
import type { Notebook } from './notebook.ts';
import type { NotebookOutputs } from './notebook-outputs.ts';
import type { OutputSync } from './output-widgets.ts';
import { monotonicMs, type PreciseTimer } from './precise-timer.ts';

/** The parts from which a front end is built. */
export interface FrontEndParts {
  readonly client: KernelClient;
  readonly notebook: Notebook;
  readonly outputs: NotebookOutputs;
  readonly traffic: Traffic;
  readonly pipelineDepth: number;
  readonly draws: LatencyDraws;
  readonly timer: PreciseTimer;
  /** Needed by traffic that interrupts. */
  readonly interrupter?: Interrupter | undefined;
  /**
   * Whether the notebook goes on after a cell that was not executed, as nbclient does. Absent: such a cell
   * ends the notebook, as a cell that raised does.
   */
  readonly goesOnAfterAborted?: boolean | undefined;
  /** Aborted once the run has its verdict: the front end then sends nothing more. */
  readonly signal: AbortSignal;
}

/**
 * One run of a notebook by a person's client. It sends each cell and mirrors Output widgets. As the traffic
 * says, it overlaps requests, pipelines them, interrupts them or reconnects before each. Each reaction comes after the latency
 * drawn for it. Reactions happen one after another, as in a front end's own event loop.
 */
export class FrontEnd {
  readonly #parts: FrontEndParts;
  readonly #executes: ShellRequest[] = [];
  readonly #heard = new HeardErrors();
  readonly #aborted: Promise<void>;
  readonly #meter = new ExposureMeter();
  /** When the front end can react again. */
  #busyUntilMs = 0;
  /** Settles when all mirrors have been sent. */
  #mirroring: Promise<void> = Promise.resolve();
  #overlaps: Promise<void>[] = [];
  /** `null`: the traffic does not interrupt. */
  readonly #interrupts: RunInterrupts | null;
  /** By cell: settles when its interrupt was sent and confirmed, or when it gets none. */
  readonly #interruptions: Promise<void>[] = [];

  constructor(parts: FrontEndParts) {
    this.#parts = parts;
    this.#interrupts = this.#does('interrupt') ? new RunInterrupts(interrupterOf(parts)) : null;
    this.#aborted = new Promise((resolve) => {
      if (parts.signal.aborted) resolve();
      else parts.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    parts.client.onIopub = (message) => {
      this.#meter.published(message);
      this.#heard.hear(message);
      for (const sync of parts.outputs.receive(message)) {
        if (this.#does('widgets')) this.#mirror(sync);
      }
    };
  }

  /** The execute requests so far, one per cell in order. */
  get executes(): readonly ShellRequest[] {
    return this.#executes;
  }

  /** The traffic's actions on the kernel and the kernel's messages so far, by cell. */
  get exposure(): Exposure {
    return this.#meter.exposure(this.#executes);
  }

  /** What was interrupted so far, and what became of it. `null`: the traffic does not interrupt. */
  get interrupts(): Interrupts | null {
    return this.#interrupts?.account(this.#executes) ?? null;
  }

  /** When each answered cell was sent, and when it had its reply and idle status, `monotonicMs`, in order. */
  get cellSpans(): (readonly [number, number])[] {
    return this.#executes
      .filter(isSettled)
      .map((request) => [request.sentAtMs, Math.max(request.replyAtMs ?? 0, request.idleAtMs ?? 0)]);
  }

  /**
   * Take the notebook through. Resolves when every request is settled, when a cell raised or was not
   * executed, or when the signal was aborted.
   *
   * @returns what ended the notebook before its last cell. If the notebook went on after a cell that was not
   *   executed, the first such cell. Otherwise `null`.
   */
  async run(): Promise<CellEnd | null> {
    const { codeCells } = this.#parts.notebook;
    const depth = this.#does('pipeline') ? this.#parts.pipelineDepth : 1;
    for (let position = 0; position < codeCells.length; position += 1) {
      const oldest = this.#executes[position - depth];
      if (oldest !== undefined) await this.#settled(oldest);
      const end = await this.#end();
      if (end !== null || this.#over) return end;
      await this.#mirroring;
      // An interrupt of this client that is still on its way must not strike the next cell.
      await this.#interruptions[position - depth];
      if (this.#does('nudge')) {
        await this.#until(() => this.#parts.client.unsettled.length === 0);
        this.#meter.acted('nudge', position);
        await this.#race(this.#parts.client.renew());
      }
      await this.#react('executeRequest');
      if (this.#over) return null;
      this.#execute(position);
    }
    for (const request of this.#executes) {
      await this.#settled(request);
      // One by one: some kernels never publish an idle status for the cells after one that raised.
      const end = await this.#end();
      if (end !== null || this.#over) return end;
    }
    await Promise.all([...this.#overlaps, ...this.#interruptions]);
    // Mirrored state and overlapping requests are part of the traffic. A kernel that left one of them unread
    // is wedged even if no cell follows. An answer may bring a change to mirror.
    let mirroring: Promise<void>;
    do {
      mirroring = this.#mirroring;
      await mirroring;
      await this.#until(() => this.#parts.client.unsettled.length === 0);
    } while (mirroring !== this.#mirroring && !this.#over);
    return firstEnd(this.#executes, codeCells, this.#heard, CELL_ENDS, this.#firstCut());
  }

  #does(profile: TrafficProfile): boolean {
    return hasProfile(this.#parts.traffic, profile);
  }

  get #over(): boolean {
    return this.#parts.signal.aborted;
  }

  #execute(position: number): void {
    const { client, notebook, outputs } = this.#parts;
    const cell = notebook.codeCells[position];
    if (cell === undefined) return;
    if (this.#executes.some((earlier) => !isSettled(earlier))) this.#meter.acted('pipeline', position);
    const request = client.request('execute_request', {
      code: cell.source,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: !cell.mayRaise,
    });
    this.#meter.beginCell(request.msgId);
    outputs.beginCell(cell.index, request.msgId);
    this.#executes.push(request);
    if (this.#does('overlap')) this.#overlaps.push(this.#overlap(request, cell.source, position));
    if (this.#interrupts !== null)
      this.#interruptions.push(this.#interrupt(request, position, this.#interrupts));
  }

  /**
   * Interrupt a cell at its moment. None is sent once the client knows that the cell is over: it could only strike the next
   * one.
   */
  async #interrupt(request: ShellRequest, position: number, interrupts: RunInterrupts): Promise<void> {
    const { client, timer } = this.#parts;
    const { send } = interrupterOf(this.#parts);
    const afterMs = interrupts.draw();
    const isOver = () => request.replyAtMs !== null || request.idleAtMs !== null;
    const before = this.#executes.slice(0, position);
    // Under pipelining a cell waits for its turn.
    await this.#until(() => isOver() || before.every(isSettledOrAborted));
    const isBusy = interrupts.moment.from === 'busy';
    if (isBusy) await this.#until(() => isOver() || request.busyAtMs !== null);
    const turnMs = Math.max(request.sentAtMs, ...before.slice(-1).map(({ replyAtMs }) => replyAtMs ?? 0));
    const dueMs = (isBusy ? (request.busyAtMs ?? turnMs) : turnMs) + afterMs;
    await Promise.race([this.#race(timer.at(dueMs)), this.#until(isOver)]);
    if (this.#over) return;
    if (isOver()) {
      interrupts.spared();
      return;
    }
    this.#meter.acted('interrupt', position);
    client.trace.mark(`interrupt of cell ${position}`);
    request.interruptedAtMs = monotonicMs();
    interrupts.sent(position, request.interruptedAtMs);
    if (!(await send())) interrupts.unconfirmed();
  }

  /** Send a second request while the cell runs, or as its reply goes out. The seed decides the moment. */
  async #overlap(execute: ShellRequest, source: string, position: number): Promise<void> {
    const { draws, timer } = this.#parts;
    const which = Math.floor(draws.uniform() * 3);
    await this.#race(timer.at(execute.sentAtMs + draws.next('overlap')));
    if (this.#over) return;
    this.#meter.acted('overlap', position);
    if (which === 0) this.#send('kernel_info_request', {});
    // The protocol counts code points since 5.2; JavaScript counts UTF-16 units.
    else if (which === 1) this.#send('complete_request', { code: source, cursor_pos: [...source].length });
    else this.#send('inspect_request', { code: source, cursor_pos: 0, detail_level: 0 });
  }

  #mirror(sync: OutputSync): void {
    const content = {
      comm_id: sync.commId,
      data: { method: 'update', state: sync.state, buffer_paths: [] },
    };
    const parentHeader = sync.parentHeader as Partial<MessageHeader>;
    const reaction = this.#react('commMsg');
    this.#mirroring = this.#mirroring
      .then(() => reaction)
      .then(() => {
        if (!this.#over) this.#send('comm_msg', content, { parentHeader, hasReply: false });
      });
  }

  #send(...request: Parameters<KernelClient['request']>): void {
    this.#parts.client.request(...request);
    this.#meter.sent(request[0]);
  }

  /** Wait as long as the front end takes to react to the latest event. */
  async #react(reaction: Reaction): Promise<void> {
    const { draws, timer } = this.#parts;
    const dueMs = Math.max(this.#busyUntilMs, monotonicMs() + draws.next(reaction));
    this.#busyUntilMs = dueMs;
    await this.#race(timer.at(dueMs));
  }

  /**
   * What has ended the notebook by now, with the error's name and text. The kernel may publish an error's
   * text after its reply.
   */
  async #end(): Promise<CellEnd | null> {
    const { codeCells } = this.#parts.notebook;
    const ends = this.#parts.goesOnAfterAborted ? (['cell-error'] as const) : CELL_ENDS;
    const end = firstEnd(this.#executes, codeCells, this.#heard, ends, this.#firstCut());
    const request = end?.kind === 'cell-error' ? this.#executes[end.position] : undefined;
    if (request === undefined || end === null) return end;
    // What tells an aborted cell from one that raised may come after the reply, as an error's text may.
    const isTold = hasErrorText(request.reply ?? {}) && errorBefore(end.position, this.#executes) === null;
    if (isTold) return end;
    await this.#settled(request);
    return firstEnd(this.#executes, codeCells, this.#heard, ends, this.#firstCut());
  }

  /** From which cell on an error may be an interrupt's doing. */
  #firstCut(): number {
    return this.#interrupts?.firstCut(this.#executes) ?? Number.POSITIVE_INFINITY;
  }

  /** Wait for everything that a request still owes; for a cell that was not executed, only its reply. */
  async #settled(request: ShellRequest): Promise<void> {
    await this.#until(() => isSettledOrAborted(request));
    // Not every kernel publishes an idle status for such a cell (IRkernel), and nothing must wait for one.
    if (abortWord(request.reply) !== null) this.#parts.client.disregard(request);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#over) await this.#race(this.#parts.client.changed());
  }

  #race(wait: Promise<void>): Promise<void> {
    return Promise.race([wait, this.#aborted]);
  }
}

/** Whether a cell owes nothing more. Not every kernel publishes an idle status for a cell that it did not execute. */
function isSettledOrAborted(request: ShellRequest): boolean {
  return isSettled(request) || abortWord(request.reply) !== null;
}

function interrupterOf({ interrupter }: FrontEndParts): Interrupter {
  if (interrupter === undefined)
    throw new Error('Traffic that interrupts, and no way to interrupt the kernel.');
  return interrupter;
}
