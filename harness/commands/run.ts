import type { Command } from 'commander';
import { carryOutExperiment } from '../experiment/carry-out.ts';
import type { RawRunCommand } from '../experiment/given-options.ts';
import type { ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { runInput } from '../options/experiment-file/run-input.ts';
import { addRunOptions } from '../options/run-flags.ts';
import { openDisplay } from './display.ts';

/** Add `soak run`, the default command. `surroundings` is asked for when it begins. */
export function registerRun(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const run = program
    .command('run', { isDefault: true })
    .description('Run an experiment on real kernels and write its evidence (the default command)')
    .argument(
      '[experiment]',
      'file with the options below (YAML or JSON); those given here go before its own',
    )
    .action(async (experiment: string | undefined, flags: RawRunCommand, command: Command) => {
      const input = await runInput(experiment, flags, command);
      onExit(await carryOutExperiment(input, surroundings(), openDisplay));
    });
  addRunOptions(run);
}
