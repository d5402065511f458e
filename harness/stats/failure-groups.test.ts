import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../model/journal.ts';
import { observationsSchema } from '../model/observations.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { areTelling, failureGroups, isOfGroup, MAX_GROUP_CELLS, MAX_GROUPS } from './failure-groups.ts';
import { FAULT_TEXT_LIMIT } from './faults.ts';

const journal = syntheticJournal({
  arms: [
    { name: 'control', role: 'control', hazard: 0 },
    { name: 'fix', role: 'treatment', hazard: 0 },
  ],
  blocks: 12,
});
const { protocol } = journal.experiment;
const runs = [...journal.runs];

/** The journal's runs, of which the first few have these outcomes. */
function withOutcomes(...outcomes: readonly Partial<Outcome>[]): RunRecord[] {
  return runs.map((run, index) => ({ ...run, outcome: { ...run.outcome, ...outcomes[index] } }));
}

function groupsOf(some: readonly RunRecord[], change: Partial<Protocol> = {}) {
  return failureGroups({ ...protocol, ...change }, some);
}

const raised = (ename: string, evalue: string, more: object = {}): Partial<Outcome> => ({
  kind: 'cell-error',
  source: 'notebook',
  cell: 3,
  error: { ename, evalue, ...more },
});
const died = (
  stderrTail: string,
  code: number | null = 1,
  signal: string | null = null,
): Partial<Outcome> => ({
  kind: 'died',
  source: 'kernel',
  cell: 2,
  exit: { code, signal },
  stderrTail,
});

describe('one group', () => {
  test.each([
    [
      'addresses',
      died('<foo.Bar object at 0x7f00deadbeef> is gone'),
      died('<foo.Bar object at 0x55d1c0ffee00> is gone'),
    ],
    [
      'process ids and times',
      died('[1234 12:01:02.5] kernel 77 lost'),
      died('[88 13:05:59.25] kernel 4 lost'),
    ],
    [
      'temporary paths',
      died("OSError: no such file: '/tmp/ipykernel_17/4242.py'"),
      died("OSError: no such file: '/var/folders/zz/T/abc_x1/other.py'"),
    ],
    [
      'temporary names of Windows',
      died('cannot read C:\\Users\\me\\AppData\\Local\\Temp\\tmpabcdefgh\\k.json'),
      died('cannot read C:\\Users\\you\\AppData\\Local\\Temp\\tmp12345678\\q.json'),
    ],
    [
      'ids',
      died('kernel 713d074d-3d43-4637-a2fa-e34ddfc86a6e'),
      died('kernel 00000000-1111-4637-a2fa-aaaaaaaaaaaa'),
    ],
    [
      'stacks below the message',
      died('Error: x\n    at f (a.js:1:2)\n\nNode.js v20.1.0'),
      died('Error: x\n    at g'),
    ],
    [
      'warnings after the message',
      died('Error: x\n[IPKernelApp] WARNING | no encryption\nlib.py:3: UserWarning: old\n  warn()'),
      died('Error: x'),
    ],
    [
      'warnings without a message',
      died('[IPKernelApp] WARNING | Kernel is running over TCP'),
      died('[W 2026-11-29 12:00:00.000 IPKernelApp] slow'),
    ],
    ['values in the message', raised('ValueError', 'got 3 of 0x12'), raised('ValueError', 'got 99 of 0xab')],
    [
      'messages, where the place is known',
      raised('KeyError', 'alpha', { line: 2 }),
      raised('KeyError', 'beta', { line: 2 }),
    ],
    [
      'lines of a library',
      raised('E', '', { line: 1, frame: 'decoder.py:353 raw_decode' }),
      raised('E', '', { line: 1, frame: 'decoder.py:361 raw_decode' }),
    ],
  ])('for different %s', (_what, one, other) => {
    const { groups } = groupsOf(withOutcomes(one, other));
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ status: 'competing', runs: 2 });
  });

  test('for a certified wedge, whatever its cell and request', () => {
    const wedge = (cell: number, unanswered: string): Partial<Outcome> => ({
      kind: 'wedged-stranded',
      source: 'kernel',
      cell,
      unanswered,
    });
    const found = groupsOf(withOutcomes(wedge(1, 'execute_request'), wedge(4, 'comm_msg')));
    expect(found.groups).toHaveLength(1);
    expect(found.groups[0]).toMatchObject({ status: 'event', cells: [{ cell: 1 }, { cell: 4 }] });
    expect(areTelling(found)).toBe(false);
  });
});

describe('two groups', () => {
  test.each([
    ['errors', raised('ValueError', 'x'), raised('KeyError', 'x')],
    ['messages without a place', raised('ValueError', 'no column'), raised('ValueError', 'no row')],
    ['cells', raised('E', ''), { ...raised('E', ''), cell: 4 }],
    ['lines of the cell', raised('E', '', { line: 1 }), raised('E', '', { line: 2 })],
    ['functions', raised('E', '', { frame: 'a.py:1 f' }), raised('E', '', { frame: 'a.py:1 g' })],
    ['exit codes', died('x', 1), died('x', 2)],
    ['signals', died('x', null, 'SIGSEGV'), died('x', null, 'SIGKILL')],
    ['last lines', died('TypeError: int64'), died('TypeError: int32')],
    [
      'files that are not temporary',
      died('cannot load /usr/lib/libone.so'),
      died('cannot load /usr/lib/libother.so'),
    ],
    [
      'requests',
      { kind: 'lost-reply', source: 'client', unanswered: 'execute_request' },
      { kind: 'lost-reply', source: 'client', unanswered: 'complete_request' },
    ],
    [
      'losers',
      { kind: 'lost-reply', source: 'client', unanswered: 'execute_request' },
      { kind: 'lost-reply', source: 'kernel', unanswered: 'execute_request' },
    ],
  ] satisfies [string, Partial<Outcome>, Partial<Outcome>][])('for different %s', (_what, one, other) => {
    const found = groupsOf(withOutcomes(one, other));
    expect(found.groups).toHaveLength(2);
    expect(areTelling(found)).toBe(true);
  });

  test('for different stacks of the main thread; their lines do not matter', () => {
    const hung = (...frames: string[]): Partial<Outcome> => ({
      kind: 'hung',
      observations: observationsSchema.parse({
        ...SEEN,
        threads: { MainThread: frames, Other: ['x.py:1 y'] },
      }),
    });
    const { groups } = groupsOf(
      withOutcomes(
        hung('threading.py:320 wait', '1234567.py:1 <module>'),
        hung('threading.py:327 wait', '89.py:4 <module>'),
        hung('socket.py:5 recv'),
      ),
      { endpoint: 'hung' },
    );
    expect(groups.map(({ runs: many, fault }) => [many, fault])).toEqual([
      [2, { is: 'stack', kind: 'hung', frames: ['threading.py wait', '#.py <module>'] }],
      [1, { is: 'stack', kind: 'hung', frames: ['socket.py recv'] }],
    ]);
  });
});

const SEEN = {
  request: 'execute_request',
  waitedMs: 1,
  busySeen: true,
  replySeen: false,
  idleSeen: false,
  sent: 1,
  rejected: 0,
  counters: null,
  cpuShare: 0,
  processState: 'S',
  heartbeat: true,
  control: true,
  look: null,
  revivedByRearm: null,
  revivedAfterMs: null,
  answeredLate: false,
  loopStallMs: 0,
  socketError: null,
};

describe('events that are seen on the way', () => {
  test('each lost output of a run is a group, once; another content is none', () => {
    const [first, second, ...others] = runs.map((run): RunRecord => ({ ...run, losses: [] }));
    const lost = { loss: 'missing', cell: 2, output: 'stdout' } as const;
    const { groups } = groupsOf(
      [
        { ...(first as RunRecord), losses: [lost, lost, { ...lost, loss: 'cut', at: 7 }] },
        { ...(second as RunRecord), losses: [lost, { ...lost, loss: 'differs' }] },
        ...others,
      ],
      { endpoint: 'lost-output' },
    );
    expect(groups.map(({ runs: many, fault }) => [many, fault])).toEqual([
      [2, { is: 'output', at: { notebook: 0, cell: 2 }, loss: 'missing', output: 'stdout' }],
      [1, { is: 'output', at: { notebook: 0, cell: 2 }, loss: 'cut', output: 'stdout' }],
    ]);
  });

  test('output that is lost at more than three cells is one group, which names the cells', () => {
    const lossAt = (cell: number) => ({ loss: 'missing', cell, output: 'stdout' }) as const;
    const some = (cells: number) =>
      runs.map((run, index): RunRecord => ({ ...run, losses: index < cells ? [lossAt(index)] : [] }));
    const few = groupsOf(some(3), { endpoint: 'lost-output' }).groups;
    expect(few.map(({ fault }) => 'at' in fault && fault.at?.cell)).toEqual([0, 1, 2]);
    const { groups } = groupsOf(some(4), { endpoint: 'lost-output' });
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ runs: 4, furtherCells: 0, fault: { is: 'output', at: null } });
    expect(groups[0]?.cells.map(({ cell }) => cell)).toEqual([0, 1, 2, 3]);
    const [group] = groups;
    if (group === undefined) throw new Error('There is no group.');
    const fault = { is: 'output', at: { notebook: 0, cell: 9 }, loss: 'missing', output: 'stdout' } as const;
    expect(isOfGroup(fault, group)).toBe(true);
    expect(isOfGroup({ ...fault, loss: 'cut' }, group)).toBe(false);
  });

  test('a slow cell is named, and so is one that was late', () => {
    const some = runs.map((run, index): RunRecord => {
      if (index === 0) return { ...run, cellMs: [1, 9_000, 1] };
      const late = { ...run.outcome, kind: 'late', cell: 5, waitedMs: 9_000 } as const;
      return index === 1 ? { ...run, cellMs: [1], outcome: late } : { ...run, cellMs: [1] };
    });
    const { groups } = groupsOf(some, { endpoint: 'slow', slowAfterMs: 8_000 });
    expect(groups.map(({ status, fault }) => [status, fault])).toEqual([
      ['event', { is: 'slow', at: { notebook: 0, cell: 1 } }],
      ['event', { is: 'slow', at: { notebook: 0, cell: 5 } }],
    ]);
  });

  test('`any` has them all, and an error of the notebook is a competing event', () => {
    const memory = { measure: 'rss', peakBytes: 100, samples: 1 } as const;
    const some = withOutcomes(raised('E', ''), died('x')).map((run, index) => ({
      ...run,
      ...(index === 1 ? { memory } : {}),
    }));
    const { groups } = groupsOf(some, { endpoint: 'any', memoryAboveBytes: 99 });
    expect(groups.map(({ status, fault }) => `${status} ${fault.is}`).sort()).toEqual([
      'competing error',
      'event exit',
      'event memory',
    ]);
  });
});

test('counts are by arm, among the recorded runs but harness faults', () => {
  const some = runs.map((run): RunRecord => {
    if (run.arm === 'fix' && run.block < 3) return { ...run, outcome: { ...run.outcome, ...died('x') } };
    const isFault = run.arm === 'fix' && run.block === 5;
    return isFault ? { ...run, outcome: { ...run.outcome, kind: 'harness-fault' } } : run;
  });
  const [group] = groupsOf(some).groups;
  expect(group).toMatchObject({
    runs: 3,
    arms: [
      { arm: 'control', runs: 0, valid: 12 },
      { arm: 'fix', runs: 3, valid: 11 },
    ],
    example: 'b000-fix',
  });
});

test('runs without an event have no group', () => {
  expect(groupsOf(runs)).toEqual({ groups: [], rest: null });
});

const someOutcome = fc.oneof(
  fc.record({ ename: fc.string(), evalue: fc.string(), cell: fc.nat(5) }).map(({ ename, evalue, cell }) => ({
    ...raised(ename, evalue),
    cell,
  })),
  fc.record({ words: fc.string(), code: fc.nat(3) }).map(({ words, code }) => died(words, code)),
  fc.constant({}),
);

test('grouping does not depend on the order of the runs', () => {
  fc.assert(
    fc.property(
      fc.array(someOutcome, { minLength: 5, maxLength: runs.length }),
      fc.shuffledSubarray([...runs.keys()], { minLength: runs.length }),
      (outcomes, order) => {
        const made = withOutcomes(...outcomes);
        const shuffled = order.map((index) => made[index] as RunRecord);
        expect(groupsOf(shuffled)).toEqual(groupsOf(made));
      },
    ),
    { numRuns: 60 },
  );
});

describe('hostile journals', () => {
  const hostile = `\u001b]0;t\u0007\u202e${'/'.repeat(5_000)}${'9a'.repeat(100_000)}`;

  test('stay bounded: text, groups and cells', () => {
    const many = Array.from({ length: 60 }, (_, index): RunRecord => {
      const run = runs[index % runs.length] as RunRecord;
      const ename = `${String.fromCodePoint(0x61 + index)}${hostile}`;
      return {
        ...run,
        run: `r${index}`,
        outcome: { ...run.outcome, ...raised(ename, hostile), cell: index },
      };
    });
    const { groups, rest } = groupsOf(many);
    expect(groups).toHaveLength(MAX_GROUPS);
    expect(rest).toMatchObject({ groups: 40, runs: 40 });
    expect(rest?.arms.reduce((sum, arm) => sum + arm.runs, 0)).toBe(40);
    for (const { fault } of groups) {
      expect(JSON.stringify(fault).length).toBeLessThan(3 * FAULT_TEXT_LIMIT);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must not be there
      expect(JSON.stringify(fault)).not.toMatch(/[\u0000-\u001f\u202e]/);
    }
    const wandering = groupsOf(
      many.map((run, cell) => ({ ...run, outcome: { ...run.outcome, ...died('x'), cell } })),
    );
    expect(wandering.groups[0]?.cells).toHaveLength(MAX_GROUP_CELLS);
    expect(wandering.groups[0]?.furtherCells).toBe(50);
  });

  test('cost no time', () => {
    const started = performance.now();
    groupsOf(withOutcomes(...runs.map(() => died(`${'\\x/'.repeat(100_000)}\n${'ab1'.repeat(100_000)}`))));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
