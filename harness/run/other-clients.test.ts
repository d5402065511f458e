import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import { realClientRun } from '../../tools/testing/real-client.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';

// The clients that are not nbclient under another name: pytest --nbmake, and jupyter_client's blocking client.

let real: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  real = await realSurroundings();
  folder = await temporaryFolder();
});

afterAll(async () => {
  await real.close();
  await folder.remove();
});

async function notebookOf(...sources: string[]): Promise<string> {
  const path = join(folder.path, 'made.ipynb');
  await writeFile(path, codeNotebookText(sources, PYTHON_METADATA));
  return path;
}

test.each(['nbmake', 'jupyter-client'] as const)(
  '%s: a cell that raises, a dead kernel and a cell beyond the time-out are outcomes',
  async (client) => {
    const raised = await realClientRun(real.context, await notebookOf('x = 1', 'raise ValueError("no")'), {
      client,
    });
    expect(raised.record.outcome).toMatchObject({
      kind: 'cell-error',
      source: 'notebook',
      cell: 1,
      error: { ename: 'ValueError', evalue: 'no' },
    });
    const died = await realClientRun(real.context, await notebookOf('import os', 'os._exit(7)'), {
      client,
      cellTimeoutSeconds: 3,
    });
    expect(died.record.outcome).toMatchObject({ kind: 'died', source: 'kernel', cell: 1 });
    const slow = await realClientRun(real.context, await notebookOf('import time', 'time.sleep(30)'), {
      client,
      cellTimeoutSeconds: 3,
    });
    expect(slow.record.outcome).toMatchObject({ kind: 'hung', source: 'notebook', cell: 1 });
  },
);

test.skipIf(process.platform !== 'linux')(
  'a client that waits for ever for a kernel that has ended does not make it a busy one',
  async () => {
    const context = { ...real.context, timeoutMs: 3_000, startTimeoutMs: 20_000 };
    const { record } = await realClientRun(context, await notebookOf('import os', 'os._exit(7)'), {
      client: 'jupyter-client',
      cellTimeoutSeconds: null,
    });
    expect(record.outcome).toMatchObject({ kind: 'died', source: 'kernel', cell: 1 });
  },
);
