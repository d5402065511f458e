import { type Command, Option } from 'commander';
import { type CommandName, defaultOf, isSwitch, OPTION_GROUPS, type OptionRow } from './row.ts';
import { OPTIONS, rowsOf } from './table.ts';

/** Give a command its options, under the headings of the table. */
export function addOptions(
  command: Command,
  name: CommandName,
  table: readonly OptionRow[] = OPTIONS,
): Command {
  const rows = rowsOf(name, table);
  const groups = OPTION_GROUPS.filter((group) => rows.some((row) => row.group === group));
  for (const group of groups) {
    for (const row of rows.filter((each) => each.group === group)) {
      const option = new Option(row.flags, helpOf(row, name));
      if (row.type.isRepeatable === true) {
        option.argParser((value: string, all: readonly string[] = []) => [...all, value]);
      }
      if (row.commands[name]?.required === true) option.makeOptionMandatory();
      // A heading over everything says nothing.
      command.addOption(groups.length > 1 ? option.helpGroup(`${group}:`) : option);
    }
  }
  return command;
}

/** The help of an option, its default at the end. */
export function helpOf(row: OptionRow, name: CommandName): string {
  const { help = row.help, defaultWords = row.defaultWords } = row.commands[name] ?? {};
  const ownDefault = defaultOf(row, name);
  const words =
    defaultWords ?? (defaultWords === null || ownDefault === undefined ? null : String(ownDefault));
  return words === null || isSwitch(row) ? help : `${help} (default: ${words})`;
}
