import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executeWithRetries } from '../../harness/exec/attempts.ts';
import { TRAFFIC_PROFILES } from '../../harness/model/traffic.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import { hasProcessorTimes } from '../testing/processor-times.ts';
import { type RealSurroundings, realSurroundings, temporaryFolder } from '../testing/real-experiment.ts';
import { releasedKernel, runOfCells } from '../testing/released-kernel.ts';

// What real kernels do that looks like a wedge and is none. `control` is ipykernel 7.3.0.
const RELEASES = ['control', 'ipykernel==7.4.0'];
const WITHOUT_SHELL_THREAD = 'ipykernel==6.31.0';

const COMPUTING_TASK = (seconds: number) => [
  'import asyncio, time',
  `
async def work():
    end = time.monotonic() + ${seconds}
    while time.monotonic() < end:
        pass
task = asyncio.create_task(work())`,
  'print("after")',
];
const SLEEPING_CALLBACK = (seconds: number) => [
  `import asyncio, time
asyncio.get_running_loop().call_later(0.05, time.sleep, ${seconds})`,
  'time.sleep(0.2)',
  'print("after")',
];
// Matching backtracks for minutes in one call that holds the interpreter's lock.
const HELD_LOCK = [
  `import re, threading, time
threading.Thread(target=re.match, args=("(a+)+$", "a" * 40 + "b"), daemon=True).start()`,
  'print("after")',
];
const AWAITING_WIDGET = [
  'import asyncio, ipywidgets\nout = ipywidgets.Output(); out',
  "with out: print('a')\nawait asyncio.sleep(0.3)",
];

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

const SHORT = { timeoutMs: 4_000, suspectAfterMs: 500 };

describe('a comm message for which a kernel publishes nothing while a cell awaits', () => {
  test.each(RELEASES)('is answered when the counters show that it is done: %s', async (release) => {
    const record = await runOfCells(await releasedKernel(release), AWAITING_WIDGET, real.context);
    expect(record.outcome.kind).toBe('completed');
    expect(record.client.byType['comm_msg']).toBeGreaterThan(0);
    expect(record.client.idles + (record.client.unpublished ?? 0)).toBe(record.client.sent);
    if (release !== 'control') expect(record.client.unpublished).toBeGreaterThan(0);
    expect(record.client.witnesses).toBeUndefined();
  });

  test('is read when a later request was answered, where there are no counters', async () => {
    const makeCommand = await releasedKernel('ipykernel==7.4.0', true);
    const record = await runOfCells(makeCommand, AWAITING_WIDGET, real.context);
    expect(record.outcome.kind).toBe('completed');
    expect(record.client.unpublished).toBeGreaterThan(0);
    expect(record.client.witnesses).toBe(1);
    expect(record.client.sent).toBe(
      Object.values(record.client.byType).reduce((sum, count) => sum + count, 0),
    );
  });

  // Under interrupts this release loses replies of its own (reports/interrupt-7.4.0).
  const uninterrupted = TRAFFIC_PROFILES.filter((traffic) => traffic !== 'interrupt');

  test.each(uninterrupted)('holds up no run under the traffic %s', async (traffic) => {
    const cells = [...AWAITING_WIDGET, ...AWAITING_WIDGET.slice(1), 'print(1)', ...AWAITING_WIDGET.slice(1)];
    const record = await runOfCells(await releasedKernel('ipykernel==7.4.0'), cells, real.context, traffic);
    expect(record.outcome.kind).toBe('completed');
  });
});

describe('a kernel that does not begin a request', () => {
  test.runIf(hasProcessorTimes).each([...RELEASES, WITHOUT_SHELL_THREAD])(
    'and computes in its loop is busy: %s',
    async (release) => {
      const context = { ...real.context, ...SHORT };
      const { outcome } = await runOfCells(await releasedKernel(release), COMPUTING_TASK(60), context);
      expect(outcome).toMatchObject({ kind: 'busy', source: 'notebook' });
      expect(outcome.observations?.busiestShare).toBeGreaterThan(0.02);
    },
  );

  test.each([...RELEASES, WITHOUT_SHELL_THREAD])('and sleeps in its loop is hung: %s', async (release) => {
    const context = { ...real.context, ...SHORT };
    const { outcome } = await runOfCells(await releasedKernel(release), SLEEPING_CALLBACK(60), context);
    expect(outcome).toMatchObject({ kind: 'hung', source: 'notebook' });
    expect(outcome.reason).toContain('main thread is not in its event loop');
  });

  test('and answers within the grace is late', async () => {
    const context = { ...real.context, timeoutMs: 3_000 };
    const { outcome } = await runOfCells(await releasedKernel('control'), COMPUTING_TASK(3.6), context);
    expect(outcome.kind).toBe('late');
  });

  test.runIf(hasProcessorTimes).each(RELEASES)(
    'since a call in C holds the interpreter’s lock says so: %s',
    async (release) => {
      const context = { ...real.context, ...SHORT };
      const { outcome } = await runOfCells(await releasedKernel(release), HELD_LOCK, context);
      expect(outcome).toMatchObject({ kind: 'busy', observations: { control: false } });
      expect(outcome.reason).toContain('control does not answer either');
    },
  );
});

describe.skipIf(process.platform === 'win32')('a cell that', () => {
  test.skipIf(process.platform !== 'linux').each(RELEASES)(
    'replaces the process ends the kernel, long before the deadline: %s',
    async (release) => {
      const cells = [
        'import os, sys',
        "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)'])",
      ];
      const { outcome } = await runOfCells(await releasedKernel(release), cells, real.context);
      expect(outcome).toMatchObject({ kind: 'died', source: 'kernel', cell: 1 });
      expect(outcome.reason).toContain('was replaced');
      expect(outcome.waitedMs).toBeLessThan(15_000);
    },
  );

  // ipykernel's iopub thread opens a socket of its own at the first text that it publishes, and ends if it cannot. Under
  // jupyter_client the debugger's warning about frozen modules comes first; a kernel that is kept from writing it does
  // not get over such a cell, whoever its client is.
  test.each(RELEASES)(
    'takes all file descriptors is answered as under jupyter_client: %s',
    async (release) => {
      const cells = [
        'x = 1',
        `import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError as error:
    print(error)`,
        'print("after")',
      ];
      const record = await runOfCells(await releasedKernel(release, true), cells, real.context, 'sequential');
      expect(record.outcome.kind).toBe('completed');
      expect(record.cellMs[1]).toBeLessThan(8_000);
    },
  );

  test.each(RELEASES)(
    'forks, and lets the child return into IPython, leaves the account right: %s',
    async (release) => {
      const cells = [
        `import os, sys
child = os.fork()
if child == 0:
    sys.exit(0)`,
        'import signal, time; time.sleep(0.5); os.kill(child, signal.SIGKILL); os.waitpid(child, 0)[0] == child',
        'print("after")',
      ];
      const record = await runOfCells(await releasedKernel(release), cells, real.context, 'sequential');
      expect(record.kernel).toMatchObject({ delivered: record.client.sent, begun: record.client.sent });
      expect(record.kernel?.ended).toBeLessThanOrEqual(record.kernel?.begun ?? 0);
    },
  );
});

describe('soak exec', () => {
  const executed = async (sources: readonly string[], beginWithinMs: number) =>
    executeWithRetries({
      notebook: codeNotebook('exec.ipynb', sources),
      arm: 'exec',
      makeCommand: await releasedKernel('control', true),
      traffic: 'widgets',
      attempts: 3,
      context: { ...real.context, timeoutMs: 60_000, beginWithinMs },
      signal: new AbortController().signal,
      drawSeed: () => 1,
      onBegin: async () => {},
      onAttempt: async () => {},
    });

  test.each([
    ['computes', COMPUTING_TASK(10)],
    ['sleeps', SLEEPING_CALLBACK(10)],
  ] as const)('executes each cell once, however long a task of an earlier one %s', async (name, cells) => {
    if (name === 'sleeps' && process.platform !== 'linux') return;
    const log = join(folder.path, `${name}.log`);
    const first = `open(${JSON.stringify(log)}, "a").write("x")\n${cells[0]}`;
    const end = await executed([first, ...cells.slice(1)], 2_000);
    expect(end).toMatchObject({ exitCode: 0, attempts: 1 });
    expect(await readFile(log, 'utf8')).toBe('x');
  });
});
