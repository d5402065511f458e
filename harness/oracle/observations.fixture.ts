import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { type Look, type Observations, observationsSchema } from '../model/observations.ts';

/** What a look at a stranded request shows. */
export const STRANDED: Look = {
  fdReadable: false,
  fdRegistered: true,
  pollin: true,
  pollout: true,
  receiving: true,
  threads: {
    MainThread: ['selectors.py:468 select', 'base_events.py:1871 _run_once'],
    'Shell channel': ['selectors.py:468 select', 'base_events.py:1871 _run_once'],
  },
};

export function counters(some: Partial<KernelCounters>): KernelCounters {
  const none = Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, 0])) as KernelCounters;
  return { ...none, ...some };
}

/** All ten delivered, the last one begun and not ended. */
export const BEGUN = counters({ delivered: 10, begun: 10, ended: 9, replies: 9 });

/** A kernel that was sent ten requests, turned to nine and is idle, with control alive. */
export function observations(some: Partial<Observations> = {}): Observations {
  return observationsSchema.parse({
    request: 'execute_request',
    waitedMs: 10_000,
    busySeen: false,
    replySeen: false,
    idleSeen: false,
    sent: 10,
    rejected: 0,
    counters: counters({ delivered: 9, begun: 9, ended: 9, replies: 9 }),
    cpuShare: 0,
    processState: 'S',
    heartbeat: true,
    control: true,
    look: null,
    revivedByRearm: null,
    revivedAfterMs: null,
    answeredLate: false,
    loopStallMs: 3,
    socketError: null,
    ...some,
  });
}
