import { expect, test } from 'vitest';
import type { RunningKernel } from '../kernel/launch.ts';
import { startFailure } from './run-outcome.ts';

function ended(words: string, exit: RunningKernel['exit'] = { code: 1, signal: null }): RunningKernel {
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

test('also where the kernel lives on without the port, as tslab does', () => {
  const words =
    "UnhandledPromiseRejection: [Error: Address already in use] { errno: 98, code: 'EADDRINUSE' }";
  expect(startFailure('it was not ready by the start deadline', ended(words, null))).toMatchObject({
    kind: 'harness-fault',
    exit: null,
  });
});

test('a kernel that dies of something else has failed to start', () => {
  expect(startFailure('it never was ready', ended('ImportError: no module named zmq'))).toMatchObject({
    kind: 'start-failed',
    source: 'kernel',
  });
});
