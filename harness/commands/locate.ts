import { randomInt } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOutExperiment, type RunSurroundings } from '../experiment/carry-out.ts';
import { folderStamp, journalFolders } from '../experiment/report-folders.ts';
import { readJournal } from '../journal/read.ts';
import { localisation, PATHS, type PathName, pathOf } from '../locate/localisation.ts';
import { locateDocument, locateMarkdown } from '../locate/locate-document.ts';
import { canonicalJson } from '../model/canonical.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import type { Journal } from '../model/journal.ts';
import { isObserved, outcomeStatus } from '../model/outcome.ts';
import { packageRoot } from '../model/package-root.ts';
import { shellWord } from '../model/shell-word.ts';
import { writeWhole } from '../model/write-whole.ts';
import { numberOption, type RawRunOptions } from '../options/run-options.ts';
import { plainLine } from '../report/document.ts';
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
    const code = await runPaths(out, options, surroundings);
    if (code !== EXIT_CODES.done) {
      if (code === EXIT_CODES.interrupted) write(`Go on with the same command and --out ${shellWord(out)}\n`);
      return code;
    }
  }
  const folders = dirs.length === 0 ? PATHS.map((path) => join(out, path)) : await journalFolders(dirs);
  const journals = new Map<PathName, Journal>();
  for (const folder of folders) {
    const { journal } = await readJournal(folder);
    const path = pathOf(journal);
    if (path === null || journals.has(path)) {
      throw new SoakError(
        'bad-paths',
        path === null
          ? `${terminalText(folder, 300)} is of a client that is no path of soak locate.`
          : `${terminalText(folder, 300)} is a second experiment by the path ${path}.`,
        { remedy: `Give one experiment of each of: ${PATHS.join(', ')}.` },
      );
    }
    journals.set(path, journal);
  }
  assertComparable(journals);
  const named = PATHS.flatMap((path) => {
    const journal = journals.get(path);
    return journal === undefined ? [] : [{ path, journal }];
  });
  const located = localisation(named);
  const place = join(out, 'locate.md');
  await writeWhole('write-report', place, locateMarkdown(located)).catch((cause: unknown) => {
    throw new SoakError('cannot-write', `${place} cannot be written: ${(cause as Error).message}`, {
      remedy:
        'Free space or choose another --out; the experiments are whole, and the same command reads them.',
      exitCode: EXIT_CODES.environment,
      cause,
    });
  });
  const [lead] = locateDocument(located).lead;
  if (lead?.kind === 'callout') write(`${plainLine(lead.line)}\n\n`);
  write(`Evidence: ${place}\n`);
  // By one path an arm without a valid run is a finding; by none of them it is no experiment.
  const hasValid = (arm: string) => named.some(({ journal }) => validRuns(journal, arm) > 0);
  const arms = named[0]?.journal.experiment.protocol.arms ?? [];
  return arms.every(({ name }) => hasValid(name)) ? EXIT_CODES.done : EXIT_CODES.invalidExperiment;
}

function validRuns({ experiment, runs }: Journal, arm: string): number {
  const { endpoint } = experiment.protocol;
  return runs.filter((run) => run.arm === arm && isObserved(outcomeStatus(run.outcome.kind, endpoint)))
    .length;
}

/**
 * The matrix says where a fault is only where nothing but the path differs.
 *
 * @throws SoakError `bad-paths`
 */
function assertComparable(journals: ReadonlyMap<PathName, Journal>): void {
  const [first, ...others] = [...journals].map(([path, { experiment }]) => ({
    path,
    notebooks: experiment.protocol.notebooks.map(({ sha256 }) => sha256),
    arms: experiment.protocol.arms.map(({ name, treeSha256 }) => [name, treeSha256]),
    sockets: experiment.protocol.sockets ?? {},
  }));
  for (const other of others) {
    for (const what of ['notebooks', 'arms', 'sockets'] as const) {
      if (canonicalJson(other[what]) === canonicalJson(first?.[what])) continue;
      throw new SoakError(
        'bad-paths',
        `The experiments by the paths ${first?.path} and ${other.path} have different ${what}.`,
        { remedy: 'Give experiments of the same notebooks, arms and sockets, or let soak locate run them.' },
      );
    }
  }
}

async function runPaths(
  out: string,
  options: LocateOptions,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const seed = options.seed ?? (await seedOf(out)) ?? String(randomInt(2 ** 31));
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
    seed,
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.python === undefined ? {} : { python: options.python }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
  const ways: Readonly<Record<PathName, RawRunOptions>> = {
    direct: {},
    server: options.serverUrl === undefined ? { transport: 'server' } : { serverUrl: options.serverUrl },
    nbclient: { client: 'nbclient' },
  };
  for (const path of PATHS) {
    const folder = join(out, path);
    const state = await stateOf(folder);
    if (state === 'finished') continue;
    surroundings.write(`\n${path}\n`);
    const raw = state === 'begun' ? { resume: folder } : { ...shared, ...ways[path], out: folder };
    const code = await carryOutExperiment({ raw, said: async (work) => work() }, surroundings, openDisplay);
    // An arm without a valid run is a finding here.
    if (code !== EXIT_CODES.done && code !== EXIT_CODES.invalidExperiment) return code;
  }
  return EXIT_CODES.done;
}

async function stateOf(folder: string): Promise<'absent' | 'begun' | 'finished'> {
  const read = await readJournal(folder).catch((error: unknown) => {
    if (error instanceof SoakError && error.code === 'no-journal') return null;
    throw error;
  });
  if (read === null) return 'absent';
  return read.journal.sessions.at(-1)?.event === 'finished' ? 'finished' : 'begun';
}

/** The seed of a path that was begun: all paths have the same. */
async function seedOf(out: string): Promise<string | null> {
  for (const path of PATHS) {
    if ((await stateOf(join(out, path))) === 'absent') continue;
    const { journal } = await readJournal(join(out, path));
    return String(journal.experiment.protocol.seed);
  }
  return null;
}
