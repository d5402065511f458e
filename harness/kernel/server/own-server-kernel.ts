import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { KernelAPI } from '@jupyterlab/services';
import type { ConnectionInfo } from '../../transport/connection.ts';
import { serverSettings } from '../../transport/server-settings.ts';
import { type LaunchOptions, type RunningKernel, runVariables } from '../launch.ts';
import { kernelspecMetadata } from '../manager-settings.ts';
import { notEncrypted } from '../offers-curve.ts';
import type { JupyterServer } from './jupyter-server.ts';
import { ServerKernel } from './server-kernel.ts';

/** What launching needs of a server; its address may be that of a proxy before it. */
export type ServerPlace = Pick<
  JupyterServer,
  'address' | 'folder' | 'specFolder' | 'runtimeFolder' | 'stderrTail'
>;

/**
 * Have a server of ours start a kernel of the command, through a kernelspec made for it alone, with a private
 * folder within the server's.
 *
 * @throws Error when the server refuses, which is no kernel's doing
 * @throws SoakError `not-encrypted`
 */
export async function launchThroughServer(
  server: ServerPlace,
  rootDir: string,
  { makeCommand, cwd, variables, sockets = {} }: LaunchOptions,
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
    metadata: kernelspecMetadata(sockets),
  };
  await writeFile(join(specFolder, 'kernel.json'), JSON.stringify(spec), { mode: 0o600 });
  const path = relative(rootDir, cwd).split(sep).join('/');
  const options = { name, path } as unknown as Parameters<typeof KernelAPI.startNew>[0];
  const { address, runtimeFolder } = server;
  const model = await KernelAPI.startNew(options, serverSettings(address));
  const connection = JSON.parse(
    readFileSync(join(runtimeFolder, `kernel-${model.id}.json`), 'utf8'),
  ) as ConnectionInfo;
  if (sockets.encryption !== undefined && connection.curve_publickey === undefined) {
    throw notEncrypted(name, 'the server gave it no keys');
  }
  const stderrTail = () => server.stderrTail();
  return new ServerKernel({
    address,
    model,
    command,
    connection,
    stderrTail,
    folders: [folder, specFolder],
    isOwn: true,
  });
}
