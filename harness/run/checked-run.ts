import type { Notebook } from '../frontend/notebook.ts';
import type { ClientProgram } from '../kernel/client-process.ts';
import { identityFault, identityMismatch } from '../kernel/identity.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { runChange } from '../kernel/marks.ts';
import type { Overlay } from '../kernel/overlay.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Endpoint } from '../model/outcome.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { executeClientRun } from './client-run.ts';
import { executeRun, type RunContext } from './execute-run.ts';
import type { RunResult } from './run-record.ts';

/** An arm, ready to launch. */
export interface LaunchableArm {
  readonly overlay: Overlay;
  readonly makeCommand: KernelCommandMaker;
  /** The program that executes the notebook, and what of it must be loaded; absent: the harness's own front end. */
  readonly client?: { readonly program: ClientProgram; readonly overlay: Overlay | null };
}

/**
 * A run whose kernel, and whose client where that is a program of its own, prove to be the arm.
 *
 * @param endpoint what the run of a client ends at
 * @returns `null` when the run was interrupted: it has no outcome and stays listed as begun
 * @throws SoakError `identity-mismatch` when the kernel or the client loaded anything but the arm
 */
export async function checkedRun(
  order: RunOrder,
  notebook: Notebook,
  arm: LaunchableArm,
  context: RunContext,
  signal: AbortSignal,
  endpoint: Endpoint = 'wedged',
): Promise<RunResult | null> {
  const { client, makeCommand } = arm;
  const result =
    client === undefined
      ? await executeRun(order, notebook, makeCommand, context, signal)
      : await executeClientRun(order, notebook, client.program, makeCommand, context, endpoint, signal);
  if (result === null || result.record.startMs === null) return result;
  try {
    assertArm(order, arm, result);
  } catch (error) {
    await result.discard?.();
    throw error;
  }
  return withChange(arm, result);
}

/** The run with the record of what its kernel executed of the arm's change, where it could say so. */
function withChange({ overlay }: LaunchableArm, result: RunResult): RunResult {
  const { marks, protocolArm } = overlay;
  const bytes = result.marks ?? null;
  const { change } = protocolArm;
  if (change === undefined || bytes === null || bytes.length !== marks.length) return result;
  return { ...result, record: { ...result.record, change: runChange(change, marks, bytes) } };
}

function assertArm(order: RunOrder, arm: LaunchableArm, result: RunResult): void {
  const { client } = arm;
  if (result.isElsewhere !== true) {
    assertIdentity(
      `The kernel of the run ${order.run}`,
      arm.overlay,
      identityFault(arm.overlay, result.identity),
    );
  }
  if (client !== undefined && client.overlay !== null) {
    const sources = result.clientSources ?? null;
    const mismatch =
      sources === null ? 'it did not say what it loaded' : identityMismatch(client.overlay, sources);
    assertIdentity(`The client of the run ${order.run}`, client.overlay, mismatch);
  }
}

function assertIdentity(who: string, overlay: Overlay, mismatch: string | null): void {
  if (mismatch === null) return;
  throw new SoakError('identity-mismatch', `${who} is not the arm ${overlay.arm.name}: ${mismatch}.`, {
    remedy:
      'Something changed the overlay or the import path during the experiment. Clear the cache and begin again.',
    exitCode: EXIT_CODES.invalidExperiment,
  });
}
