import type { Notebook } from '../frontend/notebook.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { identityMismatch, type Overlay } from '../kernel/overlay.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { RunOrder } from '../plan/schedule.ts';
import { executeRun, type RunContext, type RunResult } from './execute-run.ts';

/** An arm, ready to launch. */
export interface LaunchableArm {
  readonly overlay: Overlay;
  readonly makeCommand: KernelCommandMaker;
}

/**
 * A run whose kernel proves to be its arm.
 *
 * @returns `null` when the run was interrupted: it has no outcome and stays listed as begun
 * @throws SoakError `identity-mismatch` when the kernel loaded anything but its arm
 */
export async function checkedRun(
  order: RunOrder,
  notebook: Notebook,
  arm: LaunchableArm,
  context: RunContext,
  signal: AbortSignal,
): Promise<RunResult | null> {
  const result = await executeRun(order, notebook, arm.makeCommand, context, signal);
  if (result === null || arm.overlay.folder === null || result.record.startMs === null) return result;
  const mismatch =
    result.identity === null
      ? 'it did not say what it loaded'
      : identityMismatch(arm.overlay, result.identity.sources);
  if (mismatch === null) return result;
  throw new SoakError(
    'identity-mismatch',
    `The kernel of the run ${order.run} is not the arm ${order.arm}: ${mismatch}.`,
    {
      remedy:
        'Something changed the overlay or the import path during the experiment. Clear the cache and begin again.',
      exitCode: EXIT_CODES.invalidExperiment,
    },
  );
}
