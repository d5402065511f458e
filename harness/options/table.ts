import type { CommandName, OptionRow, OptionsOf, RawOptionsOf } from './row.ts';
import { DIAGNOSIS_ROWS } from './rows/diagnosis.ts';
import { EXPERIMENT_ROWS } from './rows/experiment.ts';
import { PLANNING_ROWS } from './rows/planning.ts';

/** Every option of every command, one row each: CONTRIBUTING.md, "Add an option". */
export const OPTIONS = [...EXPERIMENT_ROWS, ...PLANNING_ROWS, ...DIAGNOSIS_ROWS] as const;

type Row = (typeof OPTIONS)[number];

/** Options of a command as they were given: text, by commander's name. */
export type RawOptions<Command extends CommandName> = RawOptionsOf<Row, Command>;
/** Options of a command, parsed: `null` where one was not given and has no default. */
export type Options<Command extends CommandName> = OptionsOf<Row, Command>;

/** The rows of a command, in the table's order. */
export function rowsOf(command: CommandName, table: readonly OptionRow[] = OPTIONS): readonly OptionRow[] {
  return table.filter(({ commands }) => commands[command] !== undefined);
}
