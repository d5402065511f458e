import type { Command } from 'commander';
import { carryOutExperiment } from '../experiment/carry-out.ts';
import type { ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { runInput } from '../options/experiment-file/run-input.ts';
import type { RawOptions } from '../options/table.ts';
import { openDisplay } from './display.ts';

/** Add `soak run`, the default command. `surroundings` is called when the command starts. */
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
      'file with the options below (YAML or JSON); options on the command line override the file',
    )
    .action(async (experiment: string | undefined, flags: RawOptions<'run'>, command: Command) => {
      const input = await runInput(experiment, flags, command);
      onExit(await carryOutExperiment(input, surroundings(), openDisplay));
    });
  addOptions(run, 'run').addHelpText('after', RUN_EXAMPLES);
}

const RUN_EXAMPLES = `
Examples:
  soak --runs 20                           control, sham and fix on the ipywidgets notebook
  soak --arm fix --runs 20 --p0 0.3        one arm alone, against a rate taken as known
  soak --until-decided --alpha 0.001       stop as soon as the evidence is enough
  soak --arm control --arm ./my-arm --notebook my.ipynb
  soak --client nbclient --arms control,stream        nbclient executes; control wedges under it too
  soak --client nbclient --arms client-control,client-sham,client-fix   where the client is at fault
  soak --try my-change.diff                a change of your own against control and a sham
  soak --arms ipykernel==7.3.0,ipykernel==7.4.0
  soak --arm control --arm git:../ipykernel@main --arm 'fix + ipykernel==7.2.0'
  soak --with pandas==2.3.3 --requirements uv.lock --notebook my.ipynb     with packages of yours
  soak --arm env:.venv --arm 'env:.venv + ipykernel==7.4.0'   your environment beside its upgrade
  soak run experiment.yaml --runs 5        what the file says, with five runs
  soak --arm control --arm again=control   an A/A experiment: it must not decide

Each block runs every arm once, in an order drawn from the seed. The protocol is written and
hashed before the first run. A run is never retried. Ctrl-C keeps what is recorded.

Exit codes: 0 done, 1 a rule of --fail-on was met, 2 bad input, 3 experiment invalid, 4 environment, 130 interrupted.`;
