import type { KernelClient } from '../frontend/client.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { interruptGroup } from '../kernel/process-tree.ts';
import { deadlineMs, isDoneWithin } from '../model/deadlines.ts';

/**
 * End a kernel as jupyter_client 8.10 does (`KernelManager.shutdown_kernel`): interrupt its process group, ask it to shut
 * down, and wait for its end, so that its exit handlers run (files written, temporary folders removed). If it does not
 * end in time, the caller has to end it by force.
 */
export async function askToShutDown(client: KernelClient, kernel: RunningKernel): Promise<void> {
  if (kernel.exit !== null) return;
  if (kernel.command.interruptMode !== 'message') interruptGroup(kernel.pid);
  // Wait for its end, not for its reply: not every kernel replies.
  void client.control('shutdown_request', { restart: false }, deadlineMs('kernel-shutdown'));
  await isDoneWithin('kernel-shutdown', kernel.exited);
}
