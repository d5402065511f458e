import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../tools/testing/bare-client.ts';
import { faultyKernelCommand } from '../../../tools/testing/faulty-kernel.ts';
import {
  type RealSurroundings,
  realSurroundings,
  temporaryFolder,
} from '../../../tools/testing/real-experiment.ts';
import { testPython } from '../../../tools/testing/test-python.ts';
import { KernelClient } from '../../frontend/client.ts';
import { leadingCells, readNotebook } from '../../frontend/notebook.ts';
import { packageRoot } from '../../model/package-root.ts';
import { withForks } from '../../run/fork-context.ts';
import { awaitReady } from '../../run/ready.ts';
import { runSubject } from '../../run/run-subject.ts';
import type { RunningKernel } from '../launch.ts';
import { processSample } from '../process-sample.ts';
import { ForkLauncher } from './fork-launcher.ts';
import { ForkLaunchers } from './fork-launchers.ts';

const canFork = process.platform !== 'win32';

let surroundings: RealSurroundings;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let launchers: ForkLaunchers;
let said: string[];
const running: RunningKernel[] = [];

beforeAll(async () => {
  surroundings = await realSurroundings();
  folder = await temporaryFolder();
  said = [];
  launchers = new ForkLaunchers({
    method: 'fork',
    reaper: surroundings.context.reaper,
    onSpawned: (why) => said.push(why),
  });
}, 300_000);

afterEach(async () => {
  for (const kernel of running.splice(0)) {
    await kernel.dispose();
    await kernel.removeFolder();
  }
});

afterAll(async () => {
  await launchers.stop();
  await surroundings.close();
  await folder.remove();
});

async function kernelOf(arm: string, how: ForkLaunchers = launchers): Promise<RunningKernel> {
  const { makeCommand } = await surroundings.arm(arm);
  const { reaper, variables } = surroundings.context;
  const kernel = await how.launch({ makeCommand, cwd: packageRoot(), reaper, variables });
  running.push(kernel);
  return kernel;
}

async function saidBy(kernel: RunningKernel, code: string): Promise<string> {
  const client = new KernelClient(kernel.way);
  try {
    expect(await awaitReady(client, kernel, 30_000)).toMatchObject({ ready: true });
    let text = '';
    client.onIopub = (message) => {
      if (message.header.msg_type === 'stream') text += String(message.content['text']);
    };
    const request = client.request('execute_request', {
      code,
      silent: false,
      store_history: false,
      allow_stdin: false,
    });
    while (request.idleAtMs === null && kernel.exit === null) {
      await Promise.race([
        client.changed(),
        kernel.exited,
        new Promise((resolve) => setTimeout(resolve, 50)),
      ]);
    }
    return text.trim();
  } finally {
    await client.close();
  }
}

describe.runIf(canFork)('forked kernels', () => {
  test('are the arm, lead groups of their own, and share neither seeds nor connections', async () => {
    const code =
      'import os, random, tempfile, threading, uuid; print(os.getpid(), os.getsid(0), random.random(), uuid.uuid4(), tempfile.gettempdir(), os.getcwd())';
    const [one, two] = [await kernelOf('control'), await kernelOf('control')];
    const [first, second] = [(await saidBy(one, code)).split(' '), (await saidBy(two, code)).split(' ')];
    for (const [kernel, words] of [
      [one, first],
      [two, second],
    ] as const) {
      expect(words.slice(0, 2)).toEqual([String(kernel.pid), String(kernel.pid)]);
      expect(words[5]).toBe(packageRoot());
      expect(kernel.launched).toBe('fork');
      expect(kernel.identity()).toMatchObject({
        pid: kernel.pid,
        ipykernel: surroundings.environment.facts.ipykernel?.version,
      });
    }
    for (const index of [0, 2, 3, 4]) expect(first[index]).not.toBe(second[index]);
    expect(one.connection?.key).not.toBe(two.connection?.key);
    expect(said).toEqual([]);
  });

  test('take a notebook through, with counters and the right outputs', async () => {
    const notebook = leadingCells(await readNotebook(join(packageRoot(), 'notebooks', 'plain.ipynb')), 8);
    const arm = await surroundings.arm('stream');
    const order = {
      run: 'b000-stream',
      block: 0,
      position: 0,
      arm: 'stream',
      notebookIndex: 0,
      traffic: 'sequential',
      seed: 1,
    } as const;
    const signal = new AbortController().signal;
    const forked = await withForks(
      'fork',
      surroundings.context,
      (why) => said.push(why),
      (context) => runSubject(order, notebook, arm, context, signal),
    );
    const spawned = await runSubject(order, notebook, arm, surroundings.context, signal);
    for (const result of [forked, spawned]) {
      expect(result?.record.outcome).toMatchObject({ kind: 'completed' });
      expect(result?.record.kernel?.streamSends).toBe(result?.record.client.replies);
      expect(result?.record.launched).toBeUndefined();
    }
    expect(forked?.identity?.sources).toEqual(spawned?.identity?.sources);
    expect(said).toEqual([]);
  });

  test('say how they end, and what they wrote last', async () => {
    const gone = await kernelOf('control');
    await saidBy(
      gone,
      'import os, sys; os.write(sys.stderr._original_stdstream_copy, b"last words\\n"); os._exit(3)',
    );
    await gone.exited;
    expect(gone.exit).toEqual({ code: 3, signal: null });
    expect(gone.stderrTail()).toContain('last words');
    const killed = await kernelOf('control');
    await saidBy(killed, 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(killed.lost).toBeNull();
  });

  test('that are killed at once leave their launcher alone', async () => {
    const python = await testPython();
    const { reaper, variables } = surroundings.context;
    const makeCommand = (_folder: string, file: string) =>
      faultyKernelCommand({ name: 'never-binds' }, file, python);
    const start = () => launchers.launch({ makeCommand, cwd: packageRoot(), reaper, variables });
    for (let round = 0; round < 12; round += 1) {
      const kernels = await Promise.all(Array.from({ length: 12 }, start));
      running.push(...kernels);
      for (const { pid } of kernels) process.kill(pid, 'SIGKILL');
      for (const kernel of kernels) {
        expect(await kernel.exited).toEqual({ code: null, signal: 'SIGKILL' });
        expect(kernel.lost).toBeNull();
      }
    }
  });

  test('that end with their launcher are no kernel’s death; the next one is forked anew', async () => {
    const own = new ForkLaunchers({
      method: 'fork',
      reaper: surroundings.context.reaper,
      onSpawned: () => {},
    });
    try {
      const kernel = await kernelOf('control', own);
      const parent = Number(await saidBy(kernel, 'import os; print(os.getppid())'));
      expect(parent).toBeGreaterThan(1);
      process.kill(parent, 'SIGKILL');
      await kernel.exited;
      expect(kernel.lost).toContain('had forked the kernel ended');
      // Two at once share one that takes its place: of two launchers one would be left behind.
      const next = await Promise.all([kernelOf('control', own), kernelOf('control', own)]);
      const parents = await Promise.all(next.map((each) => saidBy(each, 'import os; print(os.getppid())')));
      expect(next.map(({ launched }) => launched)).toEqual(['fork', 'fork']);
      expect(new Set(parents).size).toBe(1);
    } finally {
      await own.stop();
    }
  });

  // By /proc, where the launcher is found before it says anything.
  test.runIf(process.platform === 'linux')(
    'are never spawned instead when a launcher is killed: an arm has one kind of kernels',
    async () => {
      const own = new ForkLaunchers({
        method: 'fork',
        reaper: surroundings.context.reaper,
        onSpawned: (why) => expect.fail(why),
      });
      const starting = () =>
        readdirSync('/proc').find((name) => {
          try {
            const [, , , parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(' ');
            const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
            return Number(parent) === process.pid && command.includes('soak_fork.py') && !seen.has(name);
          } catch {
            return false; // no process, or gone
          }
        });
      const seen = new Set<string>();
      for (let name = starting(); name !== undefined; name = starting()) seen.add(name);
      const killedWhileStarting = async () => {
        const asked = kernelOf('control', own).catch((error: unknown) => error);
        const name = await eventually('a launcher', () => starting() ?? null);
        seen.add(name);
        process.kill(Number(name), 'SIGKILL');
        return asked;
      };
      try {
        expect(await killedWhileStarting()).toMatchObject({ code: 'launcher-lost' });
        const kernel = await kernelOf('control', own);
        expect(kernel.launched).toBe('fork');
        const parent = Number(await saidBy(kernel, 'import os; print(os.getppid())'));
        seen.add(String(parent));
        process.kill(parent, 'SIGKILL');
        await kernel.exited;
        expect(await killedWhileStarting()).toMatchObject({ code: 'launcher-lost' });
        expect((await kernelOf('control', own)).launched).toBe('fork');
      } finally {
        await own.stop();
      }
    },
  );

  test('and their launcher are gone when it is stopped', async () => {
    const own = new ForkLaunchers({
      method: 'fork',
      reaper: surroundings.context.reaper,
      onSpawned: () => {},
    });
    const kernel = await kernelOf('control', own);
    const parent = Number(await saidBy(kernel, 'import os; print(os.getppid())'));
    await own.stop();
    await kernel.exited;
    // Killed, but not by their parent, who would know when they are gone.
    for (const pid of [parent, kernel.pid]) {
      await expect.poll(async () => (await processSample(pid))?.state ?? 'Z', { timeout: 10_000 }).toBe('Z');
    }
  });

  test('are not made of a process that importing left a thread in', async () => {
    const place = join(folder.path, 'threaded', 'ipykernel');
    await mkdir(place, { recursive: true });
    await writeFile(
      join(place, '__init__.py'),
      'import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n',
    );
    const { python } = surroundings.environment;
    const arm = { overlay: join(folder.path, 'threaded'), marks: 0 };
    const forkable = { python, arm, variables: {}, configPath: '', arguments: [] };
    const launcher = await ForkLauncher.start(forkable, surroundings.context.reaper);
    expect(launcher).toBe('importing ipykernel left 2 threads running');
  });

  test('are spawned where the arm says so', async () => {
    const { makeCommand } = await surroundings.arm('control');
    const { reaper } = surroundings.context;
    const kernel = await launchers.launch({
      makeCommand: (...places) => ({ ...makeCommand(...places), launch: 'spawn' }),
      cwd: packageRoot(),
      reaper,
    });
    running.push(kernel);
    expect(kernel.launched).toBe('spawn');
  });
});

test('on Windows kernels are spawned, and it is said why, once', async () => {
  const words: string[] = [];
  const own = new ForkLaunchers({
    method: 'fork',
    reaper: surroundings.context.reaper,
    onSpawned: (why) => words.push(why),
    platform: 'win32',
  });
  for (const kernel of [await kernelOf('control', own), await kernelOf('control', own)]) {
    expect(kernel.launched).toBe('spawn');
  }
  expect(words).toEqual(['Windows has no fork']);
  await own.stop();
});
