import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOutBisect, type GivenBisect } from '../bisect/carry-out.ts';
import { readBisect } from '../bisect/journal.ts';
import { hasValidRun } from '../bisect/results.ts';
import { resultLine } from '../bisect/words.ts';
import { folderStamp } from '../journal/report-folders.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { shellWord } from '../model/shell-word.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import {
  BISECT_DEFAULTS,
  bisectOptionsSchema,
  parsedBisectOptions,
  type RawBisectOptions,
} from '../options/bisect-options.ts';
import { assertResumedAlone, keptOptions } from '../options/kept-options.ts';
import { RUN_DEFAULTS } from '../options/run-options.ts';
import { plainLine } from '../report/document.ts';
import { openBisectDisplay, posteriorText } from './bisect-display.ts';

/** Add `soak bisect`. `surroundings` is asked for when it begins. */
export function registerBisect(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const d = BISECT_DEFAULTS;
  program
    .command('bisect')
    .description('Find the release or commit that brought a wedge, and the one that cured it')
    .option('--package <name>', 'package whose releases are bisected', d.package)
    .option('--clone <dir>', 'bisect the commits of a local clone instead, along first parents')
    .option('--good <release>', 'the last release known to be good (of a clone: a revision)')
    .option('--bad <release>', 'a later one with the wedge: the positive control of every batch')
    .option('--fixed <release>', 'a still later one without it: finds what cured it too')
    .option('--releases <list>', 'the releases to choose from, in order (default: those that pip lists)')
    .option('--pre', 'pre-releases too')
    .option('--confidence <p>', 'posterior probability of the whole claim to stop at', d.confidence)
    .option('--max-runs <n>', 'budget of runs, the control included', d.maxRuns)
    .option('--max-minutes <n>', 'budget of time of a session (default: none)')
    .option('--notebook <path>', `notebook (default: notebooks/${d.notebook})`)
    .option('--traffic <profile>', 'what the front end does', d.traffic)
    .option('--latency <spec>', `the front end's latency (default: ${RUN_DEFAULTS.latency})`)
    .option('--prefix <n>', 'only the first n code cells')
    .option('--timeout <seconds>', `deadline of a request (default: ${RUN_DEFAULTS.timeoutSeconds})`)
    .option(
      '--start-timeout <seconds>',
      `deadline of a kernel's start (default: ${RUN_DEFAULTS.startTimeoutSeconds})`,
    )
    .option('--suspect-after <seconds>', 'silence after which the oracle looks; 0: only at the deadline')
    .option('--pipeline-depth <n>', 'executes outstanding with pipeline traffic')
    .option('--seed <n>', 'seed of order, ties and latencies (default: drawn, and recorded)')
    .option('--out <dir>', 'folder of the evidence (default: soak-reports/<time>-bisect)')
    .option('--resume <dir>', 'go on with an interrupted bisect exactly where it stopped')
    .option('--python <exe>', 'interpreter to make the kernel environments from')
    .addHelpText('after', BISECT_EXAMPLES)
    .action(async (raw: RawBisectOptions, command: Command) => {
      onExit(await bisectCommand(raw, command, surroundings()));
    });
}

const BISECT_EXAMPLES = `
Examples:
  soak bisect --good 6.31.0 --bad 7.3.0 --fixed 7.4.0    what brought the ipykernel wedge, and what cured it
  soak bisect --package pyzmq --good 26.0.0 --bad 27.1.0
  soak bisect --clone ../ipykernel --good v6.31.0 --bad v7.0.0

Each look is a coin toss, so nothing is crossed out for good: every release has a posterior probability.
Each batch is the bad release (positive control) and the release whose runs teach most. The labels are
tested too. soak report and soak verify read its folder.

Exit codes: 0 named, 1 not named (budget, or the bad release never wedged), 2 bad input, 3 the bad release
has no valid run, 4 environment, 130 interrupted.`;

async function bisectCommand(
  raw: RawBisectOptions,
  command: Command,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const { write } = surroundings;
  const given = raw.resume === undefined ? await newBisect(raw) : await resumedBisect(raw.resume, command);
  const { folder } = given;
  const { protocol, end } = await carryOutBisect(given, surroundings, openBisectDisplay);
  const reason = end.event === 'finished' ? end.reason : null;
  write(
    `${posteriorText(protocol, end.state)}\n\n${plainLine(resultLine(protocol, end.state, reason))}\n\nEvidence: ${join(folder, 'bisect.md')}\n`,
  );
  if (end.event === 'interrupted') {
    write(`Go on with: npm run soak -- bisect --resume ${shellWord(folder)}\n`);
    return EXIT_CODES.interrupted;
  }
  if (!hasValidRun(end.state)) return EXIT_CODES.invalidExperiment;
  return end.reason === 'found' ? EXIT_CODES.done : EXIT_CODES.failed;
}

async function newBisect(raw: RawBisectOptions): Promise<GivenBisect> {
  const options = parsedBisectOptions(raw);
  const folder = resolve(raw.out ?? join('soak-reports', `${folderStamp()}-bisect`));
  if (raw.out !== undefined) await assertWritable(folder);
  return { options, folder, recorded: null };
}

async function resumedBisect(dir: string, command: Command): Promise<GivenBisect> {
  const folder = resolve(dir);
  const given = command.options
    .map((option) => option.attributeName())
    .filter((name) => name !== 'resume' && command.getOptionValueSource(name) === 'cli');
  assertResumedAlone(given, 'bisect');
  const { journal } = await readBisect(folder);
  const options = await keptOptions(bisectOptionsSchema, {
    name: 'bisect',
    folder,
    hasFinished: journal.sessions.at(-1)?.event === 'finished',
    remedy: 'Read its bisect.md, or begin a new one.',
  });
  return { options, folder, recorded: journal.bisect.protocol };
}
