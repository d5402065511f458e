import type { ClientName, COMMAND_CLIENT } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import { type Arm, DESCRIPTION_LENGTH } from './arms.ts';
import type { OverlayPackage } from './packages.ts';

const CLIENT_PACKAGES = ['jupyter_client', 'nbclient'] as const;
type ClientPackage = (typeof CLIENT_PACKAGES)[number];

/** Modules of jupyter_client that a kernel uses. It imports the others but uses nothing from them. */
const IN_KERNELS =
  /^[+-]{3} (?:[ab]\/)?jupyter_client\/(?:adapter|connect|jsonutil|localinterfaces|session|utils)\.py\b/m;

function clientPackageOf(name: OverlayPackage): ClientPackage | null {
  return CLIENT_PACKAGES.find((each) => each === name) ?? null;
}

function isUnchanged({ patch, trees, manifest }: Arm): boolean {
  return patch === null && trees.length === 0 && manifest.engagement === undefined && !manifest.bare;
}

/** Packages that an arm takes from a diff or from commits, without those of the shipped arms. */
function changedPackages({ isRepositoryPatch, patchPackage, trees }: Arm): OverlayPackage[] {
  return [...(isRepositoryPatch ? [patchPackage] : []), ...trees.map((tree) => tree.package)];
}

function inKernel(arm: Arm): Arm {
  const words = ' (in the kernel, not in a client)';
  const description = `${arm.manifest.description.slice(0, DESCRIPTION_LENGTH - words.length)}${words}`;
  return { ...arm, manifest: { ...arm.manifest, description } };
}

/**
 * Settle what a diff or a commit of jupyter_client or nbclient changes, because its words do not say. With `--client`
 * it is the client, and arms without a change become the control of that client. Without it, it is the kernel, which
 * uses some modules of jupyter_client and nothing from nbclient.
 *
 * @throws SoakError `client-arm` without `--client` for code that no kernel uses, and for an arm that changes both sides
 */
export function armsUnderClient(
  arms: readonly Arm[],
  client: ClientName | typeof COMMAND_CLIENT | null,
): Arm[] {
  const changes = arms.map((arm) => {
    const names = changedPackages(arm);
    return { arm, names, clients: names.flatMap((name) => clientPackageOf(name) ?? []) };
  });
  if (client === null) {
    return changes.map(({ arm, clients }) => {
      if (clients.length === 0) return arm;
      const isNowhere =
        clients.includes('nbclient') || (arm.isRepositoryPatch && !IN_KERNELS.test(arm.patch ?? ''));
      if (!isNowhere) return inKernel(arm);
      throw new SoakError(
        'client-arm',
        `The arm ${arm.name} changes code of ${clients.join(' and ')} that only a client uses. Without --client, no run would execute it.`,
        { remedy: 'Add --client nbclient, which then executes the notebooks with the change in it.' },
      );
    });
  }
  const both = changes.find(({ names, clients }) => clients.length > 0 && new Set(names).size > 1);
  if (both !== undefined) {
    throw new SoakError(
      'client-arm',
      `The arm ${both.arm.name} changes ${[...new Set(both.names)].join(' and ')}, but an arm can change only the kernel or one package of the client.`,
      { remedy: 'Give each change its own arm, in its own experiment.' },
    );
  }
  const [changed] = changes.flatMap(({ clients }) => clients);
  if (changed === undefined) return [...arms];
  return changes.map(({ arm, clients }) => {
    const of = clients[0] ?? (isUnchanged(arm) && arm.manifest.package === 'ipykernel' ? changed : null);
    if (of === null) return arm;
    return { ...arm, patchPackage: of, manifest: { ...arm.manifest, package: of, appliesTo: '>=0' } };
  });
}
