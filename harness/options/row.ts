import type { Given, ValueType } from './value-types.ts';

/** The commands that have options. */
export type CommandName =
  | 'run'
  | 'tune'
  | 'bisect'
  | 'locate'
  | 'diagnose'
  | 'exec'
  | 'plan'
  | 'stats'
  | 'history'
  | 'merge'
  | 'report'
  | 'explain'
  | 'verify'
  | 'comment'
  | 'init'
  | 'kernels'
  | 'doctor'
  | 'mechanism'
  | 'arms show'
  | 'arms same'
  | 'arms install';

/** What options are about: the headings of those for experts, in `--help` and in the option reference, in this order. */
export const OPTION_GROUPS = [
  'Experiment',
  'Notebook and traffic',
  'Kernels',
  'Decision',
  'Evidence',
  'Other',
] as const;
export type OptionGroup = (typeof OPTION_GROUPS)[number];

/** Options that cannot be given together with the row's own, and why. */
export interface Exclusion {
  /** Attributes; `name=value`: only with that value. */
  readonly options: readonly string[];
  /** A clause that follows a colon, such as "the client has a front end of its own". */
  readonly because: string;
  /** What to do; default: leave out one of them. */
  readonly remedy?: string;
  /** The row's own value that excludes them; absent: any. */
  readonly value?: string;
  /** An option that lifts the exclusion. */
  readonly unless?: string;
}

/** What a command has otherwise than the row says. */
export interface InCommand {
  readonly help?: string;
  readonly default?: Given;
  /** `null`: nothing is said of a default. */
  readonly defaultWords?: string | null;
  readonly required?: boolean;
}

/**
 * An option: everything that the program knows of it. Flags, types, parsing, the experiment file, the command that
 * repeats an experiment, completion and the reference are made from rows.
 */
export interface OptionRow {
  /** As commander has it: `--pipeline-depth <n>`. */
  readonly flags: `--${string}`;
  readonly type: ValueType<unknown>;
  /** One clause. The default is added to it. */
  readonly help: string;
  readonly group: OptionGroup;
  /** Which commands take it. */
  readonly commands: Readonly<Partial<Record<CommandName, InCommand>>>;
  /** The text that stands for it where it is not given; absent: none. */
  readonly default?: Given;
  /** The default in words, where it is not a text or needs explanation. */
  readonly defaultWords?: string;
  /** Name of the parsed value, where it is not the flag's: `timeoutSeconds`. */
  readonly field?: string;
  readonly excludes?: readonly Exclusion[];
  /** An option without which this one means nothing. */
  readonly needs?: { readonly option: string; readonly because: string; readonly remedy: string };
  /** Options of a file that give way to this one on the command line, although both could be given. */
  readonly setsAside?: readonly string[];
  /** Key of an experiment file; default: the flag's name. `false`: it belongs to a call, not to the experiment. */
  readonly inFile?: string | false;
  /** What evidence shows in place of its value, which is private. */
  readonly publishedAs?: string;
}

/** Keep the row's exact type, from which the types of the options are made. */
export function option<const Row extends OptionRow>(row: Row): Row {
  return row;
}

type LongName<Flags extends string> = Flags extends `--${infer Name} ${string}`
  ? Name
  : Flags extends `--${infer Name}`
    ? Name
    : never;
type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** Commander's name of an option: `pipelineDepth`. */
export type AttributeOf<Row extends OptionRow> = CamelCase<LongName<Row['flags']>>;
type FieldOf<Row extends OptionRow> = Row extends { readonly field: infer Field extends string }
  ? Field
  : AttributeOf<Row>;
type ValueOf<Row extends OptionRow> = Row['type'] extends ValueType<infer Value> ? Value : never;

export type RowsOf<Row extends OptionRow, Command extends CommandName> = Extract<
  Row,
  { readonly commands: { readonly [Name in Command]: InCommand } }
>;

/** Whether the value is always there: a default, a switch, or required. */
type IsAlwaysThere<Row extends OptionRow, Command extends CommandName> = Row extends {
  readonly default: Given;
}
  ? true
  : Row['commands'][Command] extends { readonly default: Given } | { readonly required: true }
    ? true
    : boolean extends ValueOf<Row>
      ? true
      : false;

/** Options of a command as they were given: text, by attribute. */
export type RawOptionsOf<Row extends OptionRow, Command extends CommandName> = {
  readonly [R in RowsOf<Row, Command> as AttributeOf<R>]?: boolean extends ValueOf<R>
    ? boolean
    : R['type'] extends { readonly isRepeatable: true }
      ? readonly string[]
      : string;
};

/** Options of a command, parsed: `null` where one is not given and has no default. */
export type OptionsOf<Row extends OptionRow, Command extends CommandName> = {
  readonly [R in RowsOf<Row, Command> as FieldOf<R>]: IsAlwaysThere<R, Command> extends true
    ? ValueOf<R>
    : ValueOf<R> | null;
};

/** `--pipeline-depth <n>` to `pipeline-depth`. */
export function longName({ flags }: Pick<OptionRow, 'flags'>): string {
  return flags.slice(2).split(' ')[0] ?? '';
}

/** Commander's name of an option. */
export function attributeOf(row: Pick<OptionRow, 'flags'>): string {
  return longName(row).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether it has no value. */
export function isSwitch({ flags }: Pick<OptionRow, 'flags'>): boolean {
  return !flags.includes(' ');
}

/** The text that stands for an option of a command where it is not given. */
export function defaultOf(row: OptionRow, command: CommandName): Given | undefined {
  return row.commands[command]?.default ?? row.default;
}
