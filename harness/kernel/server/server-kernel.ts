import { setTimeout as delay } from 'node:timers/promises';
import { type Kernel, KernelAPI } from '@jupyterlab/services';
import { deadlineMs, fileWithDeadline, withDeadline } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { publicText } from '../../model/public-text.ts';
import type { ChannelsMaker } from '../../transport/channels.ts';
import type { ConnectionInfo } from '../../transport/connection.ts';
import { FreshPeer, type ShellPeer } from '../../transport/fresh-peer.ts';
import { RestChannels, type ServedDocument } from '../../transport/rest-channels.ts';
import { type ServedKernel, ServerChannels, ServerPeer } from '../../transport/server-channels.ts';
import { type ServerAddress, serverSettings } from '../../transport/server-settings.ts';
import { type KernelIdentity, readIdentity } from '../kernel-identity.ts';
import type { KernelCommand, KernelExit, RunningKernel } from '../launch.ts';
import { removePrivateFolder } from '../private-folder.ts';
import { processSample } from '../process-sample.ts';
import { killMarked, killRun, killTree } from '../process-tree.ts';
import { awaitSettledCounters } from '../settled-counters.ts';

const WATCH_EVERY_MS = 50;
const DELETE_AGAIN_AFTER_MS = [200, 1_000, 3_000] as const;

/** What the harness knows of a kernel that a server started. */
export interface ServerKernelParts {
  readonly address: ServerAddress;
  readonly model: Kernel.IModel;
  /** The kernel's session, if the server started the kernel with one. Ending the session ends both. */
  readonly sessionId?: string | undefined;
  /** The document whose cells the server executes. Absent: the front end sends the cells. */
  readonly document?: Omit<ServedDocument, 'address' | 'onSession'> | undefined;
  readonly command: KernelCommand;
  /** `null`: only the server can reach the kernel. */
  readonly connection: ConnectionInfo | null;
  /** The end of what the server and its kernels wrote, if known. */
  readonly stderrTail: () => string;
  /** Folders to remove when the kernel has ended. */
  readonly folders: readonly string[];
  /** Called when the folders have been removed. */
  readonly onRemoved?: () => void;
  /**
   * Whether the harness's own server started the kernel. Such a kernel ends with the server; before that, the
   * harness ends it by its PID.
   */
  readonly isOwn?: true;
  /** Whether the harness's own server has ended. */
  readonly serverHasEnded?: () => boolean;
}

/** A kernel that a Jupyter Server started. */
export class ServerKernel implements RunningKernel {
  readonly connection: ConnectionInfo | null;
  readonly way: ChannelsMaker;
  readonly command: KernelCommand;
  readonly exited: Promise<KernelExit>;
  readonly #parts: ServerKernelParts;
  #sessionId: string | undefined;
  #exit: KernelExit | null = null;
  #pid: number | null = null;
  #isOver = false;
  #gone: () => void = () => {};

  constructor(parts: ServerKernelParts) {
    this.#parts = parts;
    this.command = parts.command;
    this.connection = parts.connection;
    this.#sessionId = parts.sessionId;
    this.way = (session, receive) => {
      const { document, address } = parts;
      const served = this.#served(() => receive('shell', { ok: false, why: 'malformed' }));
      if (document === undefined) return new ServerChannels(served, session, receive);
      const onSession = (id: string) => {
        this.#sessionId = id;
      };
      return new RestChannels(served, { ...document, address, onSession }, session, receive);
    };
    this.exited = parts.connection === null ? this.#untilGone() : this.#watch();
  }

  /** -1 until the kernel has reported its PID, and for a kernel out of reach. */
  get pid(): number {
    this.#pid ??= this.identity()?.pid ?? null;
    return this.#pid ?? -1;
  }

  get ownPid(): number | null {
    return this.pid > 0 ? this.pid : null;
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  get lost(): string | null {
    const isLost = this.#exit !== null && this.#parts.serverHasEnded?.() === true;
    return isLost ? 'the Jupyter Server that had started the kernel ended' : null;
  }

  shellPeer(): ShellPeer {
    return this.connection === null ? new ServerPeer(this.#served(() => {})) : new FreshPeer(this.connection);
  }

  stderrTail(): string {
    return this.#parts.stderrTail();
  }

  identity(): KernelIdentity | null {
    return readIdentity(this.command.identityPath);
  }

  interrupt(): Promise<void> {
    const { model, address } = this.#parts;
    return KernelAPI.interruptKernel(model.id, serverSettings(address));
  }

  async dispose(): Promise<void> {
    this.#isOver = true;
    this.#gone();
    const { model, address } = this.#parts;
    // The harness kills the process first: a wedged kernel would take long to answer a request.
    const [folder] = this.#parts.folders;
    if (this.pid > 0) await (folder === undefined ? killTree(this.pid) : killRun(this.pid, folder));
    await endOnServer(address, model.id, this.#sessionId).catch((error: unknown) => {
      if (this.#parts.isOwn !== true) throw error;
    });
    await withDeadline('kernel-exit', this.exited, { who: `the kernel ${model.id}` });
    if (folder !== undefined) await killMarked(folder);
  }

  async removeFolder(): Promise<void> {
    for (const folder of this.#parts.folders) {
      await fileWithDeadline('remove-folder', removePrivateFolder(folder), folder);
    }
    this.#parts.onRemoved?.();
  }

  #served(onMalformed: () => void): ServedKernel {
    const { address, model, connection, command } = this.#parts;
    return {
      settings: serverSettings(address, onMalformed),
      model,
      connection,
      delivered: async () =>
        command.countersPath === null
          ? null
          : ((await awaitSettledCounters(command.countersPath))?.delivered ?? null),
      onGone: () => this.#gone(),
    };
  }

  /**
   * The harness's own server restarts no kernel and reports no death, so the harness watches the process
   * itself.
   */
  async #watch(): Promise<KernelExit> {
    while (!this.#isOver) {
      const { pid } = this;
      if (pid > 0) {
        const sample = await processSample(pid);
        if (sample === null || sample.state === 'Z') break;
      }
      await delay(WATCH_EVERY_MS);
    }
    return this.#ended();
  }

  /** Only the server can tell when a kernel on another machine has ended. */
  async #untilGone(): Promise<KernelExit> {
    await new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    return this.#ended();
  }

  #ended(): KernelExit {
    this.#exit = { code: null, signal: null };
    return this.#exit;
  }
}

/**
 * Make the server end a kernel and forget it. If the server does not answer, ask again.
 *
 * @param sessionId session of the kernel, which ends with it
 * @throws SoakError `kernel-left` when the server answers but does not end the kernel
 */
export async function endOnServer(
  { url, token }: ServerAddress,
  kernelId: string,
  sessionId?: string,
): Promise<void> {
  let why = '';
  const path = sessionId === undefined ? `api/kernels/${kernelId}` : `api/sessions/${sessionId}`;
  for (const pauseMs of [0, ...DELETE_AGAIN_AFTER_MS]) {
    await delay(pauseMs);
    try {
      const response = await fetch(`${url}${path}`, {
        method: 'DELETE',
        headers: { Authorization: `token ${token}` },
        signal: AbortSignal.timeout(deadlineMs('server-delete')),
      });
      await response.body?.cancel().catch(() => {});
      if (response.ok || response.status === 404) return;
      why = `status ${response.status}`;
    } catch (error) {
      const { cause, message } = error as Error;
      why = cause instanceof Error ? cause.message : message;
    }
  }
  throw new SoakError('kernel-left', `The server did not end the kernel ${kernelId}: ${publicText(why)}.`, {
    remedy: `End it by hand: DELETE ${url}${path}, or in the server's list of running kernels.`,
    exitCode: EXIT_CODES.environment,
  });
}
