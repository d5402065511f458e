import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { KernelAPI } from '@jupyterlab/services';
import { fileWithDeadline, withDeadline } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { publicText } from '../../model/public-text.ts';
import type { ConnectionInfo } from '../../transport/connection.ts';
import { serverSettings } from '../../transport/server-settings.ts';
import { type LaunchOptions, type RunningKernel, runVariables } from '../launch.ts';
import { kernelspecMetadata } from '../manager-settings.ts';
import { notEncrypted } from '../offers-curve.ts';
import type { JupyterServer } from './jupyter-server.ts';
import { endOnServer, ServerKernel } from './server-kernel.ts';

const DOCUMENT_NAME = 'document.ipynb';

/** The parts of a server that a launch needs. The address may be that of a proxy in front of it. */
export type ServerPlace = Pick<
  JupyterServer,
  'address' | 'folder' | 'specFolder' | 'runtimeFolder' | 'stderrTail'
> &
  Partial<Pick<JupyterServer, 'hasEnded' | 'documentFolder'>>;

/**
 * Let the harness's own server start a kernel. The kernel gets its own kernelspec, and a private folder
 * inside the server's folder.
 *
 * @throws DeadlinePassed when the server does not answer
 * @throws SoakError `server-lost` when the server has ended or refuses, which no kernel causes;
 *   `not-encrypted`
 */
export async function launchThroughServer(
  server: ServerPlace,
  rootDir: string,
  { makeCommand, cwd, cells = [], variables, sockets = {} }: LaunchOptions,
): Promise<RunningKernel> {
  const folder = await fileWithDeadline('make-folder', mkdtemp(join(server.folder, 'run-')));
  const name = `soak-${randomUUID()}`;
  const specFolder = join(server.specFolder, name);
  const command = makeCommand(folder, '{connection_file}');
  await fileWithDeadline('make-folder', mkdir(specFolder));
  const spec = {
    argv: command.argv,
    display_name: name,
    language: 'python',
    env: { ...(await runVariables(folder, variables)), ...command.variables },
    metadata: kernelspecMetadata(sockets),
  };
  const specFile = join(specFolder, 'kernel.json');
  await fileWithDeadline('make-folder', writeFile(specFile, JSON.stringify(spec), { mode: 0o600 }));
  const path = relative(rootDir, cwd).split(sep).join('/');
  const options = { name, path } as unknown as Parameters<typeof KernelAPI.startNew>[0];
  const { address, runtimeFolder } = server;
  const started = KernelAPI.startNew(options, serverSettings(address)).catch((error: unknown) => {
    const why = server.hasEnded === true ? 'it has ended' : publicText((error as Error).message);
    throw new SoakError('server-lost', `The Jupyter Server did not start a kernel: ${why}.`, {
      remedy: 'Recorded runs are kept. Continue with --resume, which starts another server.',
      exitCode: EXIT_CODES.environment,
      cause: error,
    });
  });
  const model = await withDeadline('server-launch', started, {
    // Otherwise this kernel would stay until the server ends.
    onLate: ({ id }) => void endOnServer(address, id).catch(() => {}),
  });
  const connection = JSON.parse(
    readFileSync(join(runtimeFolder, `kernel-${model.id}.json`), 'utf8'),
  ) as ConnectionInfo;
  if (sockets.encryption !== undefined && connection.curve_publickey === undefined) {
    throw notEncrypted(name, 'the server gave it no keys');
  }
  const stderrTail = () => server.stderrTail();
  const { documentFolder = null } = server;
  const document = documentFolder === null ? undefined : await writeDocument(documentFolder, model.id, cells);
  return new ServerKernel({
    address,
    model,
    command,
    connection,
    stderrTail,
    document,
    folders: [folder, specFolder, ...(documentFolder === null ? [] : [join(documentFolder, model.id)])],
    isOwn: true,
    serverHasEnded: () => server.hasEnded === true,
  });
}

/**
 * Write the notebook that the server opens as a document. It has the cells of the run and nothing else, in a folder of its
 * own, so that the server never writes into the notebook that it stands for.
 */
async function writeDocument(
  documentFolder: string,
  name: string,
  cells: readonly string[],
): Promise<{ readonly path: string; readonly cellIds: readonly string[] }> {
  const cellIds = cells.map((_, index) => `cell-${index}`);
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: cells.map((source, index) => ({
      id: cellIds[index],
      cell_type: 'code',
      metadata: {},
      source,
      outputs: [],
      execution_count: null,
    })),
  };
  const folder = join(documentFolder, name);
  await fileWithDeadline('make-folder', mkdir(folder, { mode: 0o700 }));
  const file = join(folder, DOCUMENT_NAME);
  await fileWithDeadline('make-folder', writeFile(file, JSON.stringify(notebook), { mode: 0o600 }));
  return { path: `${name}/${DOCUMENT_NAME}`, cellIds };
}
