import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { hasProcessorTimes } from '../../tools/testing/processor-times.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { dropProcessHelper, ProcessHelper, processHelper, useProcessHelper } from './process-helper.ts';
import { kernelSample, parseProcStat, processSample } from './process-sample.ts';
import { kernelEnvironmentVariables, killPlan, killTree, launchesDetached } from './process-tree.ts';
import { Reaper } from './reaper.ts';

const isPosix = process.platform !== 'win32';
let python: string;
let reaper: Reaper;

beforeAll(async () => {
  python = await testPython();
  reaper = await Reaper.start(python);
});

afterAll(() => reaper.stop());

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('how a tree is ended', () => {
  test.each(['linux', 'darwin', 'freebsd'] as const)('on %s: SIGKILL to the group', (platform) => {
    expect(killPlan(4321, platform)).toEqual({ how: 'signal-group', pid: -4321 });
    expect(launchesDetached(platform)).toBe(true);
  });

  test('on Windows: taskkill of the tree', () => {
    expect(killPlan(4321, 'win32')).toEqual({
      how: 'command',
      file: 'taskkill',
      args: ['/PID', '4321', '/T', '/F'],
    });
    expect(launchesDetached('win32')).toBe(false);
  });

  // kill(2): 0 is our own group, -1 everything that we may signal.
  test.each([1, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('never of %d', async (pid) => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(() => killPlan(pid, platform)).toThrow(RangeError);
    }
    await expect(killTree(pid)).rejects.toThrow(RangeError);
  });

  test.skipIf(!isPosix)('ends the leader and its children, and is content when they are gone', async () => {
    const leader = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(leader.stdout, 'data')) as [Buffer];
    const child = Number(line.toString());
    const pid = leader.pid ?? 0;
    expect(isAlive(child)).toBe(true);
    const exited = once(leader, 'exit');
    await killTree(pid);
    expect(await exited).toEqual([null, 'SIGKILL']);
    await eventually('the end of the child', () => !isAlive(child) || processState(child) === 'Z');
    await killTree(pid);
  });
});

function processState(pid: number): string | null {
  let state: string | null = null;
  void processSample(pid).then((sample) => {
    state = sample?.state ?? null;
  });
  return state;
}

describe('a kernel’s environment variables', () => {
  const session = {
    PATH: '/bin',
    HOME: '/home/me',
    LANG: 'C.UTF-8',
    LC_ALL: 'C',
    LD_LIBRARY_PATH: '/opt/lib',
    GITHUB_TOKEN: 'secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    npm_config__auth: 'secret',
    NODE_OPTIONS: '--inspect',
    PYTHONPATH: '/evil',
    PYTHONHOME: '/evil',
    PYTHONSTARTUP: '/evil.py',
    PYTHONDONTWRITEBYTECODE: '1',
    JUPYTER_PATH: '/evil',
    JUPYTER_CONFIG_DIR: '/evil',
    JPY_PARENT_PID: '1',
    IPYTHONDIR: '/evil',
    MPLBACKEND: 'Qt5Agg',
    VIRTUAL_ENV: '/other',
    EMPTY: undefined,
  };

  test('are what an interpreter needs of the session, and what the run adds', () => {
    expect(kernelEnvironmentVariables(session, { JPY_PARENT_PID: '42', MPLCONFIGDIR: '/m' })).toEqual({
      PATH: '/bin',
      HOME: '/home/me',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      LD_LIBRARY_PATH: '/opt/lib',
      JPY_PARENT_PID: '42',
      MPLCONFIGDIR: '/m',
    });
  });

  test('are known on Windows by any spelling', () => {
    const windows = { Path: 'C:\\bin', SystemRoot: 'C:\\Windows', windir: 'C:\\Windows', Token: 'secret' };
    const { Token: _secret, ...kept } = windows;
    expect(kernelEnvironmentVariables(windows, {})).toEqual(kept);
  });

  test('are the run’s where both have one', () => {
    expect(kernelEnvironmentVariables({ HOME: '/home/me' }, { HOME: '/run' })).toEqual({ HOME: '/run' });
  });
});

describe('a sample of a process', () => {
  const stat = (command: string) =>
    `4321 (${command}) S 1 4321 4321 0 -1 4194560 1000 0 0 0 123 45 0 0 20 0 5 0 100 1000 200 18446744073709551615`;

  test.each(['python', 'tmux: server', 'a) R 1 2 (b', ')', ''])('of the command %j', (command) => {
    expect(parseProcStat(stat(command))).toEqual({ cpuMs: 1680, state: 'S' });
  });

  test('is null where there is no such process', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    expect(await processSample(gone.pid ?? 0)).toBeNull();
    expect(await processSample(gone.pid ?? 0, 'darwin')).toBeNull();
  });

  test.runIf(hasProcessorTimes)(
    'counts CPU time as it is used, also by the helper beside the harness',
    async () => {
      const idle = spawn(python, ['-I', '-S', '-c', 'import time; print(1, flush=True); time.sleep(600)']);
      await once(idle.stdout, 'data');
      const busy = spawn(python, ['-I', '-S', '-c', 'while True: pass']);
      const until = performance.now() + 10_000;
      const cpuMs = async (pid: number | undefined, platform?: NodeJS.Platform) =>
        (await kernelSample({ pid: pid ?? 0 }, platform))?.cpuMs ?? 0;
      const idleMs = await cpuMs(idle.pid);
      while ((await cpuMs(busy.pid)) < 500 && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await cpuMs(busy.pid)).toBeGreaterThanOrEqual(500);
      expect(await cpuMs(busy.pid, 'darwin')).toBeGreaterThanOrEqual(500);
      expect((await cpuMs(idle.pid)) - idleMs).toBeLessThan(100);
      const [sample] = (await processHelper()?.sample([idle.pid ?? 0])) ?? [];
      expect(sample?.rssBytes).toBeGreaterThan(1 << 20);
      for (const child of [idle, busy]) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
    },
  );
});

// What `py`, `uv run`, `conda run`, a shim, or on Windows a venv's python.exe does: it starts the interpreter and waits.
const LAUNCHER =
  'import subprocess, sys; sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)';

describe.runIf(hasProcessorTimes)('a kernel behind a launcher', () => {
  test.each([
    ['that says which process it is', true],
    ['that does not say it', false],
  ])('%s is sampled itself, and not its launcher', async (_what, saysIt) => {
    const code = 'import os; print(os.getpid(), flush=True)\nwhile True: pass';
    const launcher = spawn(python, ['-I', '-S', '-c', LAUNCHER, '-I', '-S', '-c', code], {
      detached: launchesDetached(process.platform),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = launcher.pid ?? 0;
    reaper.hold(pid, 'no-folder');
    const [line] = (await once(launcher.stdout, 'data')) as [Buffer];
    const kernel = saysIt ? { pid, ownPid: Number(line.toString()) } : { pid };
    for (const platform of [process.platform, 'darwin'] as const) {
      const before = (await kernelSample(kernel, platform))?.cpuMs ?? Number.NaN;
      await eventually(
        `processor time of the kernel, on ${platform}`,
        async () => ((await kernelSample(kernel, platform))?.cpuMs ?? 0) - before > 300,
      );
    }
    const exited = once(launcher, 'exit');
    await killTree(pid);
    await exited;
    await eventually('the end of the kernel', () => !isAlive(Number(line.toString())));
    reaper.release(pid);
  });
});

test('one question is about any number of processes, and takes less than a millisecond', async () => {
  const helper = processHelper();
  const pids = Array.from({ length: 20 }, () => process.pid);
  const times: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    const startMs = performance.now();
    const samples = await helper?.sample(pids);
    times.push(performance.now() - startMs);
    expect(samples?.every((sample) => sample !== null && sample.cpuMs > 0)).toBe(true);
  }
  // A busy machine delays most of them: the quickest says what it takes.
  // Under Wine each of its questions to the system is one to Wine's server.
  if (isPosix) expect(Math.min(...times)).toBeLessThan(1);
});

test.each([
  ['a member that ended between the look and the kill', 1],
  ['another', 255],
  ['no such process', 128],
])(
  'taskkill that says %s (exit code %d) is no error: who waits for the end sees whether it came',
  async (_what, code) => {
    const folder = temporaryFolder();
    const file = join(folder, 'taskkill');
    writeFileSync(file, `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
    const lost = new ProcessHelper(() => {
      throw new Error('the pipe is closed');
    });
    useProcessHelper(lost);
    try {
      await killTree(4_000_000, 'win32');
    } finally {
      dropProcessHelper(lost);
      vi.unstubAllEnvs();
    }
  },
);
