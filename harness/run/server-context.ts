import { servedRunsFolder } from '../kernel/server/arm-kernelspecs.ts';
import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import type { OwnServer, PreparedGivenServer } from '../kernel/server/prepare-server.ts';
import { DeadlinePassed } from '../model/deadlines.ts';
import type { RunContext } from './run-context.ts';

/**
 * Do `work` with every kernel launched by a Jupyter Server: the harness's own, which ends afterwards, or a given one.
 * Without a server, kernels are processes of the harness.
 *
 * @throws SoakError `server-start`
 */
export async function withServer<Result>(
  prepared: Pick<OwnServer, 'python' | 'rootDir' | 'via'> | Pick<PreparedGivenServer, 'address'> | null,
  context: RunContext,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  if (prepared === null) return work(context);
  // Imported here: most experiments have no server, and its library takes 15 MiB of memory.
  const { quietConsole } = await import('../transport/server-settings.ts');
  const { launch, stop } = await startServer(prepared, context);
  const loud = quietConsole();
  try {
    return await work({ ...context, launch });
  } finally {
    loud();
    // The reaper ends a server that does not end in time. The records are not affected.
    await stop().catch((error: unknown) => {
      if (!(error instanceof DeadlinePassed)) throw error;
    });
  }
}

async function startServer(
  prepared: Pick<OwnServer, 'python' | 'rootDir' | 'via'> | Pick<PreparedGivenServer, 'address'>,
  { reaper, startTimeoutMs, sockets }: RunContext,
): Promise<{ launch: NonNullable<RunContext['launch']>; stop: () => Promise<void> }> {
  if ('address' in prepared) {
    const { GivenServerKernels } = await import('../kernel/server/given-server.ts');
    const kernels = new GivenServerKernels(prepared.address, servedRunsFolder(), startTimeoutMs);
    return { launch: (options) => kernels.launch(options), stop: () => Promise.resolve() };
  }
  const { python, rootDir, via } = prepared;
  const { launchThroughServer } = await import('../kernel/server/own-server-kernel.ts');
  const server = await JupyterServer.start(python, rootDir, reaper, sockets, via);
  return { launch: (options) => launchThroughServer(server, rootDir, options), stop: () => server.stop() };
}
