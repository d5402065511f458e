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
  /** Wait for the kernel to begin a request, at most; absent: `timeoutMs`. */
  readonly beginWithinMs?: number;
  readonly pipelineDepth: number;
  readonly latency: Latency;
  readonly timer: PreciseTimer;
  readonly stalls: LoopStallMeter;
  readonly reaper: Reaper;
  /** How kernels are launched; absent: as processes of the harness. */
  readonly launch?: (options: LaunchOptions) => Promise<RunningKernel>;
  /** How kernels come about that do not say so themselves; absent: they are spawned. */
  readonly launchMethod?: LaunchMethod;
  /** Characters of output kept of a run, at most; absent: as many as a saved notebook may have. */
  readonly keptCharacters?: number;
  /** How the kernels' sockets are guarded; absent: TCP on loopback, in the clear. */
  readonly sockets?: Sockets | undefined;
  /** Variables for the kernel beyond the allow-list. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Told once the run has its outcome and only what ends it is left to do: the next one may begin beside that.
   * May be told more than once.
   */
  readonly onMeasured?: () => void;
  /**
   * The notebook is executed for its own sake, as `jupyter execute` does it: it goes on after a cell that the kernel did
   * not execute, the kernel is asked to shut down, and what the notebook started stays as nbclient leaves it. Absent: a
   * run of an experiment, which ends at such a cell, and with it everything that it started.
   */
  readonly asJupyterExecute?: true;
  /** The whole run's deadline, a net beneath those of its parts; absent: what follows from them. */
  readonly boundMs?: number;
  /** Which wedges get a rung of the revival ladder, shared by the runs of an experiment; absent: none. */
  readonly autopsies?: Autopsies;
}
