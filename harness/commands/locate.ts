import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { folderStamp, journalFolders } from '../journal/report-folders.ts';
import { localisation, type PathName } from '../locate/localisation.ts';
import { everyArmHasValidRun, readPaths } from '../locate/read-paths.ts';
import { runPaths } from '../locate/run-paths.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions, sharedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { openDisplay } from './display.ts';

const LOCATE_HELP = `
Each path is an experiment of its own, in a folder of that name below --out; the same command with the same --out goes on where it was interrupted. With folders of experiments that are there already (direct, --transport server, --via rest, --client nbclient; one of each), nothing is run.

Exit codes: 0 done, 2 bad input, 3 an arm without a valid run by any path, 4 environment, 130 interrupted.`;

/** Add `soak locate`: the same experiment by each path to the kernel, to see where the fault is. */
export function registerLocate(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('locate')
      .description('Find out whether the kernel, the server or the client is at fault')
      .argument('[dir...]', 'experiments that are there already, one of each path'),
    'locate',
  )
    .addHelpText('after', LOCATE_HELP)
    .action(async (dirs: string[], raw: RawOptions<'locate'>) => {
      onExit(await locateCommand(dirs, raw, surroundings()));
    });
}

async function locateCommand(
  dirs: readonly string[],
  raw: RawOptions<'locate'>,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const { write } = surroundings;
  const out = resolve(raw.out ?? join('soak-reports', `${folderStamp()}-locate`));
  const options = optionsOfPaths(raw);
  if (dirs.length === 0) {
    const code = await runPaths(out, options, surroundings, openDisplay);
    if (code !== EXIT_CODES.done) {
      if (code === EXIT_CODES.interrupted) write(`Go on with the same command and --out ${shellWord(out)}\n`);
      return code;
    }
  }
  const journals = await readPaths(
    dirs.length === 0 ? [...options.keys()].map((path) => join(out, path)) : await journalFolders(dirs),
  );
  const { writeLocated } = await import('../locate/write-located.ts');
  const { line, place } = await writeLocated(out, localisation(journals));
  if (line !== null) write(`${line}\n\n`);
  write(`Evidence: ${place}\n`);
  // An arm without a valid run by one path is a finding; an arm without one by any path makes no experiment.
  return everyArmHasValidRun(journals) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment;
}

/** The options of each path's experiment. They differ in nothing but the path. */
function optionsOfPaths(raw: RawOptions<'locate'>): ReadonlyMap<PathName, RawOptions<'run'>> {
  const { arms, runs, notebook, via } = parsedOptions('locate', raw);
  const { serverUrl, via: _via, out: _out, ...given } = sharedOptions('locate', 'run', raw);
  const shared: RawOptions<'run'> = {
    ...given,
    arms: arms.join(','),
    runs: String(runs),
    notebook: [notebook ?? join(packageRoot(), 'notebooks', 'widgets.ipynb')],
  };
  return new Map<PathName, RawOptions<'run'>>([
    ['direct', shared],
    ['server', { ...shared, ...(serverUrl === undefined ? { transport: 'server' } : { serverUrl }) }],
    ...(via === 'rest' ? [['rest', { ...shared, via }] as const] : []),
    ['nbclient', { ...shared, client: 'nbclient' }],
  ]);
}
