import type { ArmPackage } from '../model/arm.ts';
import type { KernelIdentity } from './kernel-identity.ts';
import type { Overlay } from './overlay.ts';
import type { SourceHashes } from './source-files.ts';

/** A module that a process of each package loads in any case. */
const ALWAYS_LOADED: Readonly<Record<ArmPackage, string>> = {
  ipykernel: 'ipykernel/kernelapp.py',
  jupyter_client: 'jupyter_client/channels.py',
  nbclient: 'nbclient/client.py',
};

/**
 * Compare what a kernel or client says it loaded with what the arm is made of.
 *
 * @returns `null` when every loaded file is the arm's; else one sentence naming the first that is not.
 */
export function identityMismatch(overlay: Overlay, loaded: SourceHashes): string | null {
  const owned: SourceHashes = { ...overlay.site?.sources, ...overlay.sources };
  for (const [path, hash] of Object.entries(loaded)) {
    const expected = Object.hasOwn(owned, path) ? owned[path] : undefined;
    if (expected === undefined) return `it loaded ${path}, which is not in the arm's overlay or environment`;
    if (expected !== hash)
      return `it loaded ${path} with SHA-256 ${hash.slice(0, 12)}…, not ${expected.slice(0, 12)}…`;
  }
  const module = ALWAYS_LOADED[overlay.arm.manifest.package];
  return Object.hasOwn(loaded, module) ? null : `it did not load ${module} from the arm's overlay`;
}

/**
 * Check that a kernel is its arm: the files that it loaded from the overlay and the environment, its Python
 * and its libzmq.
 *
 * @param identity the kernel's report; `null` when it reported nothing
 * @returns `null` when the kernel is its arm, and for a bare arm, which reports nothing; else the reason, as
 *   a clause
 */
export function identityFault(overlay: Overlay, identity: KernelIdentity | null): string | null {
  if (overlay.folder === null) return null;
  if (identity === null) return 'it did not say what it loaded';
  const { runtime } = overlay;
  if (runtime !== null && identity.python !== runtime.python)
    return `it runs Python ${identity.python}, not ${runtime.python}`;
  if (runtime !== null && runtime.libzmq !== null && identity.libzmq !== runtime.libzmq)
    return `it runs libzmq ${identity.libzmq}, not ${runtime.libzmq}`;
  const { eventLoop } = overlay.arm.manifest;
  if (eventLoop !== undefined && !identity.mainLoop?.toLowerCase().includes(eventLoop))
    return `it runs on ${identity.mainLoop}, not on a ${eventLoop} event loop`;
  return identityMismatch(overlay, identity.sources);
}
