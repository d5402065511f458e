import type { Latency } from '../frontend/latency.ts';
import { PreciseTimer } from '../frontend/precise-timer.ts';
import { Reaper } from '../kernel/reaper.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import { LoopStallMeter } from './loop-stall.ts';
import type { Autopsies } from './revival.ts';
import type { RunContext } from './run-context.ts';

/** What a series of runs needs: the protocol's settings, and the environment that kernels are launched from. */
export interface SharedSettings {
  readonly protocol: Pick<
    RunContext,
    'timeoutMs' | 'startTimeoutMs' | 'suspectAfterMs' | 'pipelineDepth' | 'interruptAfter' | 'sockets'
  > &
    Pick<EndpointRule, 'memoryAboveBytes'>;
  readonly latency: Latency;
  readonly kernelEnvironment: {
    /** Interpreter of the reaper, which needs only the standard library. */
    readonly python: string;
    readonly matplotlibConfigDir: string | null;
  };
  readonly autopsies?: Autopsies;
}

/**
 * Do `work` with everything that runs share: reaper, timer, stall meter. They end afterwards.
 */
export async function withSharedContext<Result>(
  { protocol, latency, kernelEnvironment, autopsies }: SharedSettings,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const reaper = await Reaper.start(kernelEnvironment.python);
  const timer = new PreciseTimer();
  const stalls = new LoopStallMeter();
  const { timeoutMs, startTimeoutMs, suspectAfterMs, pipelineDepth, interruptAfter } = protocol;
  const { sockets, memoryAboveBytes } = protocol;
  const { matplotlibConfigDir } = kernelEnvironment;
  try {
    return await work({
      timeoutMs,
      startTimeoutMs,
      suspectAfterMs,
      pipelineDepth,
      ...(interruptAfter === undefined ? {} : { interruptAfter }),
      latency,
      timer,
      stalls,
      reaper,
      sockets,
      ...(memoryAboveBytes === undefined ? {} : { samplesMemory: true }),
      variables: matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: matplotlibConfigDir },
      ...(autopsies === undefined ? {} : { autopsies }),
    });
  } finally {
    stalls.stop();
    await timer.close();
    await reaper.stop();
  }
}
