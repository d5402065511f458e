import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadArm } from '../../harness/arms/arms.ts';
import { parseLatency } from '../../harness/frontend/latency.ts';
import { PreciseTimer } from '../../harness/frontend/precise-timer.ts';
import {
  cacheFolder,
  ensureEnvironment,
  type KernelEnvironment,
} from '../../harness/kernel/environment/index.ts';
import { armCommand } from '../../harness/kernel/launch.ts';
import { makeOverlay, type Overlay } from '../../harness/kernel/overlay.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import { LoopStallMeter } from '../../harness/run/loop-stall.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import type { ArmSubject } from '../../harness/run/subject.ts';

/** What tests of real runs share: the default environment, a reaper, a timer; to be closed at the end. */
export interface RealSurroundings {
  readonly environment: KernelEnvironment;
  readonly context: RunContext;
  /** An arm of the repository on the default environment. */
  arm(name: string): Promise<ArmSubject>;
  close(): Promise<void>;
}

async function overlayOf(name: string, environment: KernelEnvironment): Promise<Overlay> {
  const { ipykernel } = environment.facts;
  if (ipykernel === null) throw new Error('The default environment has no ipykernel.');
  return makeOverlay(await loadArm(name), {
    python: environment.python,
    packageFolder: ipykernel.folder,
    version: ipykernel.version,
    environmentKey: environment.key,
    cacheDir: cacheFolder(),
  });
}

/** Real surroundings for a run; `overrides` change the context. */
export async function realSurroundings(overrides: Partial<RunContext> = {}): Promise<RealSurroundings> {
  const environment = await ensureEnvironment({});
  const reaper = await Reaper.start(environment.python);
  const timer = new PreciseTimer();
  const stalls = new LoopStallMeter();
  return {
    environment,
    context: {
      timeoutMs: 20_000,
      startTimeoutMs: 60_000,
      suspectAfterMs: 1_000,
      pipelineDepth: 4,
      latency: await parseLatency('none'),
      timer,
      stalls,
      reaper,
      variables:
        environment.matplotlibConfigDir === null ? {} : { MPLCONFIGDIR: environment.matplotlibConfigDir },
      ...overrides,
    },
    async arm(name) {
      const overlay = await overlayOf(name, environment);
      return { overlay, makeCommand: armCommand(environment, overlay) };
    },
    async close() {
      stalls.stop();
      await timer.close();
      await reaper.stop();
    },
  };
}

/** A folder for one test, and how to remove it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'soak-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
