import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { diagnoseOptions, isNotebookPath } from '../../harness/commands/diagnose.ts';
import { soakProgram } from '../../harness/commands/program.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { parsedOptions } from '../../harness/options/given.ts';
import type { CommandName } from '../../harness/options/row.ts';
import { rowsOf } from '../../harness/options/table.ts';

/** Parse a command line as the program does, and carry nothing out. @throws what the program throws for a wrong one */
export async function parseCommand(args: readonly string[]): Promise<void> {
  const program = soakProgram({
    version: '0',
    write: () => {},
    interruption: () => new AbortController().signal,
    onExit: () => {},
  });
  for (const command of [program, ...withChildren(program)]) {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
    if (command !== program && command.commands.length === 0) command.action(() => checkValues(command));
  }
  await program.parseAsync(args, { from: 'user' });
}

/** What a command makes of its options' values before it does anything. */
function checkValues(command: Command): void {
  const name = (
    command.parent?.parent === null ? command.name() : `${command.parent?.name()} ${command.name()}`
  ) as CommandName;
  if (name === 'run') {
    // The default command: a word that is no command arrives here as a file's name.
    const [file] = command.args;
    if (isNotebookPath(file)) {
      parsedOptions('diagnose', diagnoseOptions(file, command.opts()));
      return;
    }
    if (file !== undefined && !existsSync(join(packageRoot(), file))) throw new Error(`there is no ${file}`);
  }
  if (rowsOf(name).length > 0) parsedOptions(name, command.opts());
}

function withChildren(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...withChildren(child)]);
}
