import type { Latency } from '../frontend/latency.ts';
import type { PreciseTimer } from '../frontend/precise-timer.ts';
import type { LaunchOptions, RunningKernel } from '../kernel/launch.ts';
import type { Reaper } from '../kernel/reaper.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import type { Sockets } from '../model/sockets.ts';
import type { LoopStallMeter } from './loop-stall.ts';
import type { Autopsies } from './revival.ts';

/** What every run of an experiment shares. */
export interface RunContext {
  readonly timeoutMs: number;
  readonly startTimeoutMs: number;
  readonly suspectAfterMs: number | null;
  /** Longest idle wait for the kernel to begin a request. Default: `timeoutMs`. */
  readonly beginWithinMs?: number;
  readonly pipelineDepth: number;
  /** When the traffic `interrupt` interrupts a cell. Default: `DEFAULT_INTERRUPT_AFTER`. */
  readonly interruptAfter?: string | undefined;
  readonly latency: Latency;
  readonly timer: PreciseTimer;
  readonly stalls: LoopStallMeter;
  readonly reaper: Reaper;
  /** Launches kernels. Default: as processes of the harness. */
  readonly launch?: (options: LaunchOptions) => Promise<RunningKernel>;
  /** Launch method for arms that set none. Default: `spawn`. */
  readonly launchMethod?: LaunchMethod;
  /** Most characters of output kept from a run. Default: as many as a saved notebook may have. */
  readonly keptCharacters?: number;
  /** Transport and encryption of the kernels' sockets. Default: TCP on loopback, unencrypted. */
  readonly sockets?: Sockets | undefined;
  /** Variables for the kernel beyond the allow-list. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Called once the run has its outcome and only the clean-up is left, beside which the next run may begin. May be
   * called more than once. Never called for a run whose client is a program of its own.
   */
  readonly onMeasured?: () => void;
  /**
   * Execute the notebook as `jupyter execute` does: go on after a cell that the kernel did not execute, ask the kernel to
   * shut down, and leave running what nbclient leaves. Default: a run of an experiment, which ends at such a cell, and
   * ends every process that it started.
   */
  readonly asJupyterExecute?: true;
  /** Whether the memory of the run's kernel is sampled. Default: no. */
  readonly samplesMemory?: boolean;
  /** Deadline of the whole run. Default: it follows from the deadlines of its parts. */
  readonly boundMs?: number;
  /** Which wedges get a rung of the revival ladder; shared by the runs of an experiment. Default: none. */
  readonly autopsies?: Autopsies;
}
