#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { registerCompare } from './commands/compare.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerExplain } from './commands/explain.ts';
import { registerList } from './commands/list.ts';
import { registerPlan } from './commands/plan.ts';
import { registerReport } from './commands/report.ts';
import { registerRun } from './commands/run.ts';
import { registerStats } from './commands/stats.ts';
import { registerTune } from './commands/tune.ts';
import { registerVerify } from './commands/verify.ts';
import { EXIT_CODES, type ExitCode, SoakError } from './model/errors.ts';
import { armApplies, loadArm, shippedArmNames } from './plan/arms.ts';
import { harnessVersion } from './plan/freeze.ts';

// A second Ctrl-C is for a harness that does not end by itself: kernels are then left to the reaper.
function interruption(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    process.stderr.write(
      `\n${name}: ending the runs under way and writing what is recorded. Again: end at once.\n`,
    );
    controller.abort(name);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  return controller.signal;
}

async function listArms(ipykernel: string) {
  const arms = await Promise.all((await shippedArmNames()).map(loadArm));
  return arms.map((arm) => ({ name: arm.name, ...armApplies(arm, ipykernel) }));
}

function describe(error: unknown): { text: string; code: ExitCode } {
  if (error instanceof SoakError) {
    return { text: `soak: ${error.message}\n${error.remedy}\n`, code: error.exitCode };
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `soak: internal error, please report it.\n${trace}\n`, code: EXIT_CODES.failed };
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_CODES.done;
  const program = new Command('soak')
    .description('Statistical reproduction harness and soak tester for Jupyter kernels')
    .version(await harnessVersion())
    .showHelpAfterError('(soak --help lists the commands, soak run --help the options)')
    .exitOverride();
  registerRun(
    program,
    () => ({ signal: interruption(), write: (text) => process.stdout.write(text) }),
    (code) => {
      exitCode = code;
    },
  );
  registerDoctor(program, { listArms });
  registerStats(program);
  registerExplain(program, (text) => process.stdout.write(text));
  registerPlan(program);
  registerTune(
    program,
    () => ({ signal: interruption(), write: (text) => process.stdout.write(text) }),
    (code) => {
      exitCode = code;
    },
  );
  registerVerify(program);
  registerReport(program);
  registerList(program);
  registerCompare(program);
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    const { text, code } = describe(error);
    process.stderr.write(text);
    return code;
  }
}

// Anything still open here (a socket, a timer) must not keep a finished command from ending.
const exitCode = await main(process.argv);
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(process.exitCode ?? exitCode);
