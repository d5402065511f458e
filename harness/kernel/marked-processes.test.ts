import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { descendantsOf, MarkedProcesses, RUN_VARIABLE } from './marked-processes.ts';
import { removePrivateFolder } from './private-folder.ts';
import { killMarked, killRun } from './process-tree.ts';
import { Reaper } from './reaper.ts';

const isLinux = process.platform === 'linux';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isLinux || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('in a process table', () => {
  const folder = '/tmp/soak-0123456789ab';
  let proc: string;

  function add(pid: number, ...variables: string[]): void {
    mkdirSync(join(proc, String(pid)), { recursive: true });
    writeFileSync(join(proc, String(pid), 'environ'), variables.map((each) => `${each}\0`).join(''));
  }

  beforeAll(() => {
    proc = temporaryFolder();
    add(2);
    add(10, 'PATH=/bin', `${RUN_VARIABLE}=${folder}`);
    add(11, `${RUN_VARIABLE}=${folder}/run-1`);
    add(12, `${RUN_VARIABLE}=${folder}0`, 'PATH=/bin');
    add(13, `X${RUN_VARIABLE}=${folder}`);
    add(14, 'PATH=/bin', `${RUN_VARIABLE}=${folder}\0left of a longer one`);
    add(15, `${RUN_VARIABLE}=/tmp/soak-fork-a`);
    mkdirSync(join(proc, '16'));
    mkdirSync(join(proc, 'self'));
    writeFileSync(join(proc, 'uptime'), '1');
  });

  test('those are a run’s whose mark is its folder or one within it', () => {
    expect(new MarkedProcesses(proc).of(folder).sort()).toEqual([10, 11, 14]);
    expect(new MarkedProcesses(proc).of('/tmp/soak-fork-a')).toEqual([15]);
    expect(new MarkedProcesses(proc).of('/tmp/soak-none')).toEqual([]);
    // Every folder is within it: without this, one run's end would be that of all others.
    expect(() => new MarkedProcesses(proc).of('')).toThrow(RangeError);
  });

  test('those of others are known again, and one that has just been forked is looked at once more', async () => {
    const marked = new MarkedProcesses(proc);
    add(20, 'PATH=/bin');
    expect(marked.of(folder)).not.toContain(20);
    add(20, `${RUN_VARIABLE}=${folder}`); // it has become its program
    expect(marked.of(folder)).toContain(20);
    rmSync(join(proc, '20'), { recursive: true });
    expect(marked.of(folder).sort()).toEqual([10, 11, 14]);
  });

  test('everything below a process, whichever thread started it', () => {
    const tree = temporaryFolder();
    const children: [string, string][] = [
      ['1/task/1', '2 3 '],
      ['1/task/9', '4 '],
      ['3/task/3', '5 '],
      ['5/task/5', '1 '], // what cannot be
    ];
    for (const [task, list] of children) {
      mkdirSync(join(tree, task), { recursive: true });
      writeFileSync(join(tree, task, 'children'), list);
    }
    expect(descendantsOf(1, tree).sort()).toEqual([1, 2, 3, 4, 5]);
    expect(descendantsOf(77, tree)).toEqual([]);
  });
});

/** A leader with whatever its Python starts, which says the ids of what it started. */
async function leader(
  python: string,
  code: string,
  folder: string,
): Promise<{ pid: number; others: number[] }> {
  const child: ChildProcess = spawn(python, ['-I', '-S', '-c', `import os, subprocess, sys, time\n${code}`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], [RUN_VARIABLE]: folder },
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { pid: child.pid ?? 0, others: line.toString().trim().split(' ').map(Number) };
}

// A grandchild in a session of its own whose parent has ended: neither group nor tree has it.
const DAEMON = `
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writing, str(os.getpid()).encode())
        os.closerange(0, 100)
        time.sleep(600)
    os._exit(0)
os.wait()
print(os.read(reading, 100).decode(), flush=True)
time.sleep(600)`;

const KINDS = {
  'a daemon that forked twice': DAEMON,
  'a child in a session of its own, without a variable':
    'print(subprocess.Popen(["sleep", "600"], start_new_session=True, env={}).pid, flush=True); time.sleep(600)',
  'one below that, while its parent lives':
    'print(subprocess.Popen(["sh", "-c", "env -i setsid sleep 600 & echo $!; wait"], start_new_session=True, stdout=subprocess.PIPE).stdout.readline().decode(), flush=True); time.sleep(600)',
};

describe.runIf(isLinux)('what leaves its group', () => {
  let python: string;
  const started: number[] = [];
  beforeAll(async () => {
    python = await testPython();
  });
  afterEach(() => {
    for (const pid of started.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });

  test.each(Object.entries(KINDS))('is ended with it: %s', async (_what, code) => {
    const folder = temporaryFolder();
    const { pid, others } = await leader(python, code, folder);
    started.push(pid, ...others);
    for (const each of [pid, ...others]) expect(isAlive(each)).toBe(true);
    await killRun(pid, folder);
    await killMarked(folder);
    await eventually('the end of all', () => [pid, ...others].every((each) => !isAlive(each)));
  });

  test('is left where it is another run’s', async () => {
    const mine = await leader(python, DAEMON, join(temporaryFolder(), 'mine'));
    const folder = join(temporaryFolder(), 'other');
    const other = await leader(python, DAEMON, folder);
    started.push(mine.pid, ...mine.others, other.pid, ...other.others);
    await killRun(other.pid, folder);
    await killMarked(folder);
    await eventually('the end of the other', () => other.others.every((each) => !isAlive(each)));
    for (const each of [mine.pid, ...mine.others]) expect(isAlive(each)).toBe(true);
  });

  test('is not, on systems that do not show it: their group alone is', async () => {
    const folder = temporaryFolder();
    const { pid, others } = await leader(python, DAEMON, folder);
    started.push(pid, ...others);
    await killRun(pid, folder, 'darwin');
    await killMarked(folder, 'darwin');
    await eventually('the end of the leader', () => !isAlive(pid));
    expect(others.every(isAlive)).toBe(true);
  });

  test('is ended by the reaper too, also of a folder whose process it was not told of', async () => {
    const reaper = await Reaper.start(python);
    const held = temporaryFolder();
    const early = reaper.makeFolder('soak-');
    const one = await leader(python, DAEMON, held);
    const two = await leader(python, DAEMON, early);
    const all = [one.pid, ...one.others, two.pid, ...two.others];
    started.push(...all);
    reaper.hold(one.pid, held);
    await reaper.stop();
    await eventually('the end of all', () => all.every((each) => !isAlive(each)));
    expect(existsSync(held) || existsSync(early)).toBe(false);
  });

  test('costs little to look for', async () => {
    const marked = new MarkedProcesses();
    marked.of('/nowhere');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    marked.of('/nowhere');
    const tookMs = Array.from({ length: 20 }, () => {
      const startMs = performance.now();
      marked.of('/nowhere');
      return performance.now() - startMs;
    });
    // Others use the machine too.
    expect(Math.min(...tookMs)).toBeLessThan(5);
  });
});

// To the superuser every folder is open.
describe.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
  'a folder whose rights are gone',
  () => {
    test('is removed all the same', async () => {
      const folder = join(temporaryFolder(), 'run');
      const inner = join(folder, 'tmp', 'closed');
      mkdirSync(inner, { recursive: true });
      writeFileSync(join(inner, 'file'), 'x');
      chmodSync(inner, 0);
      chmodSync(folder, 0o500);
      await removePrivateFolder(folder);
      expect(existsSync(folder)).toBe(false);
    });
  },
);
