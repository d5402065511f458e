import type { ClientName } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import { type Arm, DESCRIPTION_LENGTH } from './arms.ts';
import type { OverlayPackage } from './packages.ts';

const CLIENT_PACKAGES = ['jupyter_client', 'nbclient'] as const;
type ClientPackage = (typeof CLIENT_PACKAGES)[number];

/** Modules of jupyter_client that a kernel works with; it imports the others and uses nothing of them. */
const IN_KERNELS =
  /^[+-]{3} (?:[ab]\/)?jupyter_client\/(?:adapter|connect|jsonutil|localinterfaces|session|utils)\.py\b/m;

function clientPackageOf(name: OverlayPackage): ClientPackage | null {
  return CLIENT_PACKAGES.find((each) => each === name) ?? null;
}

function isUnchanged({ patch, trees, manifest }: Arm): boolean {
  return patch === null && trees.length === 0 && manifest.engagement === undefined && !manifest.bare;
}

/** Packages that an arm takes from a diff or from commits, the folders that ship left aside. */
function changedPackages({ isRepositoryPatch, patchPackage, trees }: Arm): OverlayPackage[] {
  return [...(isRepositoryPatch ? [patchPackage] : []), ...trees.map((tree) => tree.package)];
}

function inKernel(arm: Arm): Arm {
  const words = ' (in the kernel; not of a client)';
  const description = `${arm.manifest.description.slice(0, DESCRIPTION_LENGTH - words.length)}${words}`;
  return { ...arm, manifest: { ...arm.manifest, description } };
}

/**
 * Settle what a diff or a commit of jupyter_client or nbclient changes, which its words do not say: under
 * `--client` the client, so that arms without a change become that client's control; without one the kernel,
 * which uses some modules of jupyter_client and nothing of nbclient.
 *
 * @throws SoakError `client-arm` for what no kernel uses without `--client`, and for one arm that changes both sides
 */
export function armsUnderClient(arms: readonly Arm[], client: ClientName | null): Arm[] {
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
        `The arm ${arm.name} changes what only a client uses of ${clients.join(' and ')}: without --client its runs would show nothing of the change.`,
        { remedy: 'Add --client nbclient, which then executes the notebooks with the change in it.' },
      );
    });
  }
  const both = changes.find(({ names, clients }) => clients.length > 0 && new Set(names).size > 1);
  if (both !== undefined) {
    throw new SoakError(
      'client-arm',
      `The arm ${both.arm.name} changes ${[...new Set(both.names)].join(' and ')}: an arm changes the kernel or one package of the client.`,
      { remedy: 'Give each change its own arm, in experiments of their own.' },
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
