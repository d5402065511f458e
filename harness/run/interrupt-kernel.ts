import { setTimeout as delay } from 'node:timers/promises';
import type { KernelClient } from '../frontend/client.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import type { InterruptWay } from '../model/interrupt.ts';
import { CONTROL_TIMEOUT_MS, WATCH_TICK_MS } from './two-samples.ts';

/**
 * How a client interrupts a kernel: through its server if there is one, which then does as the kernelspec says. Else as the
 * kernelspec says. On Windows a signal would end the process, so that it is a message there.
 */
export function interruptWay({ way, command }: Pick<RunningKernel, 'way' | 'command'>): InterruptWay {
  if (typeof way === 'function') return 'rest';
  return process.platform === 'win32' || command.interruptMode === 'message' ? 'message' : 'signal';
}

/**
 * Interrupt a kernel as a client does.
 *
 * @returns whether it was confirmed within `CONTROL_TIMEOUT_MS`: by the reply on control, or by the server. A signal
 *   confirms itself, unless the process has just ended
 */
export async function interruptKernel(client: KernelClient, kernel: RunningKernel): Promise<boolean> {
  if (interruptWay(kernel) === 'message') {
    return (await client.control('interrupt_request', {}, CONTROL_TIMEOUT_MS)) !== null;
  }
  const given = new AbortController();
  const sent = kernel.interrupt().then(
    () => true,
    () => false,
  );
  const late = delay(CONTROL_TIMEOUT_MS, false, { signal: given.signal, ref: false }).catch(() => false);
  try {
    return await Promise.race([sent, late]);
  } finally {
    given.abort();
  }
}

/** Whether the kernel answers one more request of the same client within `CONTROL_TIMEOUT_MS`. */
export async function answersNext(client: KernelClient): Promise<boolean> {
  client.trace.mark('the next request: is it answered?');
  const next = client.request('kernel_info_request', {}, { isWitness: true });
  const dueMs = monotonicMs() + CONTROL_TIMEOUT_MS;
  while (next.replyAtMs === null && monotonicMs() < dueMs) {
    await Promise.race([client.changed(), delay(WATCH_TICK_MS)]);
  }
  return next.replyAtMs !== null;
}
