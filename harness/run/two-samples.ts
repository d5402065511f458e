import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { kernelSample, type SampledKernel } from '../kernel/process-sample.ts';
import { STILL_CPU_SHARE } from '../oracle/classify.ts';

/** The watches look this often: a verdict comes within a few per cent of its due time, and looking costs nothing. */
export const WATCH_TICK_MS = 25;
/** A busy process has used ten ticks of processor time between two samples. */
export const SAMPLE_GAP_MS = 100;
/** Control has a thread of its own and answers in milliseconds. A busy machine may take longer. */
export const CONTROL_TIMEOUT_MS = 3_000;
/** Measured: the missing answers come 1 ms after the re-arm. A loaded machine may take longer. */
export const REVIVAL_TIMEOUT_MS = 2_000;

/** What a process showed over two samples. */
export interface Sampled {
  /** Share of one core; `null`: it could not be sampled. */
  readonly cpuShare: number | null;
  readonly state: string | null;
}

/** Counters before and after, and what processes showed between. */
export interface TwoSamples<Counted> {
  readonly before: Counted;
  readonly after: Counted;
  readonly processes: readonly Sampled[];
}

/** Sample counters and processes twice, from outside: nothing of it touches them. */
export async function sampleTwice<Counted>(
  count: () => Counted,
  kernels: readonly SampledKernel[],
): Promise<TwoSamples<Counted>> {
  const sample = async () => ({
    counted: count(),
    processes: await Promise.all(kernels.map((each) => kernelSample(each))),
    atMs: monotonicMs(),
  });
  const before = await sample();
  await delay(SAMPLE_GAP_MS);
  const after = await sample();
  const processes = after.processes.map((last, index): Sampled => {
    const first = before.processes[index] ?? null;
    const state = last?.state ?? null;
    if (first === null || last === null) return { cpuShare: null, state };
    return { cpuShare: Math.max(0, last.cpuMs - first.cpuMs) / (after.atMs - before.atMs), state };
  });
  return { before: before.counted, after: after.counted, processes };
}

/** Whether two counts say the same. */
export function areEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether a process is known to have used next to nothing. */
export function isStill({ cpuShare }: Sampled): boolean {
  return cpuShare !== null && cpuShare < STILL_CPU_SHARE;
}
