import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FaultName } from '../../tools/testing/faulty-kernel.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import type { Outcome } from '../model/outcome.ts';

const TIMEOUT_MS = 1_000;
const STOPPED_MS = 2_500;

let python: string;
beforeAll(async () => {
  python = await testPython();
});

/** The outcome of a run whose harness writes to a pipe that nobody reads for a while, as with a paused `less`. */
async function outcomeOfUnread(name: FaultName, unreadMs: number): Promise<Outcome> {
  const script = fileURLToPath(new URL('../../tools/testing/stalled-harness.fixture.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, python, name, '0', String(TIMEOUT_MS), '4000000'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'readable');
  await new Promise((resolve) => setTimeout(resolve, unreadMs));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  return JSON.parse(last) as Outcome;
}

/** The outcome of a run whose harness is stopped while the faulty cell is unanswered. */
async function outcomeOfStopped(name: FaultName, delayMs: number, stoppedMs: number): Promise<Outcome> {
  const script = fileURLToPath(new URL('../../tools/testing/stalled-harness.fixture.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, python, name, String(delayMs), String(TIMEOUT_MS)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'cell 3' && stoppedMs > 0) {
      // The request is on its way within milliseconds; the deadline is far.
      await new Promise((resolve) => setTimeout(resolve, 100));
      child.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, stoppedMs));
      child.kill('SIGCONT');
    }
    last = line;
  }
  await exited;
  return JSON.parse(last) as Outcome;
}

// Windows has no such signals.
describe.skipIf(process.platform === 'win32')('a harness that was stopped beyond the deadline', () => {
  test('takes an answer that came in time for what it is, or says nothing of the kernel', async () => {
    const { kind, source } = await outcomeOfStopped('late', TIMEOUT_MS / 2, STOPPED_MS);
    expect(['completed', 'harness-fault']).toContain(kind);
    expect([null, 'harness']).toContain(source);
  });

  test('gives no verdict on a kernel that was silent meanwhile', async () => {
    const outcome = await outcomeOfStopped('never-replies', 0, STOPPED_MS);
    expect(outcome).toMatchObject({ kind: 'harness-fault', source: 'harness' });
    expect(outcome.reason).toMatch(/event loop was stalled for 2\.\d s/);
  });

  test('gives it where it was not stopped: the same run, the other verdict', async () => {
    const outcome = await outcomeOfStopped('never-replies', 0, 0);
    expect(outcome).toMatchObject({ kind: 'wedged-mute', source: 'kernel' });
  });
});

// Measured: Node keeps what a pipe does not take, 4 MB of it, and goes on; only a terminal that is held stops it.
test.skipIf(process.platform === 'win32')(
  'a pipe that nobody reads, as of a paused less, holds no run up: the verdict is the same',
  async () => {
    expect(await outcomeOfUnread('never-replies', STOPPED_MS)).toMatchObject({
      kind: 'wedged-mute',
      source: 'kernel',
    });
  },
);
