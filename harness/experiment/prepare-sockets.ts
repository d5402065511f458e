import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Arm } from '../arms/arms.ts';
import { assertSocketPath } from '../kernel/connection-file.ts';
import { assertOffersCurve } from '../kernel/offers-curve.ts';
import { serverSocketPath } from '../kernel/server/jupyter-server.ts';
import type { RunOptions } from '../options/run-options.ts';
import { askKernel } from '../run/ask-kernel.ts';
import { withAskingContext } from './asking-context.ts';
import type { PreparedSubjects } from './prepare-arms.ts';

/**
 * Refuse a folder for temporary files whose path is too long for any Unix socket. This check comes before
 * anything is made.
 *
 * @throws SoakError `socket-path-too-long`
 */
export function assertSocketsFit({ ipc, transport }: Pick<RunOptions, 'ipc' | 'transport'>): void {
  if (!ipc) return;
  const name = (start: string) => join(tmpdir(), `${start}${'0'.repeat(12)}`);
  assertSocketPath(
    transport === 'server' ? serverSocketPath(name('soak-server-')) : join(name('soak-'), 'k-5'),
  );
}

/**
 * Check that the kernels of all arms encrypt. It first checks the installed packages, then starts one kernel
 * of each arm and connects to it without the keys. It refuses a client or server whose own jupyter_client
 * cannot ask for encryption.
 *
 * @throws SoakError `no-encryption`, and what `askKernel` throws
 */
export async function assertArmsEncrypt(
  loaded: readonly Arm[],
  { arms, armEnvironment, armEnvironments, clientEnvironment, server, kernelEnvironment }: PreparedSubjects,
  options: RunOptions,
): Promise<void> {
  for (const name of arms.keys()) {
    const { packages } = armEnvironments.get(name) ?? armEnvironment;
    // A commit's own version differs from that of the package that it replaces, so only a start can tell.
    const changed = (loaded.find((arm) => arm.name === name)?.trees ?? [])
      .map((tree) => tree.package)
      .filter((changes) => options.client === null || changes === 'ipykernel');
    assertOffersCurve(`the arm ${name}`, packages, ['ipykernel', 'jupyter-client'], changed);
  }
  if (options.client !== null && clientEnvironment !== null) {
    assertOffersCurve(`the client ${options.client.name}`, clientEnvironment.packages, ['jupyter-client']);
  }
  const serverPackages = server?.environment?.packages;
  if (serverPackages !== undefined) assertOffersCurve('the server', serverPackages, ['jupyter-client']);
  await withAskingContext(options, kernelEnvironment, async (context) => {
    const cwd = dirname(resolve(options.notebooks[0] ?? '.'));
    for (const [name, { makeCommand }] of arms) await askKernel(name, makeCommand, cwd, context);
  });
}
