import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type Kernel, KernelAPI } from '@jupyterlab/services';
import type { ChannelsMaker } from '../../transport/channels.ts';
import type { ConnectionInfo } from '../../transport/connection.ts';
import { ServerChannels } from '../../transport/server-channels.ts';
import { serverSettings } from '../../transport/server-settings.ts';
import {
  type KernelCommand,
  type KernelExit,
  type KernelIdentity,
  type LaunchOptions,
  type RunningKernel,
  readIdentity,
  runVariables,
} from '../launch.ts';
import { processSample } from '../process-sample.ts';
import { killTree } from '../process-tree.ts';
import { settledCounters } from '../settled-counters.ts';
import type { JupyterServer } from './jupyter-server.ts';

/** What launching needs of a server; its address may be that of a proxy before it. */
export type ServerPlace = Pick<
  JupyterServer,
  'address' | 'folder' | 'specFolder' | 'runtimeFolder' | 'stderrTail'
>;

const WATCH_EVERY_MS = 50;
const DELETE_TIMEOUT_MS = 10_000;

/** A kernel that a Jupyter Server of ours started on this machine. */
class ServerKernel implements RunningKernel {
  readonly connection: ConnectionInfo;
  readonly way: ChannelsMaker;
  readonly command: KernelCommand;
  readonly exited: Promise<KernelExit>;
  readonly #server: ServerPlace;
  readonly #model: Kernel.IModel;
  readonly #folder: string;
  readonly #specFolder: string;
  #exit: KernelExit | null = null;
  #pid: number | null = null;
  #isOver = false;

  constructor(parts: {
    server: ServerPlace;
    model: Kernel.IModel;
    command: KernelCommand;
    connection: ConnectionInfo;
    folder: string;
    specFolder: string;
  }) {
    this.#server = parts.server;
    this.#model = parts.model;
    this.#folder = parts.folder;
    this.#specFolder = parts.specFolder;
    this.command = parts.command;
    this.connection = parts.connection;
    const { countersPath } = parts.command;
    this.way = (session, receive) => {
      const channels: ServerChannels = new ServerChannels(
        {
          settings: serverSettings(parts.server.address, () => channels.malformed()),
          model: parts.model,
          connection: parts.connection,
          delivered: async () =>
            countersPath === null ? 0 : (await settledCounters(countersPath)).delivered,
        },
        session,
        receive,
      );
      return channels;
    };
    this.exited = this.#watch();
  }

  /** -1 until it has said so. */
  get pid(): number {
    this.#pid ??= this.identity()?.pid ?? null;
    return this.#pid ?? -1;
  }

  get exit(): KernelExit | null {
    return this.#exit;
  }

  stderrTail(): string {
    return this.#server.stderrTail();
  }

  identity(): KernelIdentity | null {
    return readIdentity(this.command);
  }

  interrupt(): void {
    KernelAPI.interruptKernel(this.#model.id, serverSettings(this.#server.address)).catch(() => {});
  }

  async dispose(): Promise<void> {
    this.#isOver = true;
    // At once, and not by a request that a wedged kernel takes its time over.
    if (this.pid > 0) await killTree(this.pid);
    const { url, token } = this.#server.address;
    await fetch(`${url}api/kernels/${this.#model.id}`, {
      method: 'DELETE',
      headers: { Authorization: `token ${token}` },
      signal: AbortSignal.timeout(DELETE_TIMEOUT_MS),
    })
      .then((response) => response.body?.cancel())
      .catch(() => {}); // a server that has ended took its kernels with it
    await this.exited;
  }

  async removeFolder(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    await rm(this.#specFolder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The server restarts nothing and says nothing of a death, so the process itself is watched. */
  async #watch(): Promise<KernelExit> {
    while (!this.#isOver) {
      const { pid } = this;
      if (pid > 0) {
        const sample = await processSample(pid);
        if (sample === null || sample.state === 'Z') break;
      }
      await new Promise((resolve) => setTimeout(resolve, WATCH_EVERY_MS));
    }
    this.#exit = { code: null, signal: null };
    return this.#exit;
  }
}

/**
 * Have the server start a kernel of the command, through a kernelspec made for it alone, with a private folder
 * within the server's.
 *
 * @throws Error when the server refuses, which is no kernel's doing
 */
export async function launchThroughServer(
  server: ServerPlace,
  rootDir: string,
  { makeCommand, cwd, variables }: LaunchOptions,
): Promise<RunningKernel> {
  const folder = await mkdtemp(join(server.folder, 'run-'));
  const name = `soak-${randomUUID()}`;
  const specFolder = join(server.specFolder, name);
  const command = makeCommand(folder, '{connection_file}');
  await mkdir(specFolder);
  const spec = {
    argv: command.argv,
    display_name: name,
    language: 'python',
    env: { ...(await runVariables(folder, variables)), ...command.variables },
    metadata: {},
  };
  await writeFile(join(specFolder, 'kernel.json'), JSON.stringify(spec), { mode: 0o600 });
  const path = relative(rootDir, cwd).split(sep).join('/');
  const options = { name, path } as unknown as Parameters<typeof KernelAPI.startNew>[0];
  const model = await KernelAPI.startNew(options, serverSettings(server.address));
  const connection = JSON.parse(
    readFileSync(join(server.runtimeFolder, `kernel-${model.id}.json`), 'utf8'),
  ) as ConnectionInfo;
  return new ServerKernel({ server, model, command, connection, folder, specFolder });
}
