import type { KernelCounters } from '../model/arm.ts';
import type { Finding } from '../model/outcome.ts';
import { accountFault } from './account.ts';
import { IDLE_CPU_SHARE, seconds } from './classify.ts';

/** What is known of a run whose client is a command, and which no certificate has ended. */
export interface CommandFacts {
  /** How the program ended. `null`: it lives, and nothing has moved until the deadline. */
  readonly programExit: { readonly code: number | null; readonly signal: string | null } | null;
  /** How the kernel's process ended, in words. `null`: it lives. */
  readonly kernelExitWords: string | null;
  readonly kernel: KernelCounters;
  /** Code cells of the notebook. */
  readonly cells: number;
  /** Milliseconds since anything moved. */
  readonly waitedMs: number;
  /** How busy the kernel was while nothing moved. `null`: it was not sampled for a whole second. */
  readonly idle: { readonly busiestShare: number; readonly lastShare: number } | null;
  /** Whether a look found no request queued in the kernel's shell socket. */
  readonly isSocketEmpty: boolean;
}

/**
 * Name the outcome of a run whose client is a command. Nothing is known of the program but its exit code, and of what it
 * asked only what the kernel counts. So it is never a wedge here: that needs the certificate.
 */
export function classifyCommand(facts: CommandFacts): Finding {
  const { programExit, kernelExitWords, kernel, cells } = facts;
  const fault = accountFault(kernel);
  const account = `${kernel.delivered} requests were delivered to the kernel, ${kernel.ended} finished, ${kernel.replies} replied to`;
  if (programExit?.code === 0 && fault === null) {
    if (kernel.ended >= cells) {
      return { kind: 'completed', source: null, reason: 'the client ended with exit code 0' };
    }
    return {
      kind: 'start-failed',
      source: 'client',
      reason: `the client ended with exit code 0, but it did not execute the notebook in this kernel: the notebook has ${cells} code cells, and ${account}`,
    };
  }
  if (kernelExitWords !== null) {
    return {
      kind: 'died',
      source: 'kernel',
      reason: `the kernel's process ended during the run (${kernelExitWords})`,
    };
  }
  if (programExit !== null) {
    const how =
      programExit.signal === null ? `exit code ${programExit.code}` : `killed by ${programExit.signal}`;
    return kernel.delivered === 0
      ? {
          kind: 'start-failed',
          source: 'client',
          reason: `the client ended (${how}) before the kernel was given a request`,
        }
      : { kind: 'died', source: 'client', reason: `the client ended (${how}): ${account}` };
  }
  const how = `nothing moved for ${seconds(facts.waitedMs)}`;
  if (fault !== null) {
    return {
      kind: 'no-answer',
      source: null,
      reason: `${how}; the kernel's counters cannot be right, so that who owed whom is not known: ${fault}`,
    };
  }
  if (kernel.delivered > kernel.ended) {
    const isAtWork = facts.idle === null || facts.idle.lastShare >= IDLE_CPU_SHARE;
    return isAtWork
      ? { kind: 'busy', source: 'notebook', reason: `${how}; the kernel was at work: ${account}` }
      : {
          kind: 'hung',
          source: 'notebook',
          reason: `${how}; the kernel used no processor time, so that it waited for something: ${account}`,
        };
  }
  const socket = facts.isSocketEmpty
    ? 'and no request was queued in its shell socket'
    : 'and its shell socket could not be looked at';
  return {
    kind: 'no-answer',
    source: null,
    reason: `${how}; the kernel had finished all that it was given, ${socket}. What the client waited for is not known: ${account}`,
  };
}
