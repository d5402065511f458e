import { type Command, Option } from 'commander';
import { helpSections } from './help-sections.ts';
import { type CommandName, defaultOf, isSwitch, type OptionRow } from './row.ts';
import { OPTIONS } from './table.ts';

/** Give a command its options, under the headings of its help. */
export function addOptions(
  command: Command,
  name: CommandName,
  table: readonly OptionRow[] = OPTIONS,
): Command {
  for (const { heading, rows } of helpSections(name, table)) {
    for (const row of rows) {
      const option = new Option(row.flags, helpOf(row, name));
      if (row.type.isRepeatable === true) {
        option.argParser((value: string, all: readonly string[] = []) => [...all, value]);
      }
      if (row.commands[name]?.required === true) option.makeOptionMandatory();
      command.addOption(option.helpGroup(`${heading}:`));
    }
  }
  return command;
}

const SHORT_LIST = 30;

/** The help of an option, its default at the end. */
export function helpOf(row: OptionRow, name: CommandName): string {
  const { help = row.help, defaultWords = row.defaultWords } = row.commands[name] ?? {};
  const ownDefault = defaultOf(row, name);
  const words =
    defaultWords ?? (defaultWords === null || ownDefault === undefined ? null : String(ownDefault));
  if (words === null || isSwitch(row)) return help;
  // A long list has spaces, so that it can be broken at the edge of a terminal. A short one can be copied.
  return `${help} (default: ${words.length > SHORT_LIST ? words.replace(/,(?=\S)/g, ', ') : words})`;
}
