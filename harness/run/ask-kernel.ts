import { KernelClient } from '../frontend/client.ts';
import { type KernelCommandMaker, launchKernel } from '../kernel/launch.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { assertEncrypted } from './assert-encrypted.ts';
import { cleanUp } from './clean-up.ts';
import { awaitReady, type KernelInfo } from './ready.ts';
import type { RunContext } from './run-context.ts';

/**
 * Start a kernel once, ask what it is, and end it. So the protocol can name the kernel, and a kernel that does not start,
 * or does not encrypt although it should, is refused before the first run.
 *
 * @throws SoakError `kernel-does-not-start`, `not-encrypted`, `socket-path-too-long`
 */
export async function askKernel(
  name: string,
  makeCommand: KernelCommandMaker,
  cwd: string,
  context: Pick<RunContext, 'reaper' | 'startTimeoutMs' | 'variables' | 'sockets'>,
): Promise<KernelInfo> {
  const failed = (reason: string, words: string, cause?: unknown) =>
    new SoakError('kernel-does-not-start', `The kernel ${name} does not start: ${reason}.`, {
      remedy:
        words.trim() === ''
          ? 'It wrote nothing to standard error. Try it in Jupyter, or see `soak kernels`.'
          : `The end of its standard error:\n${words.trim().slice(-1_500)}`,
      exitCode: EXIT_CODES.environment,
      cause,
    });
  const kernel = await launchKernel({
    makeCommand,
    cwd,
    reaper: context.reaper,
    variables: context.variables,
    sockets: context.sockets,
  }).catch((error: unknown) => {
    if (error instanceof SoakError) throw error;
    throw failed((error as Error).message, '', error);
  });
  const client = new KernelClient(kernel.connection);
  try {
    if (context.sockets?.encryption !== undefined) {
      await assertEncrypted(name, kernel, kernel.connection, context.startTimeoutMs);
    }
    const readiness = await awaitReady(client, kernel, context.startTimeoutMs);
    if (!readiness.ready) throw failed(readiness.reason, kernel.stderrTail());
    return readiness.info;
  } finally {
    // The reaper ends what could not be cleaned up, as in a run.
    await cleanUp(client, kernel);
  }
}
