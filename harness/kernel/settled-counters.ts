import { setTimeout as delay } from 'node:timers/promises';
import type { KernelCounters } from '../model/arm.ts';
import { readCounters } from './counters.ts';

// When the client has the last reply, the callback of that reply must still run on the shell-channel loop. It
// takes microseconds. A kernel whose counters stand still for this long is at rest.
const STILL_MS = 20;
const READ_EVERY_MS = 4;
const GIVE_UP_MS = 1_000;

/**
 * Wait until a kernel that has answered everything is at rest, and return its counters. At rest, the kernel
 * has ended everything that it began and its counters stand still, so ending it interrupts nothing. After a
 * second, this returns the counters as they are. `null`: the counters no longer exist.
 */
export async function awaitSettledCounters(path: string): Promise<KernelCounters | null> {
  let counters = readCounters(path);
  let stillMs = 0;
  for (
    let waitedMs = 0;
    counters !== null && stillMs < STILL_MS && waitedMs < GIVE_UP_MS;
    waitedMs += READ_EVERY_MS
  ) {
    await delay(READ_EVERY_MS);
    const before = counters;
    const next = readCounters(path);
    const isStill = Object.entries(next ?? {}).every(
      ([name, value]) => before[name as keyof KernelCounters] === value,
    );
    // On a busy machine, the last handler may need longer than that to finish.
    const isBusy = next !== null && next.ended < next.begun;
    stillMs = isStill && !isBusy ? stillMs + READ_EVERY_MS : 0;
    counters = next;
  }
  return counters;
}
