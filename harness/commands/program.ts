import { Command } from 'commander';
import { armApplies, loadArm, shippedArmNames } from '../arms/arms.ts';
import { isClientPackage } from '../model/arm.ts';
import type { ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { fittedText, helpColumns } from '../model/wrapped.ts';
import { registerArms } from './arms.ts';
import { registerBisect } from './bisect.ts';
import { registerComment } from './comment.ts';
import { registerCompare } from './compare.ts';
import { registerCompletion } from './completion.ts';
import { registerDiagnose } from './diagnose.ts';
import { registerDoctor } from './doctor.ts';
import { registerExec } from './exec.ts';
import { registerExplain } from './explain.ts';
import { registerHistory } from './history.ts';
import { registerInit } from './init.ts';
import { registerKernels } from './kernels.ts';
import { registerList } from './list.ts';
import { registerLocate } from './locate.ts';
import { registerMechanism } from './mechanism.ts';
import { registerMerge } from './merge.ts';
import { registerPlan } from './plan.ts';
import { registerReport } from './report.ts';
import { registerRun } from './run.ts';
import { registerStats } from './stats.ts';
import { registerTune } from './tune.ts';
import { registerVerify } from './verify.ts';
import { explainWords, registerWords } from './words.ts';

/** What the commands need of the process that they run in. */
export interface ProgramSurroundings {
  readonly version: string;
  readonly write: (text: string) => void;
  /** Called when a command that can be interrupted begins. */
  readonly interruption: () => AbortSignal;
  readonly onExit: (code: ExitCode) => void;
}

async function listArms(ipykernel: string) {
  const arms = await Promise.all((await shippedArmNames()).map(loadArm));
  return arms.map((arm) => ({
    name: arm.name,
    ...(isClientPackage(arm.manifest.package)
      ? { applies: true, reason: `with --client: ${arm.manifest.description}` }
      : armApplies(arm, ipykernel)),
  }));
}

/** A command and its arguments, without `[options]`: nearly all have some, and 80 columns are few. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage()}`.replace(' [options]', '');
}

/** Commander wraps the options. What stands around them is wrapped here. */
function writeHelp(text: string): void {
  process.stdout.write(fittedText(text, helpColumns()));
}

/** The `soak` program with all its commands. The caller runs it, so that tests can parse command lines only. */
export function soakProgram({ version, write, interruption, onExit }: ProgramSurroundings): Command {
  const surroundings = (): RunSurroundings => ({ signal: interruption(), write });
  const program = new Command('soak')
    .description('Statistical reproduction harness and soak tester for Jupyter kernels')
    .version(version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Show this help')
    .configureHelp({ subcommandTerm })
    .configureOutput({ writeOut: writeHelp })
    .showHelpAfterError('(soak --help lists the commands, soak run --help the options)')
    .exitOverride();

  // Groups and commands in the order in which a newcomer needs them.
  program.commandsGroup('Experiment:');
  registerDiagnose(program, surroundings, onExit);
  registerRun(program, surroundings, onExit);
  registerDoctor(program, { listArms });
  registerArms(program, surroundings, onExit);
  registerKernels(program, write);

  program.commandsGroup('Evidence:');
  registerList(program);
  registerExplain(program, write);
  registerCompare(program);
  registerReport(program, onExit);
  registerVerify(program, onExit);
  registerMerge(program, write, onExit);
  registerHistory(program, write);
  registerComment(program, write);
  registerInit(program, write);

  program.commandsGroup('Planning:');
  registerPlan(program);
  registerTune(program, surroundings, onExit);
  registerStats(program);

  program.commandsGroup('Diagnosis:');
  registerBisect(program, surroundings, onExit);
  registerLocate(program, surroundings, onExit);
  registerMechanism(program, surroundings, onExit);

  program.commandsGroup('Execute:');
  registerExec(program, surroundings, onExit);

  program.commandsGroup('Help:');
  registerWords(program, write);
  registerCompletion(program, write);
  program.helpCommand('help [command]', 'Show the help of a command');
  explainWords(program);
  return program;
}
