/**
 * Packages that an arm may change: the Python packages by which a kernel serves its channels, and those of a client.
 * Import name to release name.
 */
export const OVERLAY_PACKAGES = {
  ipykernel: 'ipykernel',
  jupyter_client: 'jupyter-client',
  nbclient: 'nbclient',
  IPython: 'ipython',
  zmq: 'pyzmq',
} as const;
export type OverlayPackage = keyof typeof OVERLAY_PACKAGES;

export function isOverlayPackage(name: string): name is OverlayPackage {
  return Object.hasOwn(OVERLAY_PACKAGES, name);
}

/** Folders beside a package that its compiled modules load libraries from by relative path, as wheels have them. */
export const LIBRARY_FOLDERS: Readonly<Partial<Record<OverlayPackage, string>>> = { zmq: 'pyzmq.libs' };

/** Files that a release has but a repository may lack, because building makes them. */
export const BUILT_FILES = ['_version.py', 'utils/_sysinfo.py'] as const;
