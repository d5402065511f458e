export { kernelspecCommand } from './command.ts';
export {
  type FoundKernel,
  findKernels,
  isIpykernel,
  type KernelSearch,
  namedKernel,
  type UsableKernel,
} from './find.ts';
export { launchWords } from './launch-words.ts';
export type { KernelFolder, PythonPlace } from './search-paths.ts';
export type { KernelSpec } from './spec.ts';
