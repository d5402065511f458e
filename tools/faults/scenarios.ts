import type { Campaign, FaultResult } from './campaign.ts';
import { killHarness, killKernels, killLaunchers, killServers, longNight } from './kills.ts';
import { clockJumps, fewDescriptors, noPorts, suspended } from './machine.ts';
import { tenEnvironments, twoHarnesses } from './sharing.ts';
import { damagedCache, fullDisk, noTemporaryFolder, readOnlyFolder, truncatedJournal } from './storage.ts';

/** Every kind of fault, by name. */
export const SCENARIOS: Readonly<Record<string, (campaign: Campaign) => Promise<FaultResult>>> = {
  harness: killHarness,
  kernels: killKernels,
  launchers: killLaunchers,
  servers: killServers,
  disk: fullDisk,
  'read-only': readOnlyFolder,
  truncated: truncatedJournal,
  temporary: noTemporaryFolder,
  clock: clockJumps,
  suspended,
  descriptors: fewDescriptors,
  ports: noPorts,
  two: twoHarnesses,
  cache: damagedCache,
  ten: tenEnvironments,
  night: longNight,
};
