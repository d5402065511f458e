import { JupyterServer } from '../kernel/server/jupyter-server.ts';
import type { PreparedServer } from '../kernel/server/prepare-server.ts';
import { launchThroughServer } from '../kernel/server/server-kernel.ts';
import { quietConsole } from '../transport/server-settings.ts';
import type { RunContext } from './execute-run.ts';

/**
 * A Jupyter Server of the harness's own is there while `work` goes on, and every kernel is launched by it; it is
 * gone afterwards, however that ends. Without one, kernels are processes of the harness.
 *
 * @throws SoakError `server-start`
 */
export async function withServer<Result>(
  prepared: Pick<PreparedServer, 'python' | 'rootDir'> | null,
  context: RunContext,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  if (prepared === null) return work(context);
  const { python, rootDir } = prepared;
  const server = await JupyterServer.start(python, rootDir, context.reaper);
  const loud = quietConsole();
  try {
    return await work({ ...context, launch: (options) => launchThroughServer(server, rootDir, options) });
  } finally {
    loud();
    await server.stop();
  }
}
