import { WEDGES } from '../model/endpoint.ts';
import { isObserved, runStatus } from '../model/run-status.ts';
import type { Interval } from '../stats/counts.ts';
import { type Drift, drift } from '../stats/drift.ts';
import { clopperPearson } from '../stats/intervals.ts';
import type { ExecKernel, ExecRecord } from './journal.ts';

/** What a journal of `soak exec` says about one kernel. */
export interface KernelRate {
  readonly kernel: ExecKernel;
  readonly executions: number;
  /** Executions that had more than one attempt. */
  readonly retried: number;
  /** Executions that ended with exit code 0. */
  readonly clean: number;
  /** Most attempts of one execution. */
  readonly mostAttempts: number;
  /** Attempts that completed or wedged. Notebooks without code do not count: without a request nothing can wedge. */
  readonly valid: number;
  readonly wedged: number;
  /** Wedged attempts with a certificate. */
  readonly certified: number;
  /** Attempts that ended otherwise: a cell raised, the process died, a deadline passed, there was no cell. */
  readonly other: number;
  /** Begun and never ended: the command was cut short. */
  readonly unfinished: number;
  /** Wedged attempts among the valid ones, Clopper–Pearson 95 %. */
  readonly interval: Interval;
  /** The first half of the valid attempts against the second, in the journal's order. */
  readonly drift: Drift;
}

/**
 * The wedge rate of each kernel in a journal, in the order of first use. The unit is the attempt, which has a fresh
 * kernel: how many attempts an execution had follows from their outcomes.
 */
export function kernelRates(records: readonly ExecRecord[]): KernelRate[] {
  const kernels = new Map<string, ExecKernel>();
  const kernelOf = new Map<string, string>();
  const begun = new Map<string, number>();
  const withoutCode = new Set<string>();
  for (const record of records) {
    if (record.type !== 'exec-begin') continue;
    const { sha256 } = record.kernel;
    if (!kernels.has(sha256)) kernels.set(sha256, record.kernel);
    kernelOf.set(record.execution, sha256);
    if (record.notebook.cells === 0) withoutCode.add(record.execution);
    begun.set(record.execution, Math.max(begun.get(record.execution) ?? 0, record.attempt));
  }
  return [...kernels.values()].map((kernel) => {
    const mine = records.filter(({ execution }) => kernelOf.get(execution) === kernel.sha256);
    const attempts = mine.filter((record) => record.type === 'exec-attempt');
    const statuses = attempts.map(({ run, execution }) =>
      withoutCode.has(execution) ? 'invalid' : runStatus(run, WEDGES),
    );
    const counts = [...begun].filter(([id]) => kernelOf.get(id) === kernel.sha256).map(([, count]) => count);
    const wedged = statuses.filter((status) => status === 'wedged').length;
    const valid = statuses.filter(isObserved).length;
    return {
      kernel,
      executions: counts.length,
      retried: counts.filter((count) => count > 1).length,
      clean: mine.filter((record) => record.type === 'exec-end' && record.exitCode === 0).length,
      mostAttempts: Math.max(0, ...counts),
      valid,
      wedged,
      certified: attempts.filter(({ run }) => run.outcome.kind === 'wedged-stranded').length,
      other: statuses.length - valid,
      unfinished: counts.reduce((sum, count) => sum + count, 0) - attempts.length,
      interval: clopperPearson({ wedged, runs: valid }),
      drift: drift(kernel.label, [statuses]),
    };
  });
}
