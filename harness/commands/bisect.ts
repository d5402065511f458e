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
import { addOptions } from '../options/add-options.ts';
import { parsedBisectOptions } from '../options/bisect-options.ts';
import { assertResumedAlone, keptOptions } from '../options/kept-options.ts';
import type { RawOptions } from '../options/table.ts';
import { plainLine } from '../report/document.ts';
import { openBisectDisplay, posteriorText } from './bisect-display.ts';

/** Add `soak bisect`. `surroundings` is called when the command starts. */
export function registerBisect(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('bisect')
      .description('Find the release or commit that brought a fault, and the one that cured it'),
    'bisect',
  )
    .addHelpText('after', BISECT_EXAMPLES)
    .action(async (raw: RawOptions<'bisect'>) => {
      onExit(await bisectCommand(raw, surroundings()));
    });
}

const BISECT_EXAMPLES = `
Examples:
  What brought the ipykernel wedge, and what cured it:
    soak bisect --good 6.31.0 --bad 7.3.0 --fixed 7.4.0
  Another package; the commits of a clone:
    soak bisect --package pyzmq --good 26.0.0 --bad 27.1.0
    soak bisect --clone ../ipykernel --good v6.31.0 --bad v7.0.0
  What brought a crash:
    soak bisect --endpoint died --good 6.31.0 --bad 7.3.0 --notebook my.ipynb

Each look is a coin toss, so nothing is crossed out for good: every release has a posterior probability. Each batch is the bad release (positive control) and the release whose runs teach most. The labels are tested too. soak report and soak verify read its folder.

Exit codes: 0 named, 1 not named (budget, or no event of the bad release), 2 bad input, 3 the bad release has no valid run, 4 environment, 130 interrupted.`;

async function bisectCommand(raw: RawOptions<'bisect'>, surroundings: RunSurroundings): Promise<ExitCode> {
  const { write } = surroundings;
  const given = raw.resume === undefined ? await newBisect(raw) : await resumedBisect(raw.resume, raw);
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

async function newBisect(raw: RawOptions<'bisect'>): Promise<GivenBisect> {
  const options = parsedBisectOptions(raw);
  const folder = resolve(raw.out ?? join('soak-reports', `${folderStamp()}-bisect`));
  if (raw.out !== undefined) await assertWritable(folder);
  return { options, folder, recorded: null };
}

async function resumedBisect(dir: string, raw: RawOptions<'bisect'>): Promise<GivenBisect> {
  const folder = resolve(dir);
  assertResumedAlone(
    Object.keys(raw).filter((name) => name !== 'resume'),
    { name: 'bisect', folder },
  );
  const { journal } = await readBisect(folder);
  const kept = await keptOptions('bisect', {
    name: 'bisect',
    folder,
    hasFinished: journal.sessions.at(-1)?.event === 'finished',
    remedy: 'Read its bisect.md, or begin a new one.',
  });
  return { options: parsedBisectOptions(kept), folder, recorded: journal.bisect.protocol };
}
