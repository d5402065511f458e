#!/usr/bin/env node
import { CommanderError } from 'commander';
import { soakProgram } from './commands/program.ts';
import { isDoneWithin, stuckFileCalls } from './model/deadlines.ts';
import { badInputCode, EXIT_CODES, type ExitCode, SoakError } from './model/errors.ts';
import { harnessVersion } from './model/harness-version.ts';
import { systemError } from './model/system-error.ts';
import { fittedText, printText } from './model/wrapped.ts';

/** An exit waits for the threads of file calls, which a silent disk keeps: then nothing but a kill ends the process. */
function end(code: number | string): void {
  if (stuckFileCalls() > 0) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}

let interruptedBy: AbortSignal | null = null;

// A second Ctrl-C is for a harness that does not end by itself: kernels are then left to the reaper.
function interruption(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) end(EXIT_CODES.interrupted);
    process.stderr.write(
      `\n${name}: ending the runs under way and writing what is recorded. Again: end at once.\n`,
    );
    controller.abort(name);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  // Ctrl-Break, on Windows.
  process.on('SIGBREAK', onSignal);
  interruptedBy = controller.signal;
  return controller.signal;
}

function describe(error: unknown): { text: string; code: ExitCode } {
  // Before anything was recorded, such as while an environment was made.
  if (interruptedBy?.aborted && error === interruptedBy.reason) {
    return { text: 'soak: interrupted before a run was recorded.\n', code: EXIT_CODES.interrupted };
  }
  const known = error instanceof SoakError ? error : systemError(error);
  if (known !== null) return { text: `soak: ${known.message}\n${known.remedy}\n`, code: known.exitCode };
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `soak: internal error, please report it.\n${trace}\n`, code: EXIT_CODES.internal };
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const badInput = badInputCode(argv.slice(2));
  let exitCode: ExitCode = EXIT_CODES.done;
  const program = soakProgram({
    version: await harnessVersion(),
    write: printText,
    interruption,
    onExit: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : badInput;
    const { text, code } = describe(error);
    process.stderr.write(fittedText(text, process.stderr.columns ?? Number.POSITIVE_INFINITY));
    return code === EXIT_CODES.usage ? badInput : code;
  }
}

// Whoever reads along may go, as `| head` does; what is recorded and written to files must not depend on it.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// What nobody caught would end with 1, which is a result.
process.on('uncaughtException', (error) => {
  process.stderr.write(describe(error).text);
  end(EXIT_CODES.internal);
});

// Anything still open here (a socket, a timer) must not keep a finished command from ending.
const exitCode = await main(process.argv);
const printed = new Promise((resolve) => process.stdout.write('', resolve));
if (!(await isDoneWithin('standard-output', printed)))
  process.stderr.write('soak: nobody reads the rest of what it prints; it has ended all the same.\n');
end(process.exitCode ?? exitCode);
