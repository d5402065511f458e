import { ForkLaunchers } from '../kernel/fork/fork-launchers.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import type { RunContext } from './run-context.ts';

/**
 * Kernels are spawned or forked, as the experiment and its arms want it, while `work` goes on; what forks them is
 * gone afterwards. Where something else launches them, as a server does, that is left as it is.
 *
 * @param onSpawned told once of each reason why kernels are spawned that were to be forked
 */
export async function withForks<Result>(
  method: LaunchMethod,
  context: RunContext,
  onSpawned: (why: string) => void,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  if (context.launch !== undefined) return work(context);
  const { reaper } = context;
  const launchers = new ForkLaunchers({ method, reaper, onSpawned });
  try {
    return await work({ ...context, launchMethod: method, launch: (options) => launchers.launch(options) });
  } finally {
    await launchers.stop();
  }
}
