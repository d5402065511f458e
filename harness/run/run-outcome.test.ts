import { expect, test } from 'vitest';
import type { RunningKernel } from '../kernel/launch.ts';
import { startFailure } from './run-outcome.ts';

function ended(words: string): RunningKernel {
  const exit = { code: 1, signal: null };
  return { exit, lost: null, stderrTail: () => words } as Partial<RunningKernel> as RunningKernel;
}

test.each([
  ['libzmq on POSIX', "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:36369')"],
  ['libzmq on Windows', "zmq.error.ZMQError: Address in use (addr='tcp://127.0.0.1:36369')"],
  ['Windows', 'OSError: [WinError 10048] Only one usage of each socket address is normally permitted'],
])('a port that was taken is a fault of the harness, in the words of %s', (_whose, words) => {
  expect(startFailure('it never was ready', ended(words))).toMatchObject({
    kind: 'harness-fault',
    source: 'harness',
  });
});

test('a kernel that dies of something else has failed to start', () => {
  expect(startFailure('it never was ready', ended('ImportError: no module named zmq'))).toMatchObject({
    kind: 'start-failed',
    source: 'kernel',
  });
});
