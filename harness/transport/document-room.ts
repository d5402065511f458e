import { createDecoder, readVarUint } from 'lib0/decoding';
import { createEncoder, type Encoder, length, toUint8Array, writeVarUint } from 'lib0/encoding';
import WebSocket from 'ws';
import { messageYjsSyncStep2, readSyncMessage, writeSyncStep1 } from 'y-protocols/sync';
import { Doc, type Map as SharedMap } from 'yjs';
import type { ServerAddress } from './server-settings.ts';
import { MAX_FRAME_BYTES } from './wire.ts';

// First byte of a room's messages. The other kind, awareness, says who else is there.
const SYNC = 0;
// As a front end does: a server that closed the room may open it again.
const REOPEN_AFTER_MS = 200;

/** What the shared document shows of a code cell. */
export interface DocumentCell {
  readonly source: string;
  /** `running` once the server has queued it, `idle` before that and once the kernel is done with it. */
  readonly state: string | null;
  /** `null`: the server has not written it. It does so when the kernel has replied. */
  readonly executionCount: number | null;
  /** As nbformat has them. */
  readonly outputs: readonly unknown[];
}

/**
 * A client of the room in which a server keeps a notebook as a Yjs document (jupyter_server_documents, as the front end of
 * JupyterLab opens it). It only reads: it never changes the document. A connection that is lost is opened again.
 */
export class DocumentRoom {
  readonly #doc = new Doc();
  readonly #address: ServerAddress;
  readonly #roomId: string;
  readonly #onChange: () => void;
  /** Resolves once the whole document has come, or the room is closed. */
  readonly synced: Promise<void>;
  #isSynced: () => void = () => {};
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #connections = 0;
  #failure: Error | null = null;
  #index: Map<string, SharedMap<unknown>> | null = null;

  /**
   * @param roomId `json:notebook:FILE_ID`
   * @param onChange called after each change of the document
   */
  constructor(address: ServerAddress, roomId: string, onChange: () => void) {
    this.#address = address;
    this.#roomId = roomId;
    this.#onChange = onChange;
    this.synced = new Promise((resolve) => {
      this.#isSynced = resolve;
    });
    this.#cells.observeDeep((events) => {
      // Cells may be replaced as a whole, as when the server reads the file again.
      if (events.some(({ target }) => target === this.#cells)) this.#index = null;
      this.#onChange();
    });
    this.#connect();
  }

  /** Connections after the first. */
  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** The first update that could not be read. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** `null`: the document has no such cell. */
  cell(id: string): DocumentCell | null {
    this.#index ??= new Map(this.#cells.toArray().map((cell) => [String(cell.get('id')), cell]));
    const cell = this.#index.get(id);
    if (cell === undefined) return null;
    const state = cell.get('execution_state');
    const count = cell.get('execution_count');
    const outputs = cell.get('outputs') as { toJSON?: () => unknown[] } | undefined;
    return {
      source: String(cell.get('source') ?? ''),
      state: typeof state === 'string' ? state : null,
      // An integer of Python may come as a bigint.
      executionCount: typeof count === 'number' || typeof count === 'bigint' ? Number(count) : null,
      get outputs() {
        return outputs?.toJSON?.() ?? [];
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#isSynced();
    clearTimeout(this.#timer);
    this.#socket?.terminate();
    this.#doc.destroy();
  }

  get #cells() {
    return this.#doc.getArray<SharedMap<unknown>>('cells');
  }

  #connect(): void {
    const { url, token } = this.#address;
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}api/collaboration/room/${this.#roomId}`, {
      headers: { Authorization: `token ${token}` },
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
    });
    this.#socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('open', () => {
      this.#connections += 1;
      this.#send((encoder) => writeSyncStep1(encoder, this.#doc));
    });
    socket.on('message', (data: Buffer) => this.#receive(data));
    // A `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#isClosed) return;
      this.#timer = setTimeout(() => this.#connect(), REOPEN_AFTER_MS);
    });
  }

  #receive(data: Buffer): void {
    if (this.#isClosed) return;
    try {
      const decoder = createDecoder(data);
      if (readVarUint(decoder) !== SYNC) return;
      let kind = -1;
      this.#send((encoder) => {
        kind = readSyncMessage(decoder, encoder, this.#doc, this, (error) => this.#failed(error));
      });
      if (kind === messageYjsSyncStep2) this.#isSynced();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #send(write: (encoder: Encoder) => void): void {
    const encoder = createEncoder();
    writeVarUint(encoder, SYNC);
    const empty = length(encoder);
    write(encoder);
    if (length(encoder) > empty) this.#socket?.send(toUint8Array(encoder), () => {});
  }

  #failed(error: Error): void {
    this.#failure ??= error;
  }
}
