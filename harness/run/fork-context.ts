import { ForkLaunchers } from '../kernel/fork/fork-launchers.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import type { RunContext } from './run-context.ts';

/**
 * Do `work` with kernels that are spawned or forked, as the experiment and its arms ask. The processes that fork them end
 * afterwards. If a server launches the kernels, nothing changes.
 *
 * @param onSpawned is told once of each reason why kernels are spawned instead of forked
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
