export { cacheFolder } from './cache.ts';
export { environmentCopy } from './copied-environment.ts';
export {
  type EnvironmentInspection,
  type EnvironmentOptions,
  type EnvironmentState,
  ensureEnvironment,
  inspectEnvironment,
  inspectGivenEnvironment,
  type KernelEnvironment,
  missingRemedy,
} from './ensure-environment.ts';
export type { EnvironmentFacts } from './facts.ts';
export { findInstaller, type UsableInstaller } from './install.ts';
export {
  armRequirements,
  defaultVersion,
  lockText,
  requirementsWith,
  versionsBesideLock,
} from './requirements.ts';
