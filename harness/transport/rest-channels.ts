import { randomUUID } from 'node:crypto';
import { withDeadline } from '../model/deadlines.ts';
import { EXIT_CODES, RunFault } from '../model/errors.ts';
import { publicText } from '../model/public-text.ts';
import type { Channels, DocumentOutputs, Receiver, ServerAccount } from './channels.ts';
import { DocumentRoom } from './document-room.ts';
import type { Message, MessageHeader } from './message.ts';
import { type ServedKernel, ServerChannels } from './server-channels.ts';
import type { ServerAddress } from './server-settings.ts';
import { sourceHash } from './source-hash.ts';
import type { Decoded, Outgoing } from './wire.ts';

// The server writes a cell's count some milliseconds after the kernel's idle status, when it has the reply. It writes none for
// a cell that the kernel did not execute. Well below any deadline of a cell.
const COUNT_WITHIN_MS = 500;
const MAX_REASON_CHARACTERS = 200;

/** The notebook that a server executes cell by cell. */
export interface ServedDocument {
  readonly address: ServerAddress;
  /** Path of the file in the server's contents. */
  readonly path: string;
  /** Ids of the code cells, in the order of execution. */
  readonly cellIds: readonly string[];
  /** Told the id of the session that connects the kernel and the document. */
  readonly onSession: (sessionId: string) => void;
}

/** A cell that the server was asked to execute. */
interface Execution {
  readonly cellId: string;
  readonly header: MessageHeader;
  readonly code: string;
  /** The header of the request that the server sent the kernel for it. `null`: the kernel has not mentioned it. */
  sent: Partial<MessageHeader> | null;
  isBegun: boolean;
  /** The kernel said long enough ago that it is done with the cell. */
  isOverdue: boolean;
  /** Whether an `Output` widget catches what the cell publishes. */
  isCaught: boolean;
  /** Content of the `error` that the kernel published for it and that no widget caught: such a cell has not raised. */
  error: Message['content'] | null;
  isDone: boolean;
}

/**
 * A client's way to a kernel whose cells the server executes: jupyter_server_documents 0.3, as the front end of JupyterLab
 * uses it. The client posts the id of a cell. The server sends the kernel its source, and writes outputs, state and count
 * into the shared document, which the client follows. All else that a front end sends goes over the kernel's WebSocket.
 *
 * An execute request of the client stands for the one that the server sends:
 *
 * - The kernel's own messages for that one come over the kernel's WebSocket, with the ids of the server's request. They
 *   are passed on with the ids of the client's, and changed in nothing else.
 * - No client sees the reply. In its place comes what the document says: a cell is done when its state is `idle` and its
 *   count is there, which the server writes when it has the reply. A cell with an error output has raised.
 */
export class RestChannels implements Channels {
  readonly #kernelId: string;
  readonly #document: ServedDocument;
  readonly #session: string;
  readonly #receive: Receiver;
  readonly #inner: ServerChannels;
  readonly #executions: Execution[] = [];
  /** By the id of the server's request. */
  readonly #bySentId = new Map<string, Execution>();
  readonly #refused: string[] = [];
  #accepted = 0;
  #lastRequestId: string | null = null;
  #roomId = '';
  #room: DocumentRoom | null = null;
  #failure: Error | null = null;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #closed = new AbortController();

  constructor(served: ServedKernel, document: ServedDocument, session: string, receive: Receiver) {
    this.#kernelId = served.model.id;
    this.#document = document;
    this.#session = session;
    this.#receive = receive;
    // Requests for cells are the client's own, although the server sent them.
    const delivered = async () => {
      const count = await served.delivered();
      return count === null ? null : count - this.#executions.length;
    };
    this.#inner = new ServerChannels({ ...served, delivered }, session, (channel, decoded) => {
      if (channel === 'iopub' && decoded.ok) this.#hear(decoded);
      else receive(channel, decoded);
    });
  }

  get failure(): Error | null {
    return this.#failure ?? this.#room?.failure ?? this.#inner.failure;
  }

  get isUp(): boolean {
    return this.#inner.isUp;
  }

  get foreign(): number {
    return this.#inner.foreign;
  }

  get server(): ServerAccount {
    const { reconnects, ...account } = this.#inner.server;
    return {
      ...account,
      reconnects: reconnects + (this.#room?.reconnects ?? 0),
      rest: { accepted: this.#accepted, refused: [...this.#refused] },
    };
  }

  /** What the document shows of the cells that were sent so far, in order. */
  document(): DocumentOutputs {
    return this.#executions.map(({ cellId }) => {
      const cell = this.#room?.cell(cellId) ?? null;
      return { executionCount: cell?.executionCount ?? null, outputs: cell?.outputs ?? [] };
    });
  }

  send(channel: 'shell' | 'control', message: Outgoing): Promise<void> {
    if (channel === 'shell' && message.header.msg_type === 'execute_request') {
      this.#execute(message);
      return Promise.resolve();
    }
    return this.#inner.send(channel, this.#asSent(message));
  }

  heartbeat(timeoutMs: number): Promise<boolean | null> {
    return this.#inner.heartbeat(timeoutMs);
  }

  renew(): Promise<void> {
    return this.#inner.renew();
  }

  /**
   * The first time, also connect the document with the kernel. The server then asks the kernel what it is.
   *
   * @throws RunFault `no-document`; DeadlinePassed when the server does not answer
   */
  async settle(): Promise<void> {
    if (this.#room === null) await withDeadline('server-document', this.#open());
    await this.#inner.settle();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#room?.close();
    await this.#inner.close();
  }

  async #open(): Promise<void> {
    const { address, path, cellIds, onSession } = this.#document;
    const ask = async (what: string, body: object | null): Promise<Record<string, unknown>> => {
      const response = await this.#post(what, body).catch((error: unknown) => {
        throw noDocument((error as Error).message);
      });
      const answer = (await response.json().catch(() => null)) as Record<string, unknown> | null;
      if (response.ok && answer !== null) return answer;
      throw noDocument(`POST ${what.split('?')[0]} gave status ${response.status}`);
    };
    const file = await ask(`api/fileid/index?path=${encodeURIComponent(path)}`, null);
    const session = await ask('api/sessions', {
      path,
      name: path.split('/').at(-1),
      type: 'notebook',
      kernel: { id: this.#kernelId },
    });
    onSession(String(session['id']));
    this.#roomId = `json:notebook:${String(file['id'])}`;
    const room = new DocumentRoom(address, this.#roomId, () => this.#look());
    this.#room = room;
    await room.synced;
    if (this.#closed.signal.aborted) throw noDocument('the run was over');
    const missing = cellIds.find((id) => room.cell(id) === null);
    if (missing !== undefined) throw noDocument(`its document has no cell ${missing}`);
  }

  #execute({ header, content }: Outgoing): void {
    const cellId = this.#document.cellIds[this.#executions.length];
    if (cellId === undefined) throw new Error('The document has fewer cells than the front end executes.');
    const { code } = content as { code: string };
    const execution: Execution = {
      cellId,
      header,
      code,
      sent: null,
      isBegun: false,
      isOverdue: false,
      isCaught: false,
      error: null,
      isDone: false,
    };
    this.#executions.push(execution);
    const previous = this.#lastRequestId;
    this.#lastRequestId = header.msg_id;
    const body = {
      document_id: this.#roomId,
      cells: [{ cell_id: cellId, source_hash: sourceHash(code) }],
      client_id: this.#session,
      request_id: header.msg_id,
      // The server queues no cell before it has queued the one before.
      ...(previous === null ? {} : { previous_request_id: previous }),
    };
    this.#post(`api/kernels/${this.#kernelId}/execute`, body).then(
      async (response) => {
        const text = await response.text().catch(() => '');
        if (response.ok) this.#accepted += 1;
        else this.#refuse(`status ${response.status}: ${text}`);
      },
      (error: unknown) => this.#refuse((error as Error).message),
    );
  }

  /** A cell that the server did not take is never sent to the kernel, which its counters show. */
  #refuse(why: string): void {
    if (this.#closed.signal.aborted) return;
    this.#refused.push(publicText(why).slice(0, MAX_REASON_CHARACTERS));
  }

  /** Ends with these channels at the latest. */
  #post(path: string, body: object | null): Promise<Response> {
    const { url, token } = this.#document.address;
    return fetch(`${url}${path}`, {
      method: 'POST',
      headers: { Authorization: `token ${token}`, 'Content-Type': 'application/json' },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
      signal: this.#closed.signal,
    });
  }

  #hear(decoded: Extract<Decoded, { ok: true }>): void {
    const { message } = decoded;
    const execution = this.#executionOf(message);
    if (execution === null) {
      this.#receive('iopub', decoded);
      return;
    }
    const { content } = message;
    const type = message.header.msg_type;
    if (type === 'execute_input') {
      execution.isBegun = true;
      if (content['code'] !== execution.code) {
        this.#failure ??= new Error(
          `the server executed another source than that of the cell ${execution.cellId}`,
        );
      }
    }
    const caughtBy = outputState(content)?.msg_id;
    if (caughtBy !== undefined) execution.isCaught = caughtBy === execution.sent?.msg_id;
    if (type === 'error' && !execution.isCaught) execution.error = content;
    this.#receive('iopub', { ...decoded, message: asOurs(message, execution) });
    if (type !== 'status' || content['execution_state'] !== 'idle') return;
    this.#look();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      execution.isOverdue = true;
      this.#look();
    }, COUNT_WITHIN_MS);
    this.#timers.add(timer);
  }

  /**
   * The cell whose request a message names as its parent. The server sends the cells one by one in the order of the posts,
   * and nobody else executes in this kernel. So the first unknown execute request is that of the next cell.
   */
  #executionOf({ parent_header }: Message): Execution | null {
    const { msg_id, msg_type, session } = parent_header;
    if (msg_id === undefined || msg_type !== 'execute_request' || session === this.#session) return null;
    const known = this.#bySentId.get(msg_id);
    if (known !== undefined) return known;
    const next = this.#executions.find(({ sent }) => sent === null) ?? null;
    if (next !== null) {
      next.sent = parent_header;
      this.#bySentId.set(msg_id, next);
    }
    return next;
  }

  /** A message whose parent is a cell's request, with the parent that the kernel knows. */
  #asSent(message: Outgoing): Outgoing {
    const parent = message.parentHeader?.msg_id;
    const sent = this.#executions.find(({ header }) => header.msg_id === parent)?.sent ?? null;
    return sent === null ? message : { ...message, parentHeader: sent };
  }

  /** See which cells the document shows as done. */
  #look(): void {
    for (const execution of this.#executions) {
      if (execution.isDone) continue;
      const cell = this.#room?.cell(execution.cellId) ?? null;
      if (cell === null || cell.state !== 'idle') continue;
      if (cell.executionCount !== null) this.#reply(execution, this.#contentOf(execution, cell));
      else if (execution.isOverdue && !execution.isBegun) this.#reply(execution, { status: 'aborted' });
    }
  }

  #contentOf(
    { error, isBegun }: Execution,
    {
      outputs,
      executionCount,
    }: { readonly outputs: readonly unknown[]; readonly executionCount: number | null },
  ): Message['content'] {
    const shown = outputs.findLast(
      (output) => (output as { output_type?: unknown } | null)?.output_type === 'error',
    ) as Record<string, unknown> | undefined;
    // The document also has errors that a widget caught. So it decides only where the kernel was not heard.
    const raised = error === null && isBegun ? null : (shown ?? error);
    if (raised === null) return { status: 'ok', execution_count: executionCount };
    const { ename, evalue, traceback } = raised;
    return { status: 'error', execution_count: executionCount, ename, evalue, traceback };
  }

  #reply(execution: Execution, content: Message['content']): void {
    execution.isDone = true;
    this.#receive('shell', {
      ok: true,
      deviations: [],
      message: {
        header: { msg_id: randomUUID(), msg_type: 'execute_reply' },
        parent_header: execution.header,
        metadata: {},
        content,
        buffers: [],
      },
    });
  }
}

/** State of a widget in a comm message. An `Output` widget names the request whose output it catches. */
function outputState(content: Message['content']): { readonly msg_id?: unknown } | undefined {
  return (content['data'] as { state?: { msg_id?: unknown } } | null | undefined)?.state;
}

/** The message with the client's ids in place of those of the server's request. */
function asOurs(message: Message, { header, sent }: Execution): Message {
  const { msg_id, session } = header;
  const parent_header = { ...message.parent_header, msg_id, ...(session === undefined ? {} : { session }) };
  const { content } = message;
  const state = outputState(content);
  const data = content['data'] as object;
  if (sent === null || state === undefined || state.msg_id !== sent.msg_id)
    return { ...message, parent_header };
  return {
    ...message,
    parent_header,
    content: { ...content, data: { ...data, state: { ...state, msg_id } } },
  };
}

function noDocument(why: string): RunFault {
  return new RunFault('no-document', `The server did not open the document: ${publicText(why)}.`, {
    remedy: 'See the server’s log.',
    exitCode: EXIT_CODES.environment,
  });
}
