import type { Notebook } from '../frontend/notebook.ts';
import { identityFault, identityMismatch } from '../kernel/identity.ts';
import { runChange } from '../kernel/marks.ts';
import type { Overlay } from '../kernel/overlay.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { executeClientRun } from './client-run.ts';
import { executeCommandRun } from './command-run.ts';
import { executeRun } from './execute-run.ts';
import type { RunContext } from './run-context.ts';
import type { RunResult } from './run-record.ts';
import type { ArmSubject, Subject } from './subject.ts';

/**
 * A run whose kernel, and whose client where that is a program of its own, prove to be the arm.
 *
 * @param endpoint what the run of a client ends at
 * @returns `null` when the run was interrupted: it has no outcome and stays listed as begun
 * @throws SoakError `identity-mismatch` when the kernel or the client loaded anything but the arm
 */
export async function runSubject(
  order: RunOrder,
  notebook: Notebook,
  subject: Subject,
  context: RunContext,
  signal: AbortSignal,
  endpoint: Endpoint = 'wedged',
): Promise<RunResult | null> {
  const { makeCommand } = subject;
  if ('kernelspec' in subject) return executeRun(order, notebook, makeCommand, context, signal);
  const { client, command } = subject;
  const result =
    command !== undefined
      ? await executeCommandRun(order, notebook, command, makeCommand, context, signal)
      : client === undefined
        ? await executeRun(order, notebook, makeCommand, context, signal)
        : await executeClientRun(order, notebook, client.program, makeCommand, context, endpoint, signal);
  if (result === null || result.record.startMs === null) return result;
  try {
    assertArm(order, subject, result);
  } catch (error) {
    await result.discard();
    throw error;
  }
  return withChange(subject, result);
}

/** The run with the record of what its kernel executed of the arm's change, where it could say so. */
function withChange({ overlay }: ArmSubject, result: RunResult): RunResult {
  const { marks, protocolArm } = overlay;
  const { change } = protocolArm;
  if (change === undefined || result.marks?.length !== marks.length) return result;
  return { ...result, record: { ...result.record, change: runChange(change, marks, result.marks) } };
}

function assertArm({ run }: RunOrder, { overlay, client }: ArmSubject, result: RunResult): void {
  const { identity, isElsewhere, clientSources } = result;
  if (!isElsewhere) {
    assertIdentity(`The kernel of the run ${run}`, overlay, identityFault(overlay, identity));
  }
  if (client !== undefined && client.overlay !== null) {
    const mismatch =
      clientSources === null
        ? 'it did not say what it loaded'
        : identityMismatch(client.overlay, clientSources);
    assertIdentity(`The client of the run ${run}`, client.overlay, mismatch);
  }
}

function assertIdentity(who: string, overlay: Overlay, mismatch: string | null): void {
  if (mismatch === null) return;
  throw new SoakError('identity-mismatch', `${who} is not the arm ${overlay.arm.name}: ${mismatch}.`, {
    remedy:
      'Something changed the overlay or the import path during the experiment. Clear the cache and start again.',
    exitCode: EXIT_CODES.invalidExperiment,
  });
}
