/**
 * What the harness or its user did wrong. What a kernel does is never an error: it is an Outcome.
 */

/** Process exit codes, a published contract (docs/exit-codes.md). */
export const EXIT_CODES = {
  done: 0,
  /** A condition that the user asked to fail on was met. */
  failed: 1,
  /** The command line, an arm, a notebook or another input is wrong. */
  usage: 2,
  /** The experiment has an arm without a single valid run, or its treatment was not in. */
  invalidExperiment: 3,
  /** Python, a package, the network or the file system cannot be used. */
  environment: 4,
  /** A bug in kernel-soak: neither a result nor something that its user can fix (EX_SOFTWARE of sysexits.h). */
  internal: 70,
  interrupted: 130,
} as const;

/**
 * Exit codes of `soak exec`, a contract of its own (docs/exit-codes.md#exit-codes-of-soak-exec). They tell a script how the
 * notebook ended. Bad input must not look like a wedge.
 */
export const EXEC_EXIT_CODES = {
  /** Every cell was executed, or there was none. */
  clean: 0,
  /** A cell raised; never retried. */
  cellRaised: 1,
  /** Every attempt wedged. */
  wedged: 2,
  /** It ended otherwise: the process died, a cell passed its deadline, the kernel did not start. Never retried. */
  endedOtherwise: 3,
  environment: EXIT_CODES.environment,
  /** A cell was not executed: the kernel aborted it, without an error of the cell's own. Never retried. */
  cellNotExecuted: 5,
  /** The command line or the notebook is wrong (EX_USAGE of sysexits.h). */
  badInput: 64,
  internal: EXIT_CODES.internal,
  interrupted: EXIT_CODES.interrupted,
} as const;

export type ExitCode =
  | (typeof EXIT_CODES)[keyof typeof EXIT_CODES]
  | (typeof EXEC_EXIT_CODES)[keyof typeof EXEC_EXIT_CODES];

/** The code for bad input of the command that these arguments (without the program) ask for. */
export function badInputCode(args: readonly string[]): ExitCode {
  return args[0] === 'exec' ? EXEC_EXIT_CODES.badInput : EXIT_CODES.usage;
}

/** An option that an error is about. */
export interface OptionReference {
  /** Without dashes: `pipeline-depth`. */
  readonly name: string;
  /** The one value of several that it is about. */
  readonly value?: string | undefined;
}

/**
 * An error that a person can act on: which value is wrong, why, and what to do. Only `cli.ts` turns it into text and an
 * exit code.
 */
export class SoakError extends Error {
  override readonly name = 'SoakError';
  /** Stable machine-readable name of the cause, for example `unknown-arm`. */
  readonly code: string;
  /** What the reader can do about it, one or more sentences. */
  readonly remedy: string;
  readonly exitCode: ExitCode;
  /** The option that it is about, where it is about one: an experiment file says where that stands. */
  readonly option: OptionReference | undefined;

  constructor(
    code: string,
    message: string,
    options: { remedy: string; exitCode?: ExitCode; cause?: unknown; option?: OptionReference },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? EXIT_CODES.usage;
    this.option = options.option;
  }
}

/** An error that concerns one run only: the run's outcome is then a harness fault. */
export class RunFault extends SoakError {}

/** The error, about this option where it names none. What is no SoakError stays as it is. */
export function aboutOption(error: unknown, option: OptionReference): unknown {
  if (!(error instanceof SoakError) || error.option !== undefined) return error;
  const { code, message, remedy, exitCode, cause } = error;
  return new SoakError(code, message, { remedy, exitCode, cause, option });
}

/** Do what may refuse an option: an error that names no option is about this one. */
export async function about<Result>(
  option: OptionReference,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw aboutOption(error, option);
  }
}
