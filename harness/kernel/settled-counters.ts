import { setTimeout as delay } from 'node:timers/promises';
import type { KernelCounters } from '../model/arm.ts';
import { readCounters } from './counters.ts';

// The last reply's callback is still to run on the shell-channel loop when the client has the reply: it takes
// microseconds there. Counters that stood still for this long are those of a kernel at rest.
const STILL_MS = 20;
const READ_EVERY_MS = 4;
const GIVE_UP_MS = 1_000;

/**
 * The counters of a kernel that has answered everything, once it is at rest, so that ending it cuts off
 * nothing that it had begun: it has ended what it began, and its counters stand still. Gives up waiting after a second:
 * they are then as they stand. `null`: there are none any more.
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
    // On a machine with much else to do, what answered last may not get to its end for longer than that.
    const isBusy = next !== null && next.ended < next.begun;
    stillMs = isStill && !isBusy ? stillMs + READ_EVERY_MS : 0;
    counters = next;
  }
  return counters;
}
