import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { loadArmSpec } from '../arms/arm-spec.ts';
import type { Arm } from '../arms/arms.ts';
import { armsUnderClient } from '../arms/client-change.ts';
import { OVERLAY_PACKAGES } from '../arms/packages.ts';
import { readWantedPackages, withPackages } from '../arms/wanted-packages.ts';
import { isClientPackage } from '../model/arm.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import { type ArmKernelOptions, type ArmKernels, armKernelMaker } from './arm-kernels.ts';
import { checkArmsOfClient, prepareClient } from './client-arms.ts';
import type { Overlay } from './overlay.ts';

const CLIENT = { name: 'nbclient', cellTimeoutSeconds: null } as const;

/** An arm as it would run: made, and compared with the packages of its environment. */
export interface ArmInspection {
  readonly arm: Arm;
  readonly kernels: ArmKernels;
  /** Unified diff of the sources that differ from the installed ones; empty where none does. */
  readonly diff: string;
}

/**
 * Make an arm with its kernel environment, and compare it with what is installed there.
 *
 * @throws SoakError what loading and making an arm throws
 */
export async function inspectArm(
  spec: string,
  options: Parameters<typeof prepareClient>[2] &
    Pick<ArmKernelOptions, 'env'> & {
      readonly with?: readonly string[] | undefined;
      readonly requirements?: readonly string[] | undefined;
    },
): Promise<ArmInspection> {
  const wanted = await readWantedPackages(options.with ?? [], options.requirements ?? []);
  const read = withPackages(await loadArmSpec(spec), wanted);
  const isOfClient = [read.patchPackage, ...read.trees.map((tree) => tree.package)].some(
    (name) => name === 'nbclient' || name === 'jupyter_client',
  );
  const client = isOfClient ? CLIENT : null;
  const [arm = read] = armsUnderClient([read], client?.name ?? null);
  checkArmsOfClient([arm], client?.name ?? null);
  const kernelsOf = armKernelMaker(options);
  const kernels =
    client === null
      ? await kernelsOf(arm)
      : await (await prepareClient(client, kernelsOf, options)).armOf(arm);
  const changed = isClientPackage(arm.manifest.package)
    ? null
    : await changesOf(kernels.overlay, kernels.environment.facts.sourceFolders);
  return { arm, kernels, diff: changed ?? arm.patch ?? '' };
}

/** A unified diff as git writes it, without the line of equals signs that the library puts first. */
export function unifiedDiff(from: string, to: string, before: string, after: string): string {
  return createTwoFilesPatch(from, to, before, after).replace(/^=+\n/, '');
}

/** A diff of every source that the overlay has otherwise than the environment. */
async function changesOf(overlay: Overlay, installed: Readonly<Record<string, string>>): Promise<string> {
  const { folder } = overlay;
  if (folder === null) return '';
  const diffs: string[] = [];
  for (const path of Object.keys(overlay.sources).sort()) {
    const [name = '', ...rest] = path.split('/');
    const before = await readFile(join(installed[name] ?? '', ...rest), 'utf8').catch(() => '');
    const after = await readFile(join(folder, path), 'utf8');
    if (before !== after && path.endsWith('.py'))
      diffs.push(unifiedDiff(`a/${path}`, `b/${path}`, before, after));
  }
  const isKnown = Object.keys(overlay.sources).some(
    (path) => installed[path.split('/')[0] ?? ''] !== undefined,
  );
  if (!isKnown) {
    throw new SoakError(
      'environment-broken',
      `The environment has none of ${Object.keys(OVERLAY_PACKAGES).join(', ')}.`,
      {
        remedy: 'Clear the cache folder and run the command again.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  return diffs.join('');
}
