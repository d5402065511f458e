import type { Command } from 'commander';
import { carryOutExperiment } from '../experiment/carry-out.ts';
import type { ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { runInput } from '../options/experiment-file/run-input.ts';
import type { RawOptions } from '../options/table.ts';
import { diagnose, diagnoseOptions, isNotebookPath } from './diagnose.ts';
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
      'file with the options below (YAML or JSON), which the command line overrides; or a notebook, for soak diagnose',
    )
    .action(async (experiment: string | undefined, flags: RawOptions<'run'>, command: Command) => {
      if (isNotebookPath(experiment)) {
        onExit(await diagnose(experiment, diagnoseOptions(experiment, flags), surroundings()));
        return;
      }
      const input = await runInput(experiment, flags, command);
      onExit(await carryOutExperiment(input, surroundings(), openDisplay));
    });
  addOptions(run, 'run').addHelpText('after', RUN_EXAMPLES);
}

const RUN_EXAMPLES = `
Examples:
  What goes wrong in my notebook (soak diagnose --help):
    soak my.ipynb
  Control, sham and fix on the ipywidgets notebook:
    soak --runs 20
  My notebook on this release, ten times:
    soak --arms control --notebook my.ipynb --runs 10
  A change of mine, until the evidence is enough:
    soak --try my-change.diff --until-decided
  Two releases; a branch; a fix on an older release:
    soak --arms ipykernel==7.3.0,ipykernel==7.4.0
    soak --arm control --arm git:../ipykernel@main
    soak --arm control --arm 'fix + ipykernel==7.2.0'
  As CI executes, by nbclient; then a fault of the client itself:
    soak --client nbclient --arms control,stream
    soak --client nbclient --arms client-control,client-sham,client-fix
  With packages of mine; my environment beside its upgrade:
    soak --with pandas==2.3.3 --requirements uv.lock --notebook my.ipynb
    soak --arm env:.venv --arm 'env:.venv + ipykernel==7.4.0'
  One arm alone, against a rate taken as known:
    soak --arm fix --runs 20 --p0 0.3
  An A/A experiment, which must not decide:
    soak --arm control --arm again=control
  What a file says, with five runs:
    soak run experiment.yaml --runs 5

Each block runs every arm once, in an order drawn from the seed. The protocol is written and hashed before the first run. A run is never retried. Ctrl-C keeps what is recorded.

Exit codes: 0 done, 1 a rule of --fail-on was met, 2 bad input, 3 experiment invalid, 4 environment, 130 interrupted.`;
