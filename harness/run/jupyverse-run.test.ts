import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPackages } from '../../tools/kernel-table/install-kernel.ts';
import { eventually } from '../../tools/testing/bare-client.ts';
import { codeNotebookText } from '../../tools/testing/code-notebook.ts';
import { temporaryFolder } from '../../tools/testing/real-experiment.ts';
import { runSoak } from '../../tools/testing/run-soak.ts';
import { readJournal } from '../journal/read.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';

// A real jupyverse, which starts kernels with sessions and has no page that says what it is.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ChildProcess;
let url: string;

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const installed = await installPackages('PyPI', ['jupyverse[jupyterlab,noauth]==0.14.18']);
  if (!installed.ok) throw new Error(installed.reason);
  const { python } = await ensureEnvironment({});
  const spec = join(folder.path, 'kernels', 'plain');
  await mkdir(spec, { recursive: true });
  const argv = [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
  await writeFile(
    join(spec, 'kernel.json'),
    JSON.stringify({ argv, display_name: 'Plain', language: 'python' }),
  );
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  server = spawn(join(installed.bin, 'jupyverse'), ['--host', '127.0.0.1', '--port', String(port)], {
    cwd: folder.path,
    env: { ...process.env, JUPYTER_PATH: folder.path },
    stdio: 'ignore',
  });
  // One question at a time: a server that is starting has enough to do.
  const dueMs = performance.now() + 240_000;
  for (;;) {
    const answer = await fetch(`${url}api/kernelspecs`).catch(() => null);
    if (answer?.ok === true) break;
    if (performance.now() > dueMs || server.exitCode !== null) throw new Error('jupyverse did not start.');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
});

afterAll(async () => {
  server.kill('SIGTERM');
  await eventually('the end of the server', () => server.exitCode !== null || server.signalCode !== null);
  await folder.remove();
});

test('a kernel of jupyverse is soaked by --server-url, and neither kernel nor session is left', async () => {
  const notebook = join(folder.path, 'made.ipynb');
  await writeFile(notebook, codeNotebookText(['x = 40', 'print(x + 2)']));
  const out = join(folder.path, 'out');
  const { code, stderr } = await runSoak(
    ['--server-url', url, '--kernel', 'plain', '--notebook', notebook, '--runs', '2', '--out', out],
    { JUPYTER_TOKEN: '', KERNEL_SOAK_TOKEN: '' },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { journal } = await readJournal(out);
  expect(journal.runs.map(({ outcome }) => outcome.kind)).toEqual(['completed', 'completed']);
  for (const page of ['api/sessions', 'api/kernels']) {
    expect(await (await fetch(`${url}${page}`)).json()).toEqual([]);
  }
});
