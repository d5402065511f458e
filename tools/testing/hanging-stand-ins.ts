import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { vi } from 'vitest';
import { KernelClient } from '../../harness/frontend/client.ts';
import { dropProcessHelper, ProcessHelper, useProcessHelper } from '../../harness/kernel/process-helper.ts';
import { listeningInSilence } from './silent-server.ts';
import { SocketPeer } from './socket-peer.ts';
import { temporaryFolder } from './temporary-folder.ts';

// Programs, servers and kernels that say nothing, for tests of what the harness does then.

const folder = temporaryFolder();

/** What undoes a stand-in, to be called after each test. */
export const cleanUp: (() => unknown)[] = [];

/** Undo the stand-ins of a test, the last first. */
export async function cleanUpStandIns(): Promise<void> {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
}

/** A program that stands for another, and does no more than the script says. */
export function program(name: string, script: string): string {
  const place = mkdtempSync(join(folder, `${name}-`));
  const path = join(place, name);
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

export const silent = (name: string) => program(name, '#!/bin/sh\nexec sleep 600\n');

export function firstOnPath(path: string): void {
  vi.stubEnv('PATH', `${path.slice(0, path.lastIndexOf('/'))}${delimiter}${process.env['PATH']}`);
}

/** A process beside the harness that answers nothing. */
export function silentHelper(): void {
  const helper = new ProcessHelper(() => {});
  useProcessHelper(helper);
  cleanUp.push(() => dropProcessHelper(helper));
}

export async function silentServer(): Promise<string> {
  const { url, close } = await listeningInSilence();
  cleanUp.push(close);
  return url;
}

export async function peer(): Promise<SocketPeer> {
  const bound = await SocketPeer.bound();
  cleanUp.push(() => bound.close());
  return bound;
}

export function clientOf({ connection }: SocketPeer): KernelClient {
  const client = new KernelClient(connection);
  cleanUp.push(() => client.close());
  return client;
}

/** A program of a group of its own, without parent or mark: the end of who started it leaves it with their pipes. */
export const KEEPS_PIPES = (pidFile: string) =>
  `(env -u KERNEL_SOAK_RUN setsid sh -c 'echo $$ > ${pidFile}; exec sleep 600' &) ; until [ -s ${pidFile} ]; do sleep 0.01; done;`;

export function endLater(pidFile: string): void {
  cleanUp.push(() => process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL'));
}
