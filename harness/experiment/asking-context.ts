import { parseLatency } from '../frontend/latency.ts';
import type { RunOptions } from '../options/run-options.ts';
import { protocolSockets } from '../options/socket-options.ts';
import type { RunContext } from '../run/run-context.ts';
import { type SharedSettings, withSharedContext } from '../run/shared-context.ts';

/**
 * Work with a context in which kernels are asked what they are before an experiment. It holds sockets and
 * time-outs.
 */
export async function withAskingContext<Result>(
  options: RunOptions,
  kernelEnvironment: SharedSettings['kernelEnvironment'],
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  return withSharedContext(
    {
      protocol: {
        timeoutMs: options.timeoutSeconds * 1000,
        startTimeoutMs: options.startTimeoutSeconds * 1000,
        suspectAfterMs: null,
        pipelineDepth: options.pipelineDepth,
        sockets: protocolSockets(options),
      },
      latency: await parseLatency('none'),
      kernelEnvironment,
    },
    work,
  );
}
