import { venvPython } from '../environment/platform.ts';
import { isFolder } from './find.ts';
import { findKernels, type KernelSearch } from './index.ts';

/** The kernels as seen from an environment: its interpreter or its folder; `undefined`: the first Python on PATH. */
export async function searchKernels(env: string | undefined, signal?: AbortSignal): Promise<KernelSearch> {
  const isVenv = env !== undefined && (await isFolder(env));
  return findKernels({ python: isVenv ? venvPython(env, process.platform) : env, signal });
}
