import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import { withMergedStreams } from '../../tools/testing/merged-streams.ts';
import { realClientRun } from '../../tools/testing/real-client.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../tools/testing/real-experiment.ts';
import { prepareServer } from '../kernel/server/prepare-server.ts';
import { CLIENTS, type ClientName } from '../model/client.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Traffic } from '../model/traffic.ts';
import { executeRun } from '../run/execute-run.ts';
import type { RunContext } from '../run/run-context.ts';
import { withServer } from '../run/server-context.ts';
import { type JsonObject, readNotebook } from './notebook.ts';

// nbclient's own twin of the wedge stalls it in about half of its runs on the widgets notebook.
const NBCLIENT_ATTEMPTS = 8;

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

async function withNbclient(notebook: string): Promise<JsonObject> {
  const { overlay } = await real.arm('stream');
  const result = join(folder.path, 'nbclient.ipynb');
  const script = join(packageRoot(), 'tools', 'testing', 'execute_with_nbclient.py');
  let lastError: unknown;
  for (let attempt = 0; attempt < NBCLIENT_ATTEMPTS; attempt += 1) {
    try {
      await promisify(execFile)(real.environment.python, [script, notebook, result, overlay.folder ?? ''], {
        env: { ...process.env, ...real.context.variables },
      });
      return JSON.parse(await readFile(result, 'utf8')) as JsonObject;
    } catch (error) {
      lastError = error;
    }
  }
  throw lastError;
}

async function withUs(
  path: string,
  traffic: Traffic,
  context: RunContext = real.context,
): Promise<JsonObject> {
  const { makeCommand } = await real.arm('stream');
  const result = await executeRun(
    { run: 'b000-stream', block: 0, position: 0, arm: 'stream', notebookIndex: 0, traffic, seed: 1 },
    await readNotebook(path),
    makeCommand,
    context,
    new AbortController().signal,
  );
  expect(result?.record.outcome).toMatchObject({ kind: 'completed' });
  return result?.notebook ?? {};
}

/** Ids that each execution draws anew, numbered in order of appearance; object addresses likewise. */
function withoutVolatile(notebook: JsonObject): unknown {
  const ids = new Map<string, string>();
  const numbered = (kind: string) => (id: string) => {
    const name = ids.get(id) ?? `<${kind} ${ids.size}>`;
    ids.set(id, name);
    return name;
  };
  const { cells } = notebook as { cells: { outputs?: unknown; execution_count?: unknown }[] };
  const seen = cells.map(({ outputs, execution_count }) => ({ outputs, execution_count }));
  const text = JSON.stringify(seen, (_key, value: unknown) =>
    Array.isArray(value) && value.every((part) => typeof part === 'string') ? value.join('') : value,
  );
  return JSON.parse(
    text
      .replace(/\b[0-9a-f]{32}\b/g, numbered('model'))
      .replace(/0x[0-9a-f]{8,}/g, numbered('address'))
      .replace(/ipykernel_\d+\/\d+/g, 'ipykernel_<pid>'),
  );
}

// What is easily put in another order, or made another text.
const ORDERED = [
  'import sys\nimport ipywidgets as widgets\nfrom IPython.display import display, HTML\n%matplotlib inline\nimport matplotlib.pyplot as plt',
  "print('err', file=sys.stderr, flush=True)\nprint('out', flush=True)\ndisplay('between')\nprint('out again', flush=True)\nprint('err again', file=sys.stderr, flush=True)",
  "for i in range(3):\n    plt.figure(figsize=(1, 1))\n    plt.plot([i])\n    plt.show()\n    print('figure', i, flush=True)",
  "for i in range(3):\n    print(f'\\rstep {i}', end='', flush=True)\nprint('\\nab\\b\\bc\\r\\nlast\\r', flush=True)",
  "out = widgets.Output()\nwith out:\n    print('caught')\n    display(HTML('<b>x</b>'), metadata={'text/html': {'isolated': True}})\n    display({'b': 1, 'a': 2})",
  'print(repr(out.outputs))\nout.outputs',
];

/** A notebook of a test's own, written into the test's folder. */
function ownNotebook(name: string, sources: readonly string[]): string {
  const path = join(folder.path, `${name}.ipynb`);
  writeFileSync(path, codeNotebookText(sources, PYTHON_METADATA));
  return path;
}

test.each(['plain', 'data', 'many-cells', 'widgets', 'ordered'])(
  'the outputs of %s.ipynb are those of nbclient',
  async (name) => {
    const path =
      name === 'ordered' ? ownNotebook(name, ORDERED) : join(packageRoot(), 'notebooks', `${name}.ipynb`);
    const [theirs, ours] = [await withNbclient(path), await withUs(path, 'widgets')];
    expect(JSON.stringify(theirs)).toContain('"output_type"');
    expect(withoutVolatile(ours)).toEqual(withoutVolatile(withMergedStreams(theirs)));
    const models = (notebook: JsonObject) => {
      const widgets = (notebook['metadata'] as JsonObject)['widgets'] as JsonObject | undefined;
      const state = widgets?.['application/vnd.jupyter.widget-state+json'] as JsonObject | undefined;
      return Object.values((state?.['state'] ?? {}) as Record<string, JsonObject>)
        .map(({ model_name }) => String(model_name))
        .sort();
    };
    expect(models(ours)).toEqual(models(theirs));
  },
);

/** Another program as the client, in its own environment; the arm without stalls, so that none ends the run. */
async function withClient(client: ClientName, path: string): Promise<JsonObject> {
  const { record, notebook } = await realClientRun(real.context, path, { client, arm: 'client-fix' });
  expect(record.outcome).toMatchObject({ kind: 'completed' });
  // papermill adds its own record of the run to the metadata, and no output.
  return notebook ?? {};
}

test('a stream is the same in however many messages it came, and in no other order', () => {
  const notebook = (...texts: string[]) =>
    ({
      cells: [{ outputs: texts.map((text) => ({ output_type: 'stream', name: text.slice(0, 6), text })) }],
    }) as unknown as JsonObject;
  const [parts, whole] = [
    notebook('stdout 1', 'stdout\r2', 'stderr 3'),
    notebook('stdout 1stdout\r2', 'stderr 3'),
  ];
  expect(withMergedStreams(parts)).toEqual(whole);
  expect(withMergedStreams(notebook('stdout 1', 'stderr 3', 'stdout\r2'))).not.toEqual(whole);
});

// papermill ends at every error, also of a cell tagged raises-exception, as plain.ipynb has one. The blocking client of
// jupyter_client keeps outputs as they come: it updates no display, and mirrors no model of a widget.
const NOTEBOOKS_OF: Partial<Record<ClientName, readonly string[]>> = {
  papermill: ['many-cells', 'widgets'],
  'jupyter-client': ['many-cells'],
};
const CASES = CLIENTS.flatMap((client) =>
  (NOTEBOOKS_OF[client] ?? ['plain', 'widgets']).map((name) => [client, name] as const),
);

test.each(CASES)('the outputs that --client %s leaves of %s.ipynb are our own', async (client, name) => {
  const path = join(packageRoot(), 'notebooks', `${name}.ipynb`);
  const [theirs, ours] = [await withClient(client, path), await withUs(path, 'widgets')];
  expect(JSON.stringify(theirs)).toContain('"output_type"');
  expect(withoutVolatile(withMergedStreams(theirs))).toEqual(withoutVolatile(ours));
});

test.each(['plain', 'data', 'widgets'])(
  'the outputs of %s.ipynb through a Jupyter Server are our own',
  async (name) => {
    const path = join(packageRoot(), 'notebooks', `${name}.ipynb`);
    const signal = new AbortController().signal;
    const prepared = await prepareServer([path], { onProgress: () => {}, signal });
    const through = await withServer(prepared, real.context, (context) => withUs(path, 'widgets', context));
    expect(JSON.stringify(through)).toContain('"output_type"');
    expect(withoutVolatile(through)).toEqual(withoutVolatile(await withUs(path, 'widgets')));
  },
);

test('the outputs are the same under every traffic profile', async () => {
  const path = join(packageRoot(), 'notebooks', 'plain.ipynb');
  const sequential = withoutVolatile(await withUs(path, 'sequential'));
  for (const traffic of ['overlap', 'pipeline'] as const) {
    expect(withoutVolatile(await withUs(path, traffic))).toEqual(sequential);
  }
});
