import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import { packageRoot } from '../model/package-root.ts';
import { Reaper } from './reaper.ts';

// "Within a second or so"; the machine may be busy with other tests.
const DEADLINE_MS = 5_000;
const FIXTURE = fileURLToPath(new URL('./reaper.fixture.ts', import.meta.url));

let python: string;

beforeAll(async () => {
  ({ python } = await testEnvironment());
});

/** Signal 0 also reaches processes that have ended and were not waited for: none here, their parent is gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function fullFolder(name = 'run'): string {
  const folder = join(temporaryFolder(), name);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  writeFileSync(join(folder, 'tmp', 'data'), 'x');
  return folder;
}

async function sleeper(): Promise<ChildProcess> {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return child;
}

describe.skipIf(process.platform === 'win32')('when the harness is gone', () => {
  // SIGKILL leaves it no moment; the others are those that it gets without a handler.
  test.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s, what is held is ended with its children and folder, what was released is not',
    async (signal) => {
      const folder = fullFolder();
      const releasedFolder = fullFolder();
      const harness = spawn(process.execPath, ['--import', 'tsx', FIXTURE, python, folder, releasedFolder], {
        cwd: packageRoot(),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(harness.stdout, 'data')) as [Buffer];
      const { held, released } = JSON.parse(line.toString());
      try {
        for (const pid of [held.leader, held.child, released.leader]) expect(isAlive(pid)).toBe(true);
        const exited = once(harness, 'exit');
        harness.kill(signal);
        await exited;
        await eventually(
          'the end of what was held',
          () => !isAlive(held.leader) && !isAlive(held.child),
          DEADLINE_MS,
        );
        await eventually('the end of its folder', () => !existsSync(folder), DEADLINE_MS);
        expect(isAlive(released.leader)).toBe(true);
        expect(isAlive(released.child)).toBe(true);
        expect(existsSync(releasedFolder)).toBe(true);
      } finally {
        process.kill(-released.leader, 'SIGKILL');
      }
    },
  );

  test('in the middle of a line to it, all the same', async () => {
    const folder = fullFolder('Läufe – ラン');
    const kernel = await sleeper();
    // As on a machine whose text encoding is not UTF-8.
    const script = join(packageRoot(), 'arms', 'runtime', 'reaper.py');
    const reaper = spawn(python, ['-I', '-S', script], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { LC_ALL: 'en_US.ISO-8859-1' },
    });
    const exited = Promise.all([once(kernel, 'exit'), once(reaper, 'exit')]);
    reaper.stdin.end(`+ ${JSON.stringify({ pid: kernel.pid, folder })}\n+ {"pid": 12, "fol`);
    expect(await exited).toEqual([
      [null, 'SIGKILL'],
      [0, null],
    ]);
    expect(existsSync(folder)).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('stop', () => {
  test('ends what is still held and leaves what was released', async () => {
    const [held, released] = await Promise.all([sleeper(), sleeper()]);
    const heldFolder = fullFolder();
    const releasedFolder = fullFolder();
    const reaper = await Reaper.start(python);
    reaper.hold(held.pid ?? 0, heldFolder);
    reaper.hold(released.pid ?? 0, releasedFolder);
    reaper.release(released.pid ?? 0);
    const exited = once(held, 'exit');
    await reaper.stop();
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(existsSync(heldFolder)).toBe(false);
    expect(existsSync(releasedFolder)).toBe(true);
    expect(released.exitCode ?? released.signalCode).toBeNull();
    const end = once(released, 'exit');
    released.kill('SIGKILL');
    await end;
  });

  test('is content with a process that has ended and a folder that is gone', async () => {
    const gone = await sleeper();
    const exited = once(gone, 'exit');
    gone.kill('SIGKILL');
    await exited;
    const reaper = await Reaper.start(python);
    reaper.hold(gone.pid ?? 0, join(temporaryFolder(), 'gone'));
    await reaper.stop();
  });

  test('does not wait for ever for a reaper that somebody killed', async () => {
    const reaper = await Reaper.start(python);
    const before = await childrenOf(process.pid);
    const pid = before.find(({ command }) => command.includes('reaper.py'))?.pid ?? 0;
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, 'SIGKILL');
    await eventually('the end of the reaper', () => !isAlive(pid), DEADLINE_MS);
    reaper.hold(2 ** 30, '/nonexistent');
    await reaper.stop();
  });
});

async function childrenOf(parent: number): Promise<{ pid: number; command: string }[]> {
  const ps = spawn('ps', ['-eo', 'pid=,ppid=,args='], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of ps.stdout) text += chunk;
  return text
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => Number(match?.[2]) === parent)
    .map((match) => ({ pid: Number(match?.[1]), command: match?.[3] ?? '' }));
}

test('one that cannot be started says so', async () => {
  await expect(Reaper.start(join(temporaryFolder(), 'no-python'))).rejects.toThrow(/ENOENT/);
});
