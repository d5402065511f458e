import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs, roundedMs } from '../frontend/precise-timer.ts';
import type { KernelCounters } from '../model/arm.ts';
import { type Look, lookOfKernel, type Observations } from '../model/observations.ts';
import type { Outcome } from '../model/outcome.ts';
import { isStrand } from '../oracle/classify.ts';
import type { ConnectionInfo } from '../transport/connection.ts';
import { ControlPeer } from '../transport/control-peer.ts';
import { unansweredOutcome } from './run-outcome.ts';
import { CONTROL_TIMEOUT_MS, REVIVAL_TIMEOUT_MS } from './two-samples.ts';

/** What one look at a kernel under another program's client found, and what the re-arm did if it was a strand. */
export interface KernelLook {
  /** `null`: the kernel did not answer on its control channel. */
  readonly look: Look | null;
  readonly revival: { readonly revived: boolean; readonly afterMs: number | null } | null;
}

/**
 * Look once at a kernel's shell-channel loop over its control channel. If a request is stranded there, run its read
 * handler once.
 *
 * @param delivered requests that the kernel has been given by now
 * @param mark called before each of both
 */
export async function lookAtKernel(
  connection: ConnectionInfo,
  delivered: () => number,
  mark: (act: string) => void,
): Promise<KernelLook> {
  const control = new ControlPeer(connection);
  const before = delivered();
  try {
    mark('suspicion: one look at the shell-channel loop');
    const reply = await control.request('soak_probe_request', CONTROL_TIMEOUT_MS);
    const look = lookOfKernel(reply?.content);
    if (look === null || !isStrand(look)) return { look, revival: null };
    const startMs = monotonicMs();
    mark('tried: re-arm');
    const rearmed = control.request('soak_rearm_request', CONTROL_TIMEOUT_MS);
    const revived = await within(() => delivered() > before);
    const afterMs = revived ? roundedMs(monotonicMs() - startMs) : null;
    await rearmed;
    return { look, revival: { revived, afterMs } };
  } finally {
    control.close();
  }
}

/** Whether a condition holds before a revival's time is up. */
export async function within(condition: () => boolean): Promise<boolean> {
  for (const dueMs = monotonicMs() + REVIVAL_TIMEOUT_MS; monotonicMs() < dueMs; ) {
    if (condition()) return true;
    await delay(1);
  }
  return false;
}

/** A certified strand in a kernel whose client is another program. */
export interface StrandSeen {
  /** Type of the request. */
  readonly request: string;
  readonly waitedMs: number;
  /** Shell requests that the client had sent. */
  readonly sent: number;
  readonly counters: KernelCounters | null;
  readonly cpuShare: number | null;
  readonly processState: string | null;
  readonly look: Look;
  readonly revivedByRearm: boolean;
  readonly revivedAfterMs: number | null;
}

/**
 * The outcome of a run that such a strand ended.
 *
 * @param cell position of the cell that waited; `null`: not known
 */
export function strandOutcome(strand: StrandSeen, cell: number | null, loopStallMs: number): Outcome {
  const seen: Observations = {
    ...strand,
    waitedMs: roundedMs(strand.waitedMs),
    // The client's subscription and replies are its own: what it saw of the request is not known here.
    busySeen: false,
    replySeen: false,
    idleSeen: false,
    rejected: 0,
    rejections: {},
    heartbeat: null,
    control: true,
    shellPortOpen: null,
    peerAnswered: null,
    revivedByPeer: null,
    revival: null,
    answeredLate: false,
    loopStallMs: roundedMs(loopStallMs),
    socketError: null,
  };
  return unansweredOutcome(seen, cell);
}
