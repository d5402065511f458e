import { describe, expect, test } from 'vitest';
import { ENDPOINTS, type Endpoint } from './endpoint.ts';
import { OUTCOME_KINDS, type OutcomeKind } from './outcome.ts';
import { eventCell, eventsOf, type JudgedRun, runStatus, slowestCell } from './run-status.ts';

const LIMITS = { slowAfterMs: 1000, memoryAboveBytes: 1_000_000 };
const SEEN = { losses: [], memory: { measure: 'pss', peakBytes: 1000, samples: 3 } } as const;

/** A run that ended so, in its third cell, with everything watched and nothing found on the way. */
function ended(kind: OutcomeKind, more: Partial<JudgedRun> = {}, outcome: object = {}): JudgedRun {
  return {
    outcome: {
      kind,
      source: kind === 'cell-error' || kind === 'hung' ? 'notebook' : kind === 'completed' ? null : 'kernel',
      reason: '',
      cell: kind === 'completed' ? null : 2,
      unanswered: null,
      waitedMs: null,
      error: null,
      exit: null,
      stderrTail: null,
      ...outcome,
    },
    startMs: kind === 'start-failed' ? null : 400,
    cellMs: [10, 20],
    losses: [...SEEN.losses],
    memory: SEEN.memory,
    ...more,
  };
}

const status = (run: JudgedRun, endpoint: Endpoint) => runStatus(run, { endpoint, ...LIMITS });

/** The kinds that are the event of each endpoint, as docs/endpoints.md has them. */
const EVENTS: Readonly<Record<Endpoint, readonly OutcomeKind[]>> = {
  wedged: ['wedged-stranded', 'wedged-mute'],
  stalled: ['stalled'],
  hung: ['hung'],
  'lost-answer': ['lost-reply', 'lost-idle', 'lost-request'],
  'lost-output': [],
  'cell-error': ['cell-error'],
  died: ['died'],
  'start-failed': ['start-failed'],
  slow: [],
  memory: [],
  // Without an interrupt, which is tested below.
  interrupt: [],
  any: [
    'wedged-stranded',
    'wedged-mute',
    'stalled',
    'lost-reply',
    'lost-idle',
    'lost-request',
    'died',
    'start-failed',
  ],
};

describe('what an ending counts as', () => {
  test.each(ENDPOINTS)('%s', (endpoint) => {
    for (const kind of OUTCOME_KINDS) {
      const expected = EVENTS[endpoint].includes(kind)
        ? 'wedged'
        : kind === 'harness-fault' || (kind === 'completed' && endpoint === 'interrupt')
          ? 'invalid'
          : kind === 'completed' || endpoint === 'start-failed'
            ? 'completed'
            : 'competing';
      expect([kind, status(ended(kind), endpoint)]).toEqual([kind, expected]);
    }
  });

  test.each(OUTCOME_KINDS)('%s at a cell that was interrupted, or at the next one', (kind) => {
    const sent = { afterMs: 3, afterBusyMs: 1, result: 'unanswered', answeredMs: null } as const;
    const at = (cell: number) => ended(kind, { interrupts: { by: 'signal', sent: [{ cell, ...sent }] } });
    const isMissed = ![
      'completed',
      'stalled',
      'aborted',
      'cell-error',
      'died',
      'start-failed',
      'harness-fault',
    ].includes(kind);
    const otherwise = kind === 'completed' ? 'completed' : kind === 'harness-fault' ? 'invalid' : 'competing';
    expect(status(at(2), 'interrupt')).toBe(isMissed ? 'wedged' : otherwise);
    expect(status(at(1), 'interrupt')).toBe(isMissed ? 'wedged' : otherwise);
    expect(status(at(0), 'interrupt')).toBe(otherwise);
  });

  test('an interrupt that was sent is needed to know that nothing was missed', () => {
    expect(
      status(ended('completed', { interrupts: { by: 'signal', sent: [], spared: 3 } }), 'interrupt'),
    ).toBe('invalid');
  });

  test('of any, an ending is the event of its own endpoint alone', () => {
    const sent = [{ cell: 2, afterMs: 3, afterBusyMs: 1, result: 'unanswered', answeredMs: null } as const];
    const interrupts = { by: 'signal', sent } as const;
    const events = (kind: OutcomeKind) =>
      eventsOf(ended(kind, { interrupts: { ...interrupts, sent: [...sent] } }), { endpoint: 'any' });
    expect(events('lost-reply')).toEqual(['lost-answer']);
    expect(events('late')).toEqual(['interrupt']);
  });

  test('nothing named is the wedge', () => {
    expect(runStatus(ended('wedged-mute'), {})).toBe('wedged');
    expect(runStatus(ended('stalled'), {})).toBe('competing');
  });

  test('a hang that is the kernel’s is any event, and one that the notebook brought about is not', () => {
    expect(status(ended('hung', {}, { source: 'kernel' }), 'any')).toBe('wedged');
    expect(status(ended('hung'), 'any')).toBe('competing');
  });
});

describe('an event on the way counts, however the run ended', () => {
  const lost: JudgedRun['losses'] = [{ loss: 'missing', cell: 1, output: 'stdout' }];
  const heavy: JudgedRun['memory'] = { measure: 'rss', peakBytes: 1_000_001, samples: 1 };

  test.each<[Endpoint, Partial<JudgedRun>]>([
    ['lost-output', { losses: lost }],
    ['slow', { cellMs: [5, 1000] }],
    ['memory', { memory: heavy }],
  ])('%s', (endpoint, more) => {
    for (const kind of ['completed', 'died', 'wedged-mute'] as const) {
      expect(status(ended(kind, more), endpoint)).toBe('wedged');
      expect(status(ended(kind, more), 'any')).toBe('wedged');
    }
    expect(status(ended('harness-fault', more), endpoint)).toBe('invalid');
    expect(status(ended('completed', more), 'wedged')).toBe('completed');
  });

  test('at the limit: so long is slow, so much memory is not yet too much', () => {
    expect(status(ended('completed', { cellMs: [999.9] }), 'slow')).toBe('completed');
    expect(status(ended('completed', { memory: { ...heavy, peakBytes: 1_000_000 } }), 'memory')).toBe(
      'completed',
    );
  });

  test('another content is no loss', () => {
    const differs: JudgedRun['losses'] = [{ loss: 'differs', cell: 1, output: 'stdout' }];
    expect(status(ended('completed', { losses: differs }), 'lost-output')).toBe('completed');
  });

  test('a cell that was late or at work is slow once the limit has passed', () => {
    for (const kind of ['late', 'busy'] as const) {
      expect(status(ended(kind, {}, { waitedMs: 1000 }), 'slow')).toBe('wedged');
      expect(status(ended(kind, {}, { waitedMs: 999 }), 'slow')).toBe('competing');
    }
    expect(status(ended('wedged-mute', {}, { waitedMs: 5000 }), 'slow')).toBe('competing');
  });

  test('where the harness itself may have lengthened the cell beyond the limit, nobody can tell', () => {
    const cellMs = [5, 1300];
    expect(status(ended('completed', { cellMs, stalledMs: { 1: 300 } }), 'slow')).toBe('wedged');
    expect(status(ended('completed', { cellMs, stalledMs: { 1: 301 } }), 'slow')).toBe('invalid');
    expect(status(ended('completed', { cellMs: [5, 999], stalledMs: { 1: 301 } }), 'slow')).toBe('completed');
    expect(status(ended('completed', { cellMs, stalledMs: { 0: 5 } }), 'slow')).toBe('wedged');
    const seen = (stalledMs: number) => ({ waitedMs: 1100, observations: { stalledMs } });
    expect(status(ended('busy', {}, seen(100)), 'slow')).toBe('wedged');
    expect(status(ended('busy', {}, seen(101)), 'slow')).toBe('competing');
  });
});

test('the cell of an event is where it was seen, not where the run ended', () => {
  const run = ended('died', {
    cellMs: [10, 1500],
    losses: [
      { loss: 'differs', cell: 0, output: 'stdout' },
      { loss: 'cut', cell: 1, output: 'stdout', at: 3 },
    ],
  });
  const cellOf = (endpoint: Endpoint) => eventCell(run, { endpoint, ...LIMITS });
  expect(cellOf('died')).toBe(2);
  expect(cellOf('any')).toBe(2);
  expect(cellOf('slow')).toBe(1);
  expect(cellOf('lost-output')).toBe(1);
  expect(cellOf('memory')).toBeNull();
  expect(eventCell({ ...run, outcome: ended('completed').outcome }, { endpoint: 'any', ...LIMITS })).toBe(1);
});

test('a completed run that nobody watched says nothing', () => {
  expect(status(ended('completed', { losses: undefined }), 'lost-output')).toBe('invalid');
  expect(status(ended('completed', { memory: undefined }), 'memory')).toBe('invalid');
  expect(status(ended('completed', { memory: undefined }), 'any')).toBe('invalid');
  expect(runStatus(ended('completed', { memory: undefined }), { endpoint: 'any' })).toBe('completed');
  const uncompared = ended('completed', { losses: undefined });
  expect(runStatus(uncompared, { endpoint: 'any', expected: { kind: 'saved' } })).toBe('invalid');
  expect(runStatus(uncompared, { endpoint: 'any' })).toBe('completed');
});

describe('the slowest cell', () => {
  const slowest = (run: JudgedRun) => slowestCell(run);

  test('is the first of those that took longest, without the harness’s own stalls', () => {
    expect(slowest(ended('completed', { cellMs: [3, 9, 9] }))).toEqual({ cell: 1, ms: 9, isAnswered: true });
    expect(slowest(ended('completed', { cellMs: [8, 9], stalledMs: { 1: 2 } }))).toMatchObject({ cell: 0 });
    expect(slowest(ended('completed', { cellMs: [] }))).toBeNull();
  });

  test('is the one that was waited for, where that was late or at work', () => {
    const waited = { waitedMs: 50, unanswered: 'execute_request' };
    expect(slowest(ended('busy', {}, waited))).toEqual({ cell: 2, ms: 50, isAnswered: false });
    expect(slowest(ended('busy', {}, { ...waited, unanswered: 'comm_msg' }))).toMatchObject({ cell: null });
    expect(slowest(ended('hung', {}, waited))).toMatchObject({ cell: 1, ms: 20 });
  });

  test('has its own place also where an earlier cell has no answer', () => {
    const run = ended('lost-reply', { cellMs: [1, 2, 9] }, { unanswered: 'execute_request' });
    expect(slowest(run)).toMatchObject({ cell: 3, ms: 9 });
  });
});
