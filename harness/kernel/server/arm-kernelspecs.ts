import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runtimeHash } from '../../arms/runtime-hash.ts';
import { canonicalJson, sha256 } from '../../model/canonical.ts';
import { makeFolder } from '../../model/make-folder.ts';
import type { ArmKernels } from '../arm-kernels.ts';
import { cacheFolder } from '../environment/index.ts';
import { type KernelCommandMaker, runtimeConfig, runtimeScript } from '../launch.ts';

/** Metadata key of a kernelspec. An installed arm stores its stamp under it. */
export const METADATA_KEY = 'kernel_soak';

/** An arm that a server can start by the name of a kernelspec. */
export interface ArmKernelspec {
  readonly name: string;
  readonly folder: string;
}

/** The kernelspec name of an arm. Servers allow letters, digits, `.`, `_` and `-`. */
export function kernelspecName(arm: string): string {
  const plain = arm.replace(/[^A-Za-z0-9._-]+/g, '-').toLowerCase();
  return plain === arm ? `soak-${arm}` : `soak-${plain}-${sha256(arm).slice(0, 8)}`;
}

/**
 * A hash that identifies an arm on every machine. It covers the sources that the arm loads and those of the
 * runtime.
 */
export async function armStamp({ overlay }: Pick<ArmKernels, 'overlay'>): Promise<string> {
  const { treeSha256, eventLoop, variables, arguments: words } = overlay.protocolArm;
  return sha256(
    canonicalJson({
      treeSha256,
      eventLoop: eventLoop ?? null,
      variables: variables ?? {},
      arguments: words ?? [],
      runtimeSha256: await runtimeHash(),
    }),
  );
}

/** The folder for the private folders of kernels that a server starts. All servers of a user share it. */
export function servedRunsFolder(cacheDir?: string): string {
  return join(cacheFolder(cacheDir), 'served');
}

/**
 * Write an arm's kernelspec into a Jupyter data folder (`…/share/jupyter`). A server that searches this
 * folder can then start the arm's kernels. The kernelspec points into the cache and works as long as the
 * cache exists.
 *
 * @throws Error of the file system
 */
export async function installArm(
  { overlay, environment }: Pick<ArmKernels, 'overlay' | 'environment'>,
  dataFolder: string,
): Promise<ArmKernelspec> {
  const { name: arm, manifest } = overlay.arm;
  const name = kernelspecName(arm);
  const folder = join(dataFolder, 'kernels', name);
  const runs = servedRunsFolder();
  await makeFolder(runs, 0o700);
  await chmod(runs, 0o700);
  await makeFolder(folder);
  const config = join(folder, 'runtime.json');
  const { python, matplotlibConfigDir } = environment;
  const spec = {
    argv: [python, runtimeScript(), config, '-f', '{connection_file}', ...manifest.arguments],
    display_name: `kernel-soak ${arm}: ipykernel ${environment.facts.ipykernel?.version ?? 'unknown'}`,
    language: 'python',
    env: {
      ...(matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: matplotlibConfigDir }),
      PYDEVD_DISABLE_FILE_VALIDATION: '1',
      ...manifest.variables,
    },
    metadata: { [METADATA_KEY]: { arm: await armStamp({ overlay }) } },
  };
  await writeFile(config, JSON.stringify({ ...runtimeConfig(overlay), runs }));
  await writeFile(join(folder, 'kernel.json'), `${JSON.stringify(spec, null, 1)}\n`);
  return { name, folder };
}

/** The command of an arm that a server starts by its kernelspec. `folder` is the kernel's own folder. */
export function servedCommand(kernelspec: string): KernelCommandMaker {
  return (folder) => ({
    argv: [kernelspec],
    kernelspec,
    countersPath: join(folder, 'counters.bin'),
    identityPath: join(folder, 'identity.json'),
  });
}
