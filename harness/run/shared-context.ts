import type { Latency } from '../frontend/latency.ts';
import { PreciseTimer } from '../frontend/precise-timer.ts';
import { Reaper } from '../kernel/reaper.ts';
import { LoopStallMeter } from './loop-stall.ts';
import type { Autopsies } from './revival.ts';
import type { RunContext } from './run-context.ts';

/** What a series of runs is made with: the protocol's settings and what kernels are launched from. */
export interface SharedSettings {
  readonly protocol: Pick<
    RunContext,
    'timeoutMs' | 'startTimeoutMs' | 'suspectAfterMs' | 'pipelineDepth' | 'sockets'
  >;
  readonly latency: Latency;
  readonly kernelEnvironment: {
    /** Interpreter of the reaper, which needs the standard library only. */
    readonly python: string;
    readonly matplotlibConfigDir: string | null;
  };
  readonly autopsies?: Autopsies;
}

/**
 * Everything that runs share (reaper, timer, stall meter) is there while `work` goes on, and gone afterwards,
 * however it ends.
 */
export async function withSharedContext<Result>(
  { protocol, latency, kernelEnvironment, autopsies }: SharedSettings,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const reaper = await Reaper.start(kernelEnvironment.python);
  const timer = new PreciseTimer();
  const stalls = new LoopStallMeter();
  const { timeoutMs, startTimeoutMs, suspectAfterMs, pipelineDepth, sockets } = protocol;
  const { matplotlibConfigDir } = kernelEnvironment;
  try {
    return await work({
      timeoutMs,
      startTimeoutMs,
      suspectAfterMs,
      pipelineDepth,
      latency,
      timer,
      stalls,
      reaper,
      sockets,
      variables: matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: matplotlibConfigDir },
      ...(autopsies === undefined ? {} : { autopsies }),
    });
  } finally {
    stalls.stop();
    await timer.close();
    await reaper.stop();
  }
}
