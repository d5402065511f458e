import type { Command } from 'commander';
import { functionSources } from '../kernel/function-sources.ts';
import { inspectArm } from '../kernel/inspect-arm.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { armText, isSame, listText, sameText } from './arms-text.ts';
import { registerArmsInstall } from './install-arms.ts';

interface SameOptions {
  readonly package: string;
  readonly python?: string;
  readonly json?: boolean;
}

/** `soak arms`: what there is, what one changes, and whether a function is the same in several releases. */
export function registerArms(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const arms = program
    .command('arms')
    .description('list the arms that ship; show what one changes; compare a function across releases')
    .action(async () => {
      const { write } = surroundings();
      write(await listText());
    });
  arms.command('list', { hidden: true }).action(async () => {
    const { write } = surroundings();
    write(await listText());
  });
  arms
    .command('show')
    .description('what an arm is and changes: role, range, engagement, hashes, environment, diff')
    .argument('<arm>', 'as --arm takes it: a name, a folder, ipykernel==7.4.0, my.diff, git:PATH@REV, …')
    .option('--python <exe>', 'interpreter to make the kernel environment from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .action(async (spec: string, options: { python?: string; env?: string }) => {
      const { write, signal } = surroundings();
      write(armText(await inspectArm(spec, { ...options, onProgress: printProgress, signal })));
    });
  arms
    .command('same')
    .description('whether a function is byte-identical in several releases and trees: hashes and a diff')
    .argument('<function>', 'name, or Class.name, such as SubshellManager._send_on_shell_channel')
    .argument('<version...>', 'releases such as 7.3.0, and folders of clones, such as ./ipykernel')
    .option('--package <name>', 'package, as it is released', 'ipykernel')
    .option('--python <exe>', 'interpreter whose pip fetches the releases')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nReleases are fetched as wheels and read, never installed or imported.\n\nExit codes: 0 the same in all of them, 1 not, 2 bad input, 4 environment.',
    )
    .action(async (name: string, versions: string[], options: SameOptions) => {
      const { write, signal } = surroundings();
      const sources = await functionSources({
        function: name,
        package: options.package,
        versions,
        python: options.python,
        onProgress: printProgress,
        signal,
      });
      write(
        options.json === true ? `${JSON.stringify(sources, null, 2)}\n` : sameText(options.package, sources),
      );
      onExit(isSame(sources) ? EXIT_CODES.done : EXIT_CODES.failed);
    });
  registerArmsInstall(arms, surroundings);
}

function printProgress(line: string): void {
  process.stderr.write(`${terminalText(line)}\n`);
}
