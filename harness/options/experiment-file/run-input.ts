import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { terminalText } from '../../model/clean-text.ts';
import { SoakError } from '../../model/errors.ts';
import { didYouMean } from '../../model/near-names.ts';
import { quoted } from '../../model/quoted.ts';
import { type GivenOptions, overridden } from '../given.ts';
import type { RawOptions } from '../table.ts';
import { saidWithPlace } from './merge.ts';
import { readExperimentFile } from './read.ts';

/** What `soak run` was given: on its command line, and in the file that it names. */
export interface RunInput {
  /** The file's options with the command line's over them. */
  readonly raw: RawOptions<'run'>;
  /** Do what may refuse one of them; what is refused of the file is said with its place. */
  readonly said: <Result>(work: () => Result | Promise<Result>) => Promise<Result>;
}

/**
 * @param path the experiment file; `undefined`: none was named
 * @param command `soak run` itself, for its options
 * @throws SoakError `bad-experiment-file`, `unknown-command` for a word that is no file and no command
 */
export async function runInput(
  path: string | undefined,
  flags: RawOptions<'run'>,
  command: Command,
): Promise<RunInput> {
  if (path === undefined) return { raw: flags, said: async (work) => work() };
  await assertFile(path, command);
  if ('resume' in flags) {
    throw new SoakError(
      'bad-option',
      `--resume goes on with a frozen protocol, and ${terminalText(path, 300)} describes one.`,
      {
        remedy: 'Give --resume alone, or begin a new experiment.',
      },
    );
  }
  const file = await readExperimentFile(path);
  const given: GivenOptions = flags;
  return {
    raw: overridden('run', file.values, given) as RawOptions<'run'>,
    said: (work) => saidWithPlace(file, given, work),
  };
}

/** `soak run` is the default command, so that a mistyped command arrives here as the name of a file. */
async function assertFile(path: string, command: Command): Promise<void> {
  if (/[\\/.]/.test(path) || (await stat(path).catch(() => null)) !== null) return;
  const commands = command.parent?.commands.map((each) => each.name()) ?? [];
  throw new SoakError('unknown-command', `There is no command and no experiment file ${quoted(path)}.`, {
    remedy: `${didYouMean(path, commands)}soak --help lists the commands.`,
  });
}
