import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observations } from '../model/observations.ts';
import { isWedge, type LikelySource, type OutcomeKind } from '../model/outcome.ts';
import { classify } from './classify.ts';
import { BEGUN, counters, observations, STRANDED } from './observations.fixture.ts';

describe('whatever else was seen, it is no wedge', () => {
  const count = fc.integer({ min: 0, max: 12 });
  const share = fc.constantFrom(0, 0.01, 0.02, 0.5, 1);
  const maybe = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: undefined });
  const look = fc.constantFrom(
    null,
    STRANDED,
    { ...STRANDED, pollin: false },
    { ...STRANDED, fdReadable: true },
  );
  const anything = fc.record({
    request: fc.constantFrom('execute_request', 'comm_msg', 'kernel_info_request'),
    through: maybe(fc.constant('server' as const)),
    busySeen: fc.boolean(),
    replySeen: fc.boolean(),
    idleSeen: fc.boolean(),
    sent: count,
    counters: fc.option(
      fc.record({ delivered: count, begun: count, ended: count, replies: count }).map(counters),
    ),
    cpuShare: fc.option(share),
    busiestShare: maybe(share),
    belowShare: maybe(share),
    heartbeat: fc.option(fc.boolean()),
    control: fc.option(fc.boolean()),
    look,
    threads: maybe(fc.constantFrom(STRANDED.threads, { MainThread: ['events.py:80 _run'] })),
    shellPortOpen: fc.option(fc.boolean()),
    peerAnswered: fc.option(fc.boolean()),
    revivedByPeer: fc.option(fc.boolean()),
    blockedIn: maybe(fc.constant('hrtimer_nanosleep')),
    answerAstray: maybe(fc.constant(true as const)),
    replaced: maybe(fc.constant(true as const)),
    rejections: fc.constantFrom({}, { 'shell foreign-parent': 1 }, { 'shell second-reply': 2 }),
    answeredLate: fc.boolean(),
    socketError: fc.constantFrom(null, 'EINVAL'),
  });
  const seenOf = (some: Record<string, unknown>) =>
    observations(
      Object.fromEntries(
        Object.entries(some).filter(([, value]) => value !== undefined),
      ) as Partial<Observations>,
    );
  const looksWedged = (seen: Observations) => isWedge(classify(seen).kind);

  test('where the counters show that everything was delivered and finished', () => {
    fc.assert(
      fc.property(anything, count, (some, n) => {
        const done = counters({ delivered: n, begun: n, ended: n, replies: some.counters?.replies ?? n });
        expect(looksWedged(seenOf({ ...some, sent: Math.min(n, some.sent), counters: done }))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('where the request had begun, and no certificate says that another one is queued', () => {
    fc.assert(
      fc.property(anything, (some) => {
        const uncertified = { ...some, look: null };
        expect(looksWedged(seenOf({ ...uncertified, busySeen: true }))).toBe(false);
        expect(looksWedged(seenOf({ ...uncertified, counters: BEGUN }))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('where the kernel used processor time, and no certificate says that a request is queued', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(0.02, 0.3, 1), (some, cpuShare) => {
        expect(looksWedged(seenOf({ ...some, look: null, cpuShare, revivedByPeer: false }))).toBe(false);
        expect(
          looksWedged(
            seenOf({ ...some, look: null, cpuShare: 0, busiestShare: cpuShare, revivedByPeer: false }),
          ),
        ).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('and a strand of an idle kernel is one whatever its statuses were', () => {
    const stranded = counters({ delivered: 9, begun: 9, ended: 9, replies: 9 });
    fc.assert(
      fc.property(anything, (some) => {
        expect(classify(seenOf({ ...some, look: STRANDED, counters: stranded, sent: 10 })).kind).toBe(
          'wedged-stranded',
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('through a server, of a kernel whose own account cannot be had', () => {
  const far = {
    through: 'server',
    counters: null,
    cpuShare: null,
    processState: null,
    heartbeat: null,
  } as const;
  const EITHER = /by the kernel or on the way, which cannot be told/;

  test.each<[string, Partial<Observations>, OutcomeKind, LikelySource | null, RegExp]>([
    [
      'revived by another peer: the kernel’s',
      { peerAnswered: true, revivedByPeer: true },
      'wedged-mute',
      'kernel',
      /a new shell peer made the kernel turn to it/,
    ],
    ['not revived: of either', { peerAnswered: true, revivedByPeer: false }, 'no-answer', null, EITHER],
    [
      'no peer answered either',
      { peerAnswered: false, revivedByPeer: false, control: false },
      'no-answer',
      null,
      EITHER,
    ],
    ['begun and not done', { busySeen: true }, 'busy', 'notebook', /began execute_request and was not done/],
    ['idle without its reply: of either', { busySeen: true, idleSeen: true }, 'lost-reply', null, EITHER],
    ['a reply without idle: of either', { busySeen: true, replySeen: true }, 'lost-idle', null, EITHER],
    ['answered late: of either', { answeredLate: true, busySeen: true }, 'late', null, EITHER],
  ])('%s', (_name, seen, kind, source, reason) => {
    const verdict = classify(observations({ ...far, ...seen }));
    expect(verdict).toMatchObject({ kind, source });
    expect(verdict.reason).toMatch(reason);
  });

  test('its own account settles it where it can be had', () => {
    const kept = observations({
      through: 'server',
      counters: counters({ delivered: 10, begun: 10, ended: 10, replies: 10 }),
    });
    expect(classify(kept)).toMatchObject({ kind: 'lost-reply', source: 'server' });
    const late = { ...kept, answeredLate: true, busySeen: true, replySeen: true, idleSeen: true };
    expect(classify(late)).toMatchObject({ kind: 'late', source: 'server' });
    const slow = { ...late, counters: counters({ delivered: 10, begun: 10, ended: 9, replies: 9 }) };
    expect(classify(slow)).toMatchObject({ kind: 'late', source: 'kernel' });
    // A kernel counts no statuses.
    const half = { ...kept, busySeen: true, replySeen: true };
    expect(classify(half)).toMatchObject({ kind: 'lost-idle', source: null });
  });
});
