import { describe, expect, test } from 'vitest';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { CLIENT_COUNTERS, type ClientCounters, type Stall } from '../model/client.ts';
import type { Look } from '../model/observations.ts';
import {
  type ClientFacts,
  classifyClient,
  countersShowStall,
  isClientStrand,
  stallReason,
} from './classify-client.ts';

const zeros = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
const kernel = (counts: Partial<KernelCounters>): KernelCounters => ({
  ...zeros(KERNEL_COUNTERS),
  ...counts,
});
const client = (counts: Partial<ClientCounters>): ClientCounters => ({
  ...zeros(CLIENT_COUNTERS),
  ...counts,
});
const error = (...classes: string[]) => ({ classes, ename: classes[0] ?? '', evalue: 'why' });

/** Five requests, all answered and taken. */
const SETTLED = {
  kernel: kernel({ delivered: 5, begun: 5, ended: 5, replies: 5 }),
  client: client({ shellSends: 5, sends: 5, executes: 4, taken: 5 }),
};

const facts = (over: Partial<ClientFacts>): ClientFacts => ({
  error: undefined,
  exitWords: 'exit code 1',
  ...SETTLED,
  waitedMs: 10_000,
  stalls: [],
  idle: { busiestShare: 0, lastShare: 0 },
  threads: null,
  isReplaced: false,
  hasKernelEnded: false,
  ...over,
});

const LOOK: Look = {
  fdReadable: false,
  fdRegistered: true,
  pollin: true,
  pollout: true,
  receiving: true,
  threads: { MainThread: ['selectors.py:468 select'] },
};

describe('certificate', () => {
  test('each of its parts is needed', () => {
    expect(isClientStrand(LOOK)).toBe(true);
    const without: Partial<Look>[] = [
      { fdReadable: true },
      { fdRegistered: false },
      { pollin: false },
      { receiving: false },
      { threads: { MainThread: ['widget.py:3 compute'] } },
    ];
    for (const change of without) expect(isClientStrand({ ...LOOK, ...change })).toBe(false);
  });

  test('counters show a stall only where the kernel has replied, is at rest and owes nothing', () => {
    const owed = client({ ...SETTLED.client, taken: 4 });
    expect(countersShowStall(SETTLED.kernel, owed)).toBe(true);
    expect(countersShowStall(SETTLED.kernel, SETTLED.client)).toBe(false);
    expect(countersShowStall(kernel({ ...SETTLED.kernel, ended: 4 }), owed)).toBe(false);
    expect(countersShowStall(kernel({ ...SETTLED.kernel, delivered: 4 }), owed)).toBe(false);
  });
});

const UNREAD: Partial<ClientFacts> = {
  error: error('CellTimeoutError', 'TimeoutError'),
  client: client({ shellSends: 6, executes: 5, taken: 5 }),
};
const AT_WORK: Partial<ClientFacts> = {
  error: error('CellTimeoutError'),
  kernel: kernel({ ...SETTLED.kernel, ended: 4, replies: 4 }),
};

describe('outcome of a client that ended or stood still', () => {
  const idle = { exitWords: null } as const;
  test.each<[string, Partial<ClientFacts>, string, string | null]>([
    ['it finished', { error: null, exitWords: 'exit code 0' }, 'completed', null],
    ['a cell raised', { error: error('CellExecutionError') }, 'cell-error', 'notebook'],
    ['a cell raised under papermill', { error: error('PapermillExecutionError') }, 'cell-error', 'notebook'],
    ['the kernel died', { error: error('DeadKernelError', 'RuntimeError') }, 'died', 'kernel'],
    ['it failed by itself', { error: error('KeyError') }, 'died', 'client'],
    ['it was killed', { exitWords: 'killed by SIGKILL' }, 'died', 'client'],
    [
      'it failed before a cell',
      { error: error('RuntimeError'), client: client({ shellSends: 1 }) },
      'start-failed',
      'client',
    ],
    [
      'time-out, a request unread',
      {
        error: error('CellTimeoutError', 'TimeoutError'),
        client: client({ shellSends: 6, executes: 5, taken: 5 }),
      },
      'wedged-mute',
      'kernel',
    ],
    [
      'time-out, a request unread by a kernel that computes',
      { ...UNREAD, idle: { busiestShare: 1, lastShare: 0.9 } },
      'busy',
      'notebook',
    ],
    [
      'time-out, a request unread by a kernel that had computed',
      { ...UNREAD, idle: { busiestShare: 1, lastShare: 0 } },
      'hung',
      'notebook',
    ],
    [
      'time-out, a request unread by a main thread that sleeps',
      { ...UNREAD, threads: { MainThread: ['events.py:80 _run'] } },
      'hung',
      'notebook',
    ],
    [
      'time-out, a request unread, nothing known of the process',
      { ...UNREAD, idle: null },
      'no-answer',
      null,
    ],
    [
      'time-out, the cell at work',
      { ...AT_WORK, idle: { busiestShare: 1, lastShare: 1 } },
      'busy',
      'notebook',
    ],
    ['time-out, the cell waiting', AT_WORK, 'hung', 'notebook'],
    ['the process was replaced while it worked', { ...AT_WORK, isReplaced: true }, 'died', 'kernel'],
    [
      'counters that cannot be right',
      { ...UNREAD, kernel: kernel({ ...SETTLED.kernel, ended: 6 }) },
      'no-answer',
      null,
    ],
    [
      'deadline, a reply not taken',
      { ...idle, client: client({ ...SETTLED.client, taken: 4 }) },
      'lost-reply',
      'client',
    ],
    ['deadline, every reply taken', idle, 'lost-idle', 'client'],
    ['deadline, no kernel', { ...idle, kernel: null }, 'start-failed', 'kernel'],
  ])('%s', (_what, over, kind, source) => {
    expect(classifyClient(facts(over))).toMatchObject({ kind, source });
  });
});

test('a stall in a sentence says what was seen and how it ended', () => {
  const stall: Stall = {
    cell: 3,
    request: 'execute_request',
    waitedMs: 1_120,
    replies: 6,
    taken: 5,
    cpuShare: 0,
    look: LOOK,
    end: 're-arm',
    endedAfterMs: 2.3,
  };
  expect(stallReason(stall)).toMatch(/sent 6 replies .* taken 5 for 1\.1 s.*POLLIN.*take it within 3 ms$/);
  const waited = stallReason({ ...stall, look: null, end: 'time-out', endedAfterMs: 6_010 });
  expect(waited).toMatch(/own poll timed out, 6\.0 s after it came$/);
  expect(waited).not.toContain('POLLIN');
});
