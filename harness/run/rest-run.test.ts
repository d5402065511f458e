import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { type Direction, droppingProxy } from '../../tools/testing/dropping-proxy.ts';
import { type RealSurroundings, realSurroundings } from '../../tools/testing/real-experiment.ts';
import { parseLatency } from '../frontend/latency.ts';
import { leadingCells, type Notebook, readNotebook } from '../frontend/notebook.ts';
import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import { launchThroughServer, type ServerPlace } from '../kernel/server/own-server-kernel.ts';
import { type OwnServer, prepareServer } from '../kernel/server/prepare-server.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Traffic } from '../model/traffic.ts';
import { quietConsole } from '../transport/server-settings.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';
import { runSubject } from './run-subject.ts';

// A real server that executes the cells of a document: jupyter_server_documents as PyPI has it.

let surroundings: RealSurroundings;
let prepared: OwnServer;
let server: JupyterServer;
let loud: () => void;
let cells: Notebook;
let seed = 0;

beforeAll(async () => {
  surroundings = await realSurroundings({ timeoutMs: 4_000, latency: await parseLatency('nbclient') });
  const path = join(packageRoot(), 'notebooks', 'many-cells.ipynb');
  cells = await readNotebook(path);
  prepared = await prepareServer([path], {
    via: 'rest',
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  const { python, rootDir } = prepared;
  server = await JupyterServer.start(python, rootDir, surroundings.context.reaper, {}, 'rest');
  loud = quietConsole();
}, 600_000);

afterAll(async () => {
  loud();
  await server.stop();
  await surroundings.close();
});

interface Given {
  readonly arm?: string;
  readonly traffic?: Traffic;
  /** `null`: directly, without a server. */
  readonly place?: ServerPlace | null;
}

async function run(
  notebook: Notebook,
  { arm = 'stream', traffic = 'sequential', place = server }: Given = {},
): Promise<RunResult> {
  const { context } = surroundings;
  const through: RunContext =
    place === null
      ? context
      : { ...context, launch: (how) => launchThroughServer(place, prepared.rootDir, how) };
  seed += 1;
  const result = await runSubject(
    { run: `b000-${arm}`, block: 0, position: 0, arm, notebookIndex: 0, traffic, seed },
    notebook,
    await surroundings.arm(arm),
    through,
    new AbortController().signal,
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}

/** Where the server's contents are too, so that the kernel can be launched by it. */
function notebookOf(...sources: string[]): Notebook {
  return { ...codeNotebook('rest.ipynb', sources), path: cells.path };
}

function outputsOf({ notebook }: RunResult): Record<string, unknown>[][] {
  const all = (notebook as { cells: { outputs?: Record<string, unknown>[] }[] } | null)?.cells ?? [];
  return all.map((cell) => cell.outputs ?? []);
}

describe('a server that executes the cells', () => {
  test('a run completes, and every request that the kernel was given is accounted for', async () => {
    const { record } = await run(leadingCells(cells, 10));
    expect(record.outcome, record.outcome.reason).toMatchObject({ kind: 'completed' });
    expect(record.client.server).toMatchObject({ reconnects: 0, rest: { accepted: 10, refused: [] } });
    expect(record.client.byType['execute_request']).toBe(10);
    expect(record.kernel?.delivered).toBe(record.client.sent + (record.client.others?.begun ?? 0));
    expect(record.cellMs).toHaveLength(10);
  });

  test('outputs are those that came through the document', async () => {
    const notebook = notebookOf('print("one"); print("ünö 🚀")', '1 + 1', 'raise_ = 3');
    const direct = await run(notebook, { place: null });
    const through = await run(notebook);
    const texts = (result: RunResult) =>
      outputsOf(result).map((outputs) => outputs.flatMap((output) => output['text'] ?? output['data']));
    expect(texts(through).map((each) => each.join(''))).toEqual(texts(direct).map((each) => each.join('')));
    // What tells the two apart: this server adds an updated display to the outputs, and replaces none.
    const display = notebookOf('h = display("a", display_id=True)', 'h.update("b")');
    expect(outputsOf(await run(display, { place: null })).map(({ length }) => length)).toEqual([1, 0]);
    expect(outputsOf(await run(display)).map(({ length }) => length)).toEqual([1, 1]);
  });

  test.each(['overlap', 'pipeline', 'nudge', 'widgets'] as const)('%s traffic completes', async (traffic) => {
    const notebook =
      traffic === 'widgets'
        ? leadingCells(await readNotebook(join(packageRoot(), 'notebooks', 'widgets.ipynb')), 6)
        : leadingCells(cells, 6);
    const { record } = await run(notebook, { traffic });
    expect(record.outcome, record.outcome.reason).toMatchObject({ kind: 'completed' });
    expect(record.kernel?.delivered).toBe(record.client.sent + (record.client.others?.begun ?? 0));
    if (traffic === 'widgets') expect(record.client.byType['comm_msg']).toBeGreaterThan(0);
  });

  test('a cell that raises ends the run, and one that may raise does not', async () => {
    const notebook = notebookOf('1', 'raise ValueError("boom")', '2');
    const raised = await run(notebook);
    expect(raised.record.outcome).toMatchObject({
      kind: 'cell-error',
      cell: 1,
      error: { ename: 'ValueError', evalue: 'boom' },
    });
    const mayRaise = {
      ...notebook,
      codeCells: notebook.codeCells.map((cell) => ({ ...cell, mayRaise: true })),
    };
    expect((await run(mayRaise)).record.outcome.kind).toBe('completed');
  });

  test('an error that an Output widget catches is no error of the cell', async () => {
    const catches = 'import ipywidgets\nwith ipywidgets.Output():\n    1 / 0';
    const { record } = await run(notebookOf('1', catches, '2'));
    expect(record.outcome, record.outcome.reason).toMatchObject({ kind: 'completed' });
  });

  test('a cell that the kernel did not execute is aborted, although the document shows it as idle', async () => {
    const notebook = notebookOf('get_ipython().kernel._aborting = True', '1');
    const { record } = await run(notebook);
    expect(record.outcome, record.outcome.reason).toMatchObject({ kind: 'aborted', cell: 1 });
  });

  test('a killed kernel is died', async () => {
    const { record } = await run(notebookOf('1', 'import os; os.kill(os.getpid(), 9)'));
    expect(record.outcome).toMatchObject({ kind: 'died', source: 'kernel', cell: 1 });
  });

  test('a cell beyond the deadline is not a wedge', async () => {
    const hung = await run(notebookOf('1', 'import time; time.sleep(60)'));
    expect(hung.record.outcome).toMatchObject({ kind: 'hung', source: 'notebook', cell: 1 });
    const busy = await run(notebookOf('while True: pass'));
    expect(busy.record.outcome).toMatchObject({ kind: 'busy', source: 'notebook', cell: 0 });
  });

  test('the strand of the released kernel is certified and revived', async () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { record } = await run(cells, { arm: 'control', traffic: 'overlap' });
      // Once in some thirty runs, this server itself lost an answer.
      if (record.outcome.kind === 'completed' || record.outcome.source === 'server') continue;
      expect(record.outcome).toMatchObject({ kind: 'wedged-stranded', source: 'kernel' });
      expect(record.outcome.observations).toMatchObject({ through: 'server', revivedByRearm: true });
      return;
    }
    expect.fail('no wedge in eight runs');
  });

  test('nothing of a run stays behind', async () => {
    const { address, documentFolder } = server;
    for (const what of ['kernels', 'sessions']) {
      const answer = await fetch(`${address.url}api/${what}`, {
        headers: { Authorization: `token ${address.token}` },
      });
      expect(await answer.json(), what).toEqual([]);
    }
    expect(readdirSync(documentFolder ?? '').filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});

describe('a proxy before it', () => {
  async function behind(
    drops: (direction: Direction, message: Buffer) => boolean,
    refuses: (path: string) => number | null = () => null,
  ): Promise<RunResult> {
    const proxy = await droppingProxy(server.address.url, drops, refuses);
    const { folder, specFolder, runtimeFolder, documentFolder, address } = server;
    const stderrTail = () => server.stderrTail();
    try {
      return await run(leadingCells(cells, 4), {
        place: {
          folder,
          specFolder,
          runtimeFolder,
          documentFolder,
          address: { ...address, url: proxy.url },
          stderrTail,
        },
      });
    } finally {
      await proxy.close();
    }
  }

  test('a document that says nothing more is what lost the reply, and no wedge of the kernel', async () => {
    let updates = 0;
    const { record } = await behind((direction, message) => {
      // A message of the room that changes the document: sync (0), update (2). Those of a kernel begin otherwise.
      const isUpdate = direction === 'from-kernel' && message[0] === 0 && message[1] === 2;
      if (isUpdate) updates += 1;
      return isUpdate && updates > 8;
    });
    expect(record.outcome.cell).toBeGreaterThan(0);
    expect(record.outcome).toMatchObject({ kind: 'lost-reply', source: 'server' });
  });

  test('a cell that the server does not take is lost by the server, and no wedge of the kernel', async () => {
    let posts = 0;
    const { record } = await behind(
      () => false,
      (path) => {
        if (path.endsWith('/execute')) posts += 1;
        return posts >= 3 && path.endsWith('/execute') ? 409 : null;
      },
    );
    expect(record.outcome).toMatchObject({ kind: 'lost-request', source: 'server', cell: 2 });
    expect(record.client.server?.rest).toMatchObject({
      accepted: 2,
      refused: [expect.stringMatching(/^status 409/)],
    });
  });
});
