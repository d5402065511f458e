import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  FAULTS,
  type FaultName,
  type FaultyBehaviour,
  type HostileFault,
  type OddBehaviour,
} from '../../tools/testing/faulty-kernel.ts';
import {
  FAULTY_CELL,
  FAULTY_CELLS,
  FAULTY_TIMEOUT_MS,
  type FaultyRuns,
  faultyRuns,
} from '../../tools/testing/faulty-run.ts';
import { hasProcessorTimes } from '../../tools/testing/processor-times.ts';
import type { Observations } from '../model/observations.ts';
import type { LikelySource, OutcomeKind } from '../model/outcome.ts';
import { TRACE_EVENTS } from '../model/trace.ts';
import type { RunContext } from './run-context.ts';

let runs: FaultyRuns;

beforeAll(async () => {
  runs = await faultyRuns();
});

afterAll(() => runs.close());

const provoked: FaultyRuns['provoked'] = (...args) => runs.provoked(...args);

/** Command lines of all processes; of one that ended meanwhile, nothing. */
async function linuxCommandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

interface Expectation {
  readonly kind: OutcomeKind;
  readonly source: LikelySource | null;
  readonly reason: RegExp;
  readonly behaviour?: Partial<FaultyBehaviour>;
  readonly context?: Partial<RunContext>;
  readonly observations?: Partial<Observations>;
  /** `null`: the outcome belongs to no cell. */
  readonly cell?: number | null;
  readonly rejected?: number;
}

const AT_THE_CELL = FAULTY_CELL - 1;
const SHORT_START = { startTimeoutMs: 1_500 };
// Only there the system says where another process's thread waits.
const ON_LINUX = process.platform === 'linux';
const ANSWERED = /every request was answered/;

const EXPECTED: Record<Exclude<FaultName, HostileFault | OddBehaviour>, Expectation> = {
  normal: { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },

  'port-taken': { kind: 'harness-fault', source: 'harness', reason: /a port .* was taken/, cell: null },
  'dies-at-start': { kind: 'start-failed', source: 'kernel', reason: /exit code 1/, cell: null },
  'never-binds': {
    kind: 'start-failed',
    source: 'kernel',
    reason: /no answer on the control channel/,
    context: SHORT_START,
    cell: null,
  },
  'silent-start': {
    kind: 'start-failed',
    source: 'kernel',
    reason: /no answer on the control channel/,
    context: SHORT_START,
    cell: null,
  },
  'slow-start': { kind: 'completed', source: null, reason: ANSWERED, behaviour: { delayMs: 700 } },

  'never-replies': {
    kind: 'wedged-mute',
    source: 'kernel',
    reason:
      /not begun; the process lives, control answers; a new shell peer was answered, the request was not/,
    observations: { heartbeat: true, control: true, peerAnswered: true, revivedByPeer: false },
  },
  'reply-without-idle': {
    kind: 'lost-idle',
    source: 'kernel',
    reason: /reply to execute_request came, the idle status did not/,
    observations: { replySeen: true, idleSeen: false },
  },
  'idle-without-reply': {
    kind: 'lost-reply',
    source: 'kernel',
    reason: /finished execute_request \(idle\) and no valid reply/,
    observations: { replySeen: false, idleSeen: true, rejected: 0 },
  },
  late: {
    kind: 'late',
    source: 'kernel',
    reason: /unanswered for 1\.\d s and then answered, after the deadline/,
    behaviour: { delayMs: FAULTY_TIMEOUT_MS + 600 },
    observations: { answeredLate: true },
  },
  'wrong-parent': {
    kind: 'lost-reply',
    source: 'kernel',
    reason: /messages not taken: 1 on shell \(their parent is no request of ours\)/,
    rejected: 1,
  },
  'wrong-parents': {
    kind: 'lost-reply',
    source: 'kernel',
    reason:
      /an answer came meanwhile that is none to it; .* 1 on shell \(their parent is no request of ours\)/,
    observations: { busySeen: true, idleSeen: false, answerAstray: true },
    rejected: 1,
  },
  'computes-first': {
    kind: 'busy',
    source: null,
    reason: /not begun; it uses \d+ % of a processor/,
    observations: { busySeen: false, control: true },
  },
  'bad-signature': {
    kind: 'lost-reply',
    source: 'kernel',
    reason: /messages not taken: 1 on shell \(bad signature\)/,
    rejected: 1,
  },
  unsigned: {
    kind: 'lost-reply',
    source: 'kernel',
    reason: /messages not taken: 1 on shell \(bad signature\)/,
    rejected: 1,
  },
  'replies-twice': { kind: 'completed', source: null, reason: ANSWERED, rejected: 1 },
  'cell-error': { kind: 'cell-error', source: 'notebook', reason: /a cell raised/ },
  aborted: { kind: 'cell-error', source: 'notebook', reason: /a cell raised/ },

  'busy-for-ever': {
    kind: 'busy',
    source: 'notebook',
    reason: /began execute_request .* uses \d+ % of a processor/,
    observations: { busySeen: true, control: true, peerAnswered: null },
  },
  'sleeps-first': ON_LINUX
    ? {
        kind: 'hung',
        source: null,
        reason: /not begun; it uses no processor time.*; its main thread waits for something else/,
        observations: { busySeen: false, control: true, peerAnswered: false },
      }
    : { kind: 'wedged-mute', source: 'kernel', reason: /a new shell peer was not answered either/ },
  'sleeps-for-ever': {
    kind: 'hung',
    source: 'notebook',
    reason: /began execute_request .* uses no processor time/,
    observations: { busySeen: true, control: true, peerAnswered: null },
  },
  exits: { kind: 'died', source: 'kernel', reason: /exit code 3/ },
  killed: { kind: 'died', source: 'kernel', reason: /killed by SIGKILL/ },
  aborts: { kind: 'died', source: 'kernel', reason: /killed by SIGABRT/ },
  'closes-shell': {
    kind: 'hung',
    source: 'kernel',
    reason: /began execute_request .* its shell port accepts no connection: the kernel has closed it/,
    observations: { heartbeat: true, control: true, shellPortOpen: false, peerAnswered: null },
  },
  strands: {
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /a new shell peer made the kernel turn to it: the request was queued there, unread/,
    observations: { control: true, shellPortOpen: true, peerAnswered: true, revivedByPeer: true },
  },

  // That the answer was right and the output was not is another endpoint's matter.
  'drops-output': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'doubles-output': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'moves-output': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'cuts-output': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  leaks: {
    kind: 'completed',
    source: null,
    reason: ANSWERED,
    behaviour: { count: 1_000_000, delayMs: 10 },
    rejected: 0,
  },

  // It asks of a client what only the one made for it does.
  'stalls-client': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'loses-interrupted': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'delays-interrupted': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'passes-interrupt-on': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'ignores-interrupt': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },

  'floods-iopub': {
    kind: 'completed',
    source: null,
    reason: ANSWERED,
    behaviour: { count: 20_000 },
    context: { timeoutMs: 30_000 },
    rejected: 0,
  },
  'floods-stdout': {
    kind: 'completed',
    source: null,
    reason: ANSWERED,
    behaviour: { count: 20_000_000 },
    context: { timeoutMs: 30_000 },
    rejected: 0,
  },
  // By a foreign key: one reply and two published messages. By a foreign session: two replies; what such a
  // session publishes has no parent of ours and is nobody's.
  forged: { kind: 'completed', source: null, reason: ANSWERED, rejected: 5 },
  'deep-json': {
    kind: 'completed',
    source: null,
    reason: ANSWERED,
    behaviour: { count: 20_000 },
    rejected: 2,
  },
  'huge-frame': {
    kind: 'completed',
    source: null,
    reason: ANSWERED,
    context: { timeoutMs: 30_000 },
    rejected: 0,
  },
  'invalid-utf8': { kind: 'completed', source: null, reason: ANSWERED },
  'proto-keys': { kind: 'completed', source: null, reason: ANSWERED, rejected: 0 },
  'wrong-header-type': { kind: 'completed', source: null, reason: ANSWERED },
};

const ON_POSIX_ALONE: readonly FaultName[] = ['killed', 'aborts'];
const NAMES = (Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]).filter(
  (name) => process.platform !== 'win32' || !ON_POSIX_ALONE.includes(name),
);

/** Their outcomes depend on a kernel that is seen to be idle. */
const IDLE: ReadonlySet<FaultName> = new Set<FaultName>([
  'never-replies',
  'reply-without-idle',
  'idle-without-reply',
  'wrong-parent',
  'wrong-parents',
  'bad-signature',
  'unsigned',
  'sleeps-first',
  'sleeps-for-ever',
  'closes-shell',
  'strands',
]);

describe('a run of a kernel that', () => {
  test.for(NAMES)('%s', async (name, { skip }) => {
    skip(!hasProcessorTimes && IDLE.has(name), 'this system does not say which process is idle');
    const expected = EXPECTED[name];
    const { record } = await provoked({ name, ...expected.behaviour }, expected.context);
    const { outcome } = record;

    expect({ kind: outcome.kind, source: outcome.source }).toEqual({
      kind: expected.kind,
      source: expected.source,
    });
    expect(outcome.reason).toMatch(expected.reason);
    const isCompleted = expected.kind === 'completed';
    const cell = expected.cell === undefined ? (isCompleted ? null : AT_THE_CELL) : expected.cell;
    expect(outcome.cell).toBe(cell);
    if (expected.rejected !== undefined) expect(record.client.rejected).toBe(expected.rejected);
    if (expected.observations) expect(outcome.observations).toMatchObject(expected.observations);
    const { exit } = FAULTS[name];
    if (exit !== null && expected.kind !== 'harness-fault') expect(outcome.exit).toEqual(exit);
    expect(record.trace === undefined).toBe(isCompleted);
    if (isCompleted) expect(record.cellMs).toHaveLength(FAULTY_CELLS);
    // No verdict waits longer than its deadline, a grace and a few questions.
    else expect(record.notebookMs ?? 0).toBeLessThan(10_000);
  });
});

const FLOOD_TRIES = 3;

/** How far the process grew while a flood of that many messages was taken in, MiB. */
async function floodMebibytes(count: number): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  try {
    const { record } = await provoked({ name: 'floods-iopub', count }, { timeoutMs: 60_000 });
    expect(record.outcome.kind).toBe('completed');
  } finally {
    clearInterval(sampling);
  }
  return (peak - before) / 2 ** 20;
}

// What is kept of a message does not depend on the system, and Windows takes minutes to send so many.
test.skipIf(process.platform === 'win32')('a flood of messages is taken in, in bounded memory', async () => {
  // What is unread when the kernel was faster than this process weighs too, and how much that is depends on what else the
  // machine does. What is kept would weigh as much every time.
  const seen: number[] = [];
  while (seen.length < FLOOD_TRIES && !seen.some((mebibytes) => mebibytes < 400)) {
    seen.push(await floodMebibytes(200_000));
  }
  expect(Math.min(...seen), `of ${seen.join(', ')}`).toBeLessThan(400);
});

// The first comes while the watch gathers what it will say. On a machine that stands still it may come in time.
test.each([70, 300])(
  'an answer %d ms after the deadline does not let the run go on',
  { retry: 2 },
  async (ms) => {
    const { record } = await provoked({ name: 'late', delayMs: FAULTY_TIMEOUT_MS + ms });
    expect(record.outcome.kind).toBe('late');
    expect(record.client.byType['execute_request']).toBe(FAULTY_CELL);
  },
);

test.runIf(hasProcessorTimes)(
  'without an answer in the grace either, the request is hung, not late',
  async () => {
    const { record } = await provoked({ name: 'late', delayMs: 30_000 });
    expect(record.outcome.kind).toBe('hung');
  },
);

test('requests queued behind an error are aborted by the kernel, and no wedge', async () => {
  const { record } = await provoked({ name: 'aborted', delayMs: 300 }, {}, 'pipeline');
  expect(record.outcome).toMatchObject({ kind: 'cell-error', cell: AT_THE_CELL });
});

test('the trace tells the end of the story: the request, the deadline, the new peer, the revived answer', async () => {
  const { record } = await provoked({ name: 'strands' });
  const trace = record.trace ?? [];
  expect(trace.length).toBeLessThanOrEqual(TRACE_EVENTS);
  expect([...trace].sort((a, b) => a.atMs - b.atMs)).toEqual(trace);
  const executes = trace.filter(({ what, type }) => what === 'sent' && type === 'execute_request');
  const stranded = executes.at(-1);
  expect(executes).toHaveLength(FAULTY_CELL);
  const oracle = trace.filter(({ what }) => what === 'oracle').map(({ type }) => type);
  expect(oracle).toEqual(['the deadline has passed', 'a new shell peer asks kernel_info', 'verdict']);
  const peerAt = trace.find(({ type }) => type.startsWith('a new shell peer'))?.atMs ?? 0;
  const firstWord = trace.find(({ what, request }) => what === 'received' && request === stranded?.request);
  expect(firstWord?.atMs).toBeGreaterThan(peerAt);
  expect(peerAt - (stranded?.atMs ?? 0)).toBeGreaterThanOrEqual(FAULTY_TIMEOUT_MS);
});

test('nothing of a wedged run is left: neither folder nor listening kernel', async () => {
  const { folder } = await provoked({ name: 'strands' });
  expect(folder).not.toBe('');
  expect(existsSync(folder)).toBe(false);
  const commandLines = process.platform === 'linux' ? await linuxCommandLines() : [];
  expect(commandLines.filter((line) => line.includes(folder))).toEqual([]);
});
