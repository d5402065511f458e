import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { folderStamp, journalFolders } from '../journal/report-folders.ts';
import { localisation, PATHS, type PathName } from '../locate/localisation.ts';
import { everyArmHasValidRun, readPaths } from '../locate/read-paths.ts';
import { runPaths } from '../locate/run-paths.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { numberOption, type RawRunOptions } from '../options/run-options.ts';
import { openDisplay } from './display.ts';

const DEFAULT_ARMS = 'control,fix';
const DEFAULT_RUNS = 10;

interface LocateOptions {
  readonly arms: string;
  readonly runs?: string;
  readonly notebook?: string;
  readonly timeout?: string;
  readonly seed?: string;
  readonly serverUrl?: string;
  readonly python?: string;
  readonly env?: string;
  readonly out?: string;
}

const LOCATE_HELP = `
Each path is an experiment of its own, in a folder of that name below --out; the same command with the
same --out goes on where it was interrupted. With folders of experiments that are there already (direct,
--transport server, --client nbclient; one of each), nothing is run.

Exit codes: 0 done, 2 bad input, 3 an arm without a valid run by any path, 4 environment, 130 interrupted.`;

/** `soak locate`: the same arms and notebook by each path to the kernel, and where the fault is. */
export function registerLocate(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  program
    .command('locate')
    .description('the same arms and notebook direct, through a server and by nbclient: which of them fails')
    .argument('[dir...]', 'experiments that are there already, one of each path')
    .option('--arms <list>', 'arms with commas', DEFAULT_ARMS)
    .option('--runs <n>', `runs of each arm by each path (default: ${DEFAULT_RUNS})`)
    .option('--notebook <path>', 'notebook (default: the ipywidgets notebook)')
    .option('--timeout <seconds>', 'deadline of a request')
    .option('--seed <n>', 'seed of order and latencies (default: drawn, and recorded)')
    .option(
      '--server-url <url>',
      'the server of the path through one, as for soak run (default: one of our own)',
    )
    .option('--python <exe>', 'interpreter to make the kernel environment from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .option('--out <dir>', 'folder for the paths and locate.md (default: soak-reports/<time>-locate)')
    .addHelpText('after', LOCATE_HELP)
    .action(async (dirs: string[], options: LocateOptions) => {
      onExit(await locateCommand(dirs, options, surroundings()));
    });
}

async function locateCommand(
  dirs: readonly string[],
  options: LocateOptions,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const { write } = surroundings;
  const out = resolve(options.out ?? join('soak-reports', `${folderStamp()}-locate`));
  if (dirs.length === 0) {
    const code = await runPaths(out, optionsOfPaths(options), surroundings, openDisplay);
    if (code !== EXIT_CODES.done) {
      if (code === EXIT_CODES.interrupted) write(`Go on with the same command and --out ${shellWord(out)}\n`);
      return code;
    }
  }
  const journals = await readPaths(
    dirs.length === 0 ? PATHS.map((path) => join(out, path)) : await journalFolders(dirs),
  );
  const { writeLocated } = await import('../locate/write-located.ts');
  const { line, place } = await writeLocated(out, localisation(journals));
  if (line !== null) write(`${line}\n\n`);
  write(`Evidence: ${place}\n`);
  // An arm without a valid run by one path is a finding; an arm without one by any path makes no experiment.
  return everyArmHasValidRun(journals) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment;
}

/** The options of each path's experiment. They differ in nothing but the path. */
function optionsOfPaths(options: LocateOptions): Readonly<Record<PathName, RawRunOptions>> {
  numberOption('--runs', options.runs, DEFAULT_RUNS, {
    whole: true,
    min: 1,
    max: 1_000_000,
    unit: 'runs per arm',
  });
  const shared: RawRunOptions = {
    arms: options.arms,
    runs: options.runs ?? String(DEFAULT_RUNS),
    notebook: [options.notebook ?? join(packageRoot(), 'notebooks', 'widgets.ipynb')],
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.python === undefined ? {} : { python: options.python }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
  return {
    direct: shared,
    server: {
      ...shared,
      ...(options.serverUrl === undefined ? { transport: 'server' } : { serverUrl: options.serverUrl }),
    },
    nbclient: { ...shared, client: 'nbclient' },
  };
}
