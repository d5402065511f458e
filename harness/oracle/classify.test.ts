import { describe, expect, test } from 'vitest';
import { type Observations, REVIVAL_RUNGS } from '../model/observations.ts';
import type { LikelySource, OutcomeKind } from '../model/outcome.ts';
import { countersShowStrand } from './account.ts';
import { classify, isStrand, MAX_STALL_SHARE, RUNG_WORDS } from './classify.ts';
import { BEGUN, counters, observations, STRANDED } from './observations.fixture.ts';

interface Row {
  readonly name: string;
  readonly seen: Partial<Observations>;
  readonly kind: OutcomeKind;
  readonly source: LikelySource | null;
  readonly reason: RegExp;
}

const ROWS: readonly Row[] = [
  {
    name: 'a certificate',
    seen: { look: STRANDED },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /10\.0 s: it is queued .* \(POLLIN\).* and the loop is parked$/,
  },
  {
    name: 'a certificate with its proof',
    seen: { look: STRANDED, revivedByRearm: true, revivedAfterMs: 0.4 },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /handler made the kernel turn to it within 1 ms$/,
  },
  {
    name: 'a certificate without its proof',
    seen: { look: STRANDED, revivedByRearm: false },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /handler did not make the kernel turn to it$/,
  },
  {
    name: 'a certificate, after a rung that changed nothing',
    seen: {
      look: STRANDED,
      revival: { rung: 'interrupt', revived: false, afterMs: null },
      revivedByRearm: true,
      revivedAfterMs: 2,
    },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /an interrupt changed nothing; one run of .* within 2 ms$/,
  },
  {
    name: 'a certificate, revived by a new peer',
    seen: { look: STRANDED, revival: { rung: 'new-peer', revived: true, afterMs: 3.2 } },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /a new shell peer made the kernel turn to it within 4 ms$/,
  },
  {
    name: 'a certificate, after a restart',
    seen: { look: STRANDED, revival: { rung: 'restart', revived: true, afterMs: 480 } },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /a fresh kernel answered within 480 ms, the request was lost with the old one$/,
  },
  {
    name: 'a certificate is a fact, whatever state the harness was in',
    seen: { look: STRANDED, loopStallMs: 9_000, socketError: 'EINVAL', processState: 'T' },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /queued/,
  },
  {
    name: 'an error of a socket of ours',
    seen: { socketError: 'EINVAL', replySeen: true },
    kind: 'harness-fault',
    source: 'harness',
    reason: /EINVAL/,
  },
  {
    name: 'a stall of the harness, whatever else there was',
    seen: { loopStallMs: 10_000 * MAX_STALL_SHARE + 1, answeredLate: true, busySeen: true },
    kind: 'harness-fault',
    source: 'harness',
    reason: /stalled for 2\.0 s/,
  },
  {
    name: 'a stall at the limit',
    seen: { loopStallMs: 10_000 * MAX_STALL_SHARE },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /not begun/,
  },
  {
    name: 'a process that was stopped',
    seen: { processState: 'T', control: false, heartbeat: false },
    kind: 'harness-fault',
    source: 'harness',
    reason: /stopped by a signal/,
  },
  {
    name: 'a process held by a tracer',
    seen: { processState: 't' },
    kind: 'harness-fault',
    source: 'harness',
    reason: /debugger/,
  },
  {
    name: 'an answer after the deadline',
    seen: { answeredLate: true, busySeen: true, replySeen: true, idleSeen: true },
    kind: 'late',
    source: 'kernel',
    reason: /answered, after the deadline/,
  },
  {
    name: 'a reply without idle',
    seen: { busySeen: true, replySeen: true },
    kind: 'lost-idle',
    source: 'kernel',
    reason: /idle status did not within 10\.0 s$/,
  },
  {
    name: 'idle without a reply, which the kernel counted as sent',
    seen: {
      busySeen: true,
      idleSeen: true,
      counters: counters({ delivered: 10, begun: 10, ended: 10, replies: 10 }),
    },
    kind: 'lost-reply',
    source: 'client',
    reason: /counted 10 replies sent/,
  },
  {
    name: 'idle without a reply, counted as sent, but unsound',
    seen: {
      busySeen: true,
      idleSeen: true,
      counters: counters({ delivered: 10, begun: 10, ended: 10, replies: 10 }),
      rejected: 1,
      rejections: { 'shell bad-signature': 1 },
    },
    kind: 'lost-reply',
    source: 'kernel',
    reason: /messages not taken: 1 on shell \(bad signature\)$/,
  },
  {
    name: 'idle without a reply, which the kernel did not send',
    seen: {
      busySeen: true,
      idleSeen: true,
      counters: counters({ delivered: 10, begun: 10, ended: 10, replies: 9 }),
    },
    kind: 'lost-reply',
    source: 'kernel',
    reason: /no valid reply/,
  },
  {
    name: 'idle without a reply, without counters',
    seen: { busySeen: true, idleSeen: true, counters: null },
    kind: 'lost-reply',
    source: 'kernel',
    reason: /no valid reply/,
  },
  {
    name: 'a shell port that is closed, of a request that was begun',
    seen: { busySeen: true, shellPortOpen: false, counters: null },
    kind: 'hung',
    source: 'kernel',
    reason: /its shell port accepts no connection: the kernel has closed it$/,
  },
  {
    name: 'a shell port that is closed, of a request that was not begun',
    seen: { shellPortOpen: false, counters: null },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /control answers, and its shell port accepts no connection/,
  },
  {
    name: 'another program under the same process id',
    seen: { replaced: true, shellPortOpen: false, control: false, counters: BEGUN },
    kind: 'died',
    source: 'kernel',
    reason: /was replaced: another program runs under its id/,
  },
  {
    name: 'all channels closed while a request was at work',
    seen: { shellPortOpen: false, control: false, heartbeat: false, counters: BEGUN },
    kind: 'died',
    source: 'kernel',
    reason: /has closed all its channels/,
  },
  {
    name: 'busy and computing',
    seen: { busySeen: true, cpuShare: 0.98 },
    kind: 'busy',
    source: 'notebook',
    reason: /began execute_request .* 98 % of a processor$/,
  },
  {
    name: 'busy and waiting',
    seen: { busySeen: true, cpuShare: 0 },
    kind: 'hung',
    source: 'notebook',
    reason: /waits for something$/,
  },
  {
    name: 'busy, with nothing known of its processor',
    seen: { busySeen: true, cpuShare: null },
    kind: 'busy',
    source: 'notebook',
    reason: /not done with it after 10\.0 s$/,
  },
  {
    name: 'begun by the counters alone: the busy status was lost',
    seen: { counters: BEGUN },
    kind: 'hung',
    source: 'notebook',
    reason: /began .* 10 of 10 requests were delivered, 9 finished$/,
  },
  {
    name: 'waiting for a child process that computes',
    seen: { busySeen: true, belowShare: 0.9 },
    kind: 'busy',
    source: 'notebook',
    reason: /processes that it started use 90 % of a processor$/,
  },
  {
    name: 'computing, with control silent: a call that holds the interpreter’s lock',
    seen: { busySeen: true, cpuShare: 0.9, control: false, counters: BEGUN },
    kind: 'busy',
    source: 'notebook',
    reason: /uses 90 % of a processor, and control does not answer either: .* \(GIL\)$/,
  },
  {
    name: 'the same by a thread, the request not even delivered',
    seen: { cpuShare: 0.9, control: false },
    kind: 'busy',
    source: 'notebook',
    reason: /\(GIL\); 9 of 10 requests were delivered, 9 finished$/,
  },
  {
    name: 'delivered, not begun: a task of the notebook computes in the loop',
    seen: { counters: counters({ delivered: 10, begun: 9, ended: 9, replies: 9 }), cpuShare: 0.99 },
    kind: 'busy',
    source: 'notebook',
    reason: /not begun; it uses 99 % of a processor/,
  },
  {
    name: 'delivered, not begun: a callback of the notebook sleeps in the loop',
    seen: {
      counters: counters({ delivered: 10, begun: 9, ended: 9, replies: 9 }),
      threads: { MainThread: ['events.py:80 _run', 'base_events.py:1922 _run_once'] },
    },
    kind: 'hung',
    source: 'notebook',
    reason: /its main thread is not in its event loop but at events\.py:80 _run/,
  },
  {
    name: 'delivered, not begun, the main thread free and the kernel idle: lost between its threads',
    seen: {
      counters: counters({ delivered: 10, begun: 9, ended: 9, replies: 9 }),
      threads: STRANDED.threads,
    },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /10 of 10 requests were delivered, 9 finished/,
  },
  {
    name: 'not delivered, the one thread there is asleep in a callback (ipykernel 6)',
    seen: { threads: { MainThread: ['events.py:80 _run'] } },
    kind: 'hung',
    source: 'notebook',
    reason: /9 of 10 requests were delivered/,
  },
  {
    name: 'not begun, and busy in some second of the wait',
    seen: { busiestShare: 0.4 },
    kind: 'hung',
    source: 'notebook',
    reason: /had used processor time while it was waited for/,
  },
  {
    name: 'a busy kernel with a certificate: a fact about the socket',
    seen: { look: STRANDED, cpuShare: 0.9, busiestShare: 1 },
    kind: 'wedged-stranded',
    source: 'kernel',
    reason: /queued in the shell socket/,
  },
  {
    name: 'no runtime: computing before it publishes busy',
    seen: { counters: null, cpuShare: 0.9, peerAnswered: false, revivedByPeer: false },
    kind: 'busy',
    source: null,
    reason: /not begun; it uses 90 % of a processor$/,
  },
  {
    name: 'no runtime: the main thread sleeps',
    seen: { counters: null, peerAnswered: false, revivedByPeer: false, blockedIn: 'hrtimer_nanosleep' },
    kind: 'hung',
    source: null,
    reason: /its main thread waits for something else than a message \(hrtimer_nanosleep\)/,
  },
  {
    name: 'no runtime: the main thread slept, and woke while the new peer asked',
    seen: { counters: null, peerAnswered: true, revivedByPeer: true, blockedIn: 'hrtimer_nanosleep' },
    kind: 'hung',
    source: null,
    reason: /its main thread waits for something else than a message/,
  },
  {
    name: 'counters that cannot be right',
    seen: { counters: counters({ delivered: 9, begun: 9, ended: 10, replies: 9 }), revivedByPeer: true },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /counters cannot be right and were not used: 10 requests finished of 9 begun/,
  },
  {
    name: 'an answer that names another parent, the kernel finished by its own account',
    seen: {
      busySeen: true,
      counters: counters({ delivered: 10, begun: 10, ended: 10, replies: 10 }),
      answerAstray: true,
      rejections: { 'shell foreign-parent': 1 },
    },
    kind: 'lost-reply',
    source: 'kernel',
    reason: /finished them; .* no valid one .*\(their parent is no request of ours/,
  },
  {
    name: 'an answer that names another parent, without counters',
    seen: { busySeen: true, counters: null, answerAstray: true, rejections: { 'shell foreign-parent': 1 } },
    kind: 'lost-reply',
    source: 'kernel',
    reason: /an answer came meanwhile that is none to it/,
  },
  {
    name: 'a reply whose idle status may still come: the kernel is at work',
    seen: { busySeen: true, replySeen: true, counters: BEGUN, cpuShare: 0.8 },
    kind: 'busy',
    source: 'notebook',
    reason: /uses 80 % of a processor/,
  },
  {
    name: 'not begun, and a look that shows another mechanism',
    seen: { look: { ...STRANDED, fdReadable: true } },
    kind: 'wedged-mute',
    source: 'kernel',
    reason:
      /control answers; 9 of 10 requests were delivered, 9 finished; .* POLLIN set, descriptor readable$/,
  },
  {
    name: 'not begun, control and heartbeat dead, although control has a thread of its own',
    seen: { control: false, heartbeat: false },
    kind: 'hung',
    source: 'notebook',
    reason: /control does not answer either, so that something holds the whole process/,
  },
  {
    name: 'no runtime: not begun, control and heartbeat dead',
    seen: { control: false, heartbeat: false, counters: null },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /control does not answer/,
  },
  {
    name: 'not begun, control alive, heartbeat dead',
    seen: { heartbeat: false },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /control answers, the heartbeat does not/,
  },
  {
    name: 'no runtime: a new peer brings the answer',
    seen: { counters: null, peerAnswered: true, revivedByPeer: true },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /a new shell peer made the kernel turn to it: the request was queued there, unread$/,
  },
  {
    name: 'no runtime: a new peer is answered, the request is not',
    seen: { counters: null, peerAnswered: true, revivedByPeer: false },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /a new shell peer was answered, the request was not$/,
  },
  {
    name: 'no runtime: a new peer is not answered either',
    seen: { counters: null, peerAnswered: false, revivedByPeer: false },
    kind: 'wedged-mute',
    source: 'kernel',
    reason: /a new shell peer was not answered either$/,
  },
];

describe('what an unanswered request was:', () => {
  test.each(ROWS)('$name', ({ seen, kind, source, reason }) => {
    const verdict = classify(observations(seen));
    expect({ kind: verdict.kind, source: verdict.source }).toEqual({ kind, source });
    expect(verdict.reason).toMatch(reason);
  });
});

describe('a strand is certified', () => {
  const parked = 'selectors.py:468 select';
  test('only by all of its signs together', () => {
    expect(isStrand(STRANDED)).toBe(true);
    expect(isStrand({ ...STRANDED, pollin: false })).toBe(false);
    expect(isStrand({ ...STRANDED, fdReadable: true })).toBe(false);
    expect(isStrand({ ...STRANDED, fdRegistered: false })).toBe(false);
    const busy = { ...STRANDED.threads, 'Shell channel': ['zmqstream.py:585 _handle_events', parked] };
    expect(isStrand({ ...STRANDED, threads: busy })).toBe(false);
    expect(isStrand({ ...STRANDED, threads: {} })).toBe(false);
  });

  test('by the main thread where no other serves the shell socket', () => {
    expect(isStrand({ ...STRANDED, threads: { MainThread: [parked] } })).toBe(true);
    expect(isStrand({ ...STRANDED, threads: { MainThread: ['<cell>:1 <module>'] } })).toBe(false);
  });

  test('and where only the frame is not known, the verdict without a certificate names it', () => {
    const threads = { 'Shell channel': ['newloop.py:7 wait', parked] };
    const { kind, reason } = classify(observations({ look: { ...STRANDED, threads } }));
    expect(kind).toBe('wedged-mute');
    expect(reason).toContain('the loop stands in newloop.py:7 wait, which is not known to be parked');
    const other = classify(observations({ look: { ...STRANDED, fdRegistered: false } }));
    expect(other.reason).toContain('descriptor not readable and not registered');
    expect(other.reason).not.toContain('not known to be parked');
  });
});

test.each([
  [{ delivered: 9, begun: 9, ended: 9 }, true],
  [{ delivered: 10, begun: 10, ended: 10 }, false],
  [{ delivered: 9, begun: 9, ended: 8 }, false],
  [{ delivered: 9, begun: 9, ended: 10 }, false],
  [{ delivered: 8, begun: 9, ended: 9 }, false],
  [{ delivered: 9, begun: 8, ended: 8 }, false],
  [{ delivered: 0, begun: 0, ended: 0 }, true],
])('of ten requests sent, the counters %o show a strand: %s', (some, shows) => {
  expect(countersShowStrand(counters(some), 10)).toBe(shows);
});

test('every rung of the ladder has words', () => {
  expect(Object.keys(RUNG_WORDS).sort()).toEqual([...REVIVAL_RUNGS].sort());
});
