import { setTimeout as delay } from 'node:timers/promises';
import type { KernelClient, ShellRequest } from '../frontend/client.ts';
import { monotonicMs, roundedMs } from '../frontend/precise-timer.ts';
import type { RunningKernel } from '../kernel/launch.ts';
import { REVIVAL_RUNGS, type Revival, type RevivalRung } from '../model/observations.ts';
import type { ShellPeer } from '../transport/fresh-peer.ts';
import { interruptKernel } from './interrupt-kernel.ts';
import { CONTROL_TIMEOUT_MS, REVIVAL_TIMEOUT_MS, WATCH_TICK_MS } from './two-samples.ts';

// Longer than the others, since nothing else is done.
const WAITING_MS = 3_000;

/** A kernel with an unanswered request, and how to start another one like it. */
export interface Patient {
  readonly client: KernelClient;
  readonly kernel: RunningKernel;
  /** The unanswered request. */
  readonly request: ShellRequest;
  /** Ends the kernel, starts a fresh one and says whether it became ready. */
  readonly restart: () => Promise<boolean>;
}

/** Which wedge gets which rung: the first `limit` wedges of an experiment, the rungs in turn. */
export class Autopsies {
  readonly #limit: number;
  #begun: number;

  /**
   * @param limit `full`: every wedge. A number: the first so many. `undefined`: none
   * @param recorded autopsies that are already in the journal
   */
  constructor(limit: 'full' | number | undefined, recorded: number) {
    this.#limit = limit === 'full' ? Number.POSITIVE_INFINITY : (limit ?? 0);
    this.#begun = recorded;
  }

  /** The rung for the next wedge; `null`: it gets none. */
  next(): RevivalRung | null {
    if (this.#begun >= this.#limit) return null;
    const rung = REVIVAL_RUNGS[this.#begun % REVIVAL_RUNGS.length] ?? null;
    this.#begun += 1;
    return rung;
  }
}

/** When the kernel first said anything about a request, `monotonicMs`. The end of a long cell is not waited for. */
export function firstWordMs(request: ShellRequest): number | null {
  return request.busyAtMs ?? request.replyAtMs ?? request.idleAtMs;
}

async function firstWordWithin(patient: Patient, startMs: number, timeoutMs: number): Promise<number | null> {
  for (;;) {
    const firstMs = firstWordMs(patient.request);
    if (firstMs !== null) return Math.max(0, firstMs - startMs);
    const leftMs = startMs + timeoutMs - monotonicMs();
    if (leftMs <= 0) return null;
    await Promise.race([patient.client.changed(), delay(Math.min(leftMs, WATCH_TICK_MS))]);
  }
}

/**
 * Try one rung on a stranded request, and see whether the kernel turns to it. Take the run's account before: a rung may
 * send messages and bring answers about.
 */
export async function tryRung(rung: RevivalRung, patient: Patient): Promise<Revival> {
  const { client, kernel } = patient;
  const startMs = monotonicMs();
  client.trace.mark(`tried: ${rung}`);
  if (rung === 'restart') {
    const revived = await patient.restart();
    return { rung, revived, afterMs: revived ? roundedMs(monotonicMs() - startMs) : null };
  }
  let peer: ShellPeer | null = null;
  if (rung === 'same-peer') {
    client.request('kernel_info_request', {});
  } else if (rung === 'interrupt') {
    void interruptKernel(client, kernel);
  } else if (rung === 'new-peer') {
    peer = kernel.shellPeer();
    peer.ask();
  } else if (rung === 're-arm') {
    void client.control('soak_rearm_request', {}, CONTROL_TIMEOUT_MS);
  }
  const timeoutMs = rung === 'waiting' ? WAITING_MS : REVIVAL_TIMEOUT_MS;
  try {
    const afterMs = await firstWordWithin(patient, startMs, timeoutMs);
    return { rung, revived: afterMs !== null, afterMs: afterMs === null ? null : roundedMs(afterMs) };
  } finally {
    await peer?.close();
  }
}
