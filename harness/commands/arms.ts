import type { Command } from 'commander';
import { readFunctionSources } from '../kernel/function-sources.ts';
import { inspectArm } from '../kernel/inspect-arm.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { armText, isSame, listText, sameText } from './arms-text.ts';
import { registerArmsInstall } from './install-arms.ts';

/** Add `soak arms`, which lists arms, and its subcommands `show`, `same` and `install`. */
export function registerArms(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const arms = program
    .command('arms')
    .description('List the arms that ship, show what one changes, or compare a function across releases')
    .action(async () => {
      const { write } = surroundings();
      write(await listText());
    });
  arms.command('list', { hidden: true }).action(async () => {
    const { write } = surroundings();
    write(await listText());
  });
  addOptions(
    arms
      .command('show')
      .description('Show what an arm is and what it changes: role, releases, hashes, environment and diff')
      .argument('<arm>', 'as --arm takes it: a name, a folder, ipykernel==7.4.0, my.diff, git:PATH@REV, …'),
    'arms show',
  ).action(async (spec: string, options: RawOptions<'arms show'>) => {
    const { write, signal } = surroundings();
    write(armText(await inspectArm(spec, { ...options, onProgress: printProgress, signal })));
  });
  addOptions(
    arms
      .command('same')
      .description('Compare one function across releases and clones, byte by byte')
      .argument('<function>', 'name, or Class.name, such as SubshellManager._send_on_shell_channel')
      .argument('<version...>', 'releases such as 7.3.0, and folders of clones, such as ./ipykernel'),
    'arms same',
  )
    .addHelpText(
      'after',
      '\nReleases are downloaded as wheels and read. They are never installed or imported.\n\nExit codes: 0 the same everywhere, 1 different, 2 bad input, 4 environment.',
    )
    .action(async (searched: string, versions: string[], raw: RawOptions<'arms same'>) => {
      const { package: name, python, json } = parsedOptions('arms same', raw);
      const { write, signal } = surroundings();
      const sources = await readFunctionSources({
        function: searched,
        package: name,
        versions,
        python: python ?? undefined,
        onProgress: printProgress,
        signal,
      });
      write(json ? `${JSON.stringify(sources, null, 2)}\n` : sameText(name, sources));
      onExit(isSame(sources) ? EXIT_CODES.done : EXIT_CODES.failed);
    });
  registerArmsInstall(arms, surroundings);
}

function printProgress(line: string): void {
  process.stderr.write(`${terminalText(line)}\n`);
}
