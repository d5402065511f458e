import type { KernelClient } from '../frontend/client.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { interruptGroup } from '../kernel/process-tree.ts';
import { deadlineMs, isDoneWithin } from '../model/deadlines.ts';

/**
 * End a kernel as jupyter_client 8.10 does (`KernelManager.shutdown_kernel`): interrupt it and what runs in its process
 * group, ask it to shut down, and wait for its end, so that what it does at exit is done (files written, temporary
 * folders removed). One that does not end in time is left to whoever ends it by force.
 */
export async function askToShutDown(client: KernelClient, kernel: RunningKernel): Promise<void> {
  if (kernel.exit !== null) return;
  if (kernel.command.interruptMode !== 'message') interruptGroup(kernel.pid);
  // Its end is the answer that counts: not every kernel replies.
  void client.control('shutdown_request', { restart: false }, deadlineMs('kernel-shutdown'));
  await isDoneWithin('kernel-shutdown', kernel.exited);
}
