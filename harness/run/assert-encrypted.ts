import type { RunningKernel } from '../kernel/launch.ts';
import { notEncrypted } from '../kernel/offers-curve.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { KERNEL_SOCKETS, reception, UNINVITED } from '../transport/uninvited.ts';

/**
 * Check that a kernel turns away, on every channel, a peer without keys and one with another server's key. Use a kernel
 * that was started only for this: a peer that is let in may change what is measured.
 *
 * @param timeoutMs until the kernel has its sockets
 * @throws SoakError `not-encrypted`
 */
export async function assertEncrypted(
  name: string,
  kernel: Pick<RunningKernel, 'exited'>,
  connection: ConnectionInfo,
  timeoutMs: number,
): Promise<void> {
  if (connection.curve_publickey === undefined) {
    throw notEncrypted(name, 'its connection file has no keys');
  }
  const cases = KERNEL_SOCKETS.flatMap((channel) => UNINVITED.map((as) => ({ channel, as })));
  const received = Promise.all(
    cases.map(async (each) => ({
      ...each,
      reception: await reception(connection, each.channel, each.as, timeoutMs),
    })),
  );
  const all = await Promise.race([received, kernel.exited.then(() => [])]);
  const fault = all.find((each) => each.reception !== 'turned away');
  if (fault === undefined) return;
  const { channel, as } = fault;
  throw notEncrypted(
    name,
    fault.reception === 'let in'
      ? `on ${channel} it lets in a peer with ${as}`
      : `on ${channel} it has not turned away a peer with ${as} within ${(timeoutMs / 1000).toFixed(0)} s`,
  );
}
