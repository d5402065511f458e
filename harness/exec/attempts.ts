import type { JsonObject, Notebook } from '../frontend/notebook.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import { EXEC_EXIT_CODES, type ExitCode } from '../model/errors.ts';
import type { RunRecord } from '../model/journal.ts';
import { isWedge } from '../model/outcome.ts';
import type { Traffic } from '../model/traffic.ts';
import { executeRun } from '../run/execute-run.ts';
import type { RunContext } from '../run/run-context.ts';

/** How an execution of a notebook ended. */
export interface Execution {
  readonly exitCode: ExitCode;
  /** With the outputs of the last attempt; `null` if no kernel became ready, or if it was interrupted. */
  readonly notebook: JsonObject | null;
  /** Removes the parts of the notebook that lie in files. After this it cannot be written. */
  readonly discard?: () => Promise<void>;
  readonly attempts: number;
}

/** What an execution needs. */
export interface ExecutionPlan {
  readonly notebook: Notebook;
  /** Names the kernel in records. */
  readonly arm: string;
  readonly makeCommand: KernelCommandMaker;
  readonly traffic: Traffic;
  /** Attempts at most, 1 or more. */
  readonly attempts: number;
  readonly context: RunContext;
  readonly signal: AbortSignal;
  /** Draws the seed of an attempt's latencies. */
  readonly drawSeed: () => number;
  /** Called and awaited before and after each attempt (counted from 1), so that a journal is ahead of a crash. */
  readonly onBegin: (attempt: number) => Promise<void>;
  readonly onAttempt: (attempt: number, record: RunRecord) => Promise<void>;
}

function exitCodeOf(record: RunRecord): ExitCode {
  const { kind } = record.outcome;
  if (kind === 'completed') return EXEC_EXIT_CODES.clean;
  if (kind === 'aborted') return EXEC_EXIT_CODES.cellNotExecuted;
  if (kind === 'cell-error') return EXEC_EXIT_CODES.cellRaised;
  return isWedge(kind) ? EXEC_EXIT_CODES.wedged : EXEC_EXIT_CODES.endedOtherwise;
}

/**
 * Execute a notebook. After a wedge, and only then, execute it again from its first cell in a fresh kernel. What a cell
 * did outside the kernel before the wedge happens again.
 */
export async function executeWithRetries(plan: ExecutionPlan): Promise<Execution> {
  for (let attempt = 1; ; attempt += 1) {
    await plan.onBegin(attempt);
    const result = await executeRun(
      {
        run: `a${String(attempt).padStart(3, '0')}`,
        block: attempt - 1,
        position: 0,
        arm: plan.arm,
        notebookIndex: 0,
        traffic: plan.traffic,
        seed: plan.drawSeed(),
      },
      plan.notebook,
      plan.makeCommand,
      plan.context,
      plan.signal,
    );
    if (result === null) return { exitCode: EXEC_EXIT_CODES.interrupted, notebook: null, attempts: attempt };
    const exitCode = exitCodeOf(result.record);
    const isLast = exitCode !== EXEC_EXIT_CODES.wedged || attempt >= plan.attempts;
    let isHandedOn = false;
    try {
      await plan.onAttempt(attempt, result.record);
      isHandedOn = isLast;
    } finally {
      if (!isHandedOn) await result.discard();
    }
    const { notebook, discard } = result;
    if (isLast) return { exitCode, notebook, attempts: attempt, discard };
  }
}
