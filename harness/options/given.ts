import { aboutOption, type OptionReference, SoakError } from '../model/errors.ts';
import { shellWord } from '../model/shell-word.ts';
import { attributeOf, type CommandName, defaultOf, longName, type OptionRow } from './row.ts';
import { OPTIONS, type Options, type RawOptions, rowsOf } from './table.ts';
import type { Given } from './value-types.ts';

/** Options as they were given, by commander's name; what is `undefined` was not given. */
export type GivenOptions = Readonly<Record<string, Given | boolean | undefined>>;

/**
 * Parse the options of a command.
 *
 * @throws SoakError `bad-option`, which carries the option: a value that it does not take, options that exclude each
 *   other, one that another needs
 */
export function parsedOptions<Command extends CommandName>(
  command: Command,
  raw: RawOptions<Command>,
  table: readonly OptionRow[] = OPTIONS,
): Options<Command> {
  const given = raw as GivenOptions;
  const rows = rowsOf(command, table);
  const options = Object.fromEntries(
    rows.map((row) => [row.field ?? attributeOf(row), parsedValue(row, given, command)]),
  );
  assertTogether(rows, given);
  return options as Options<Command>;
}

function parsedValue(row: OptionRow, given: GivenOptions, command: CommandName): unknown {
  const text = givenText(given[attributeOf(row)]) ?? defaultOf(row, command);
  if (text !== undefined) {
    const option = { name: longName(row) };
    try {
      return row.type.parse(text, option);
    } catch (error) {
      throw aboutOption(error, option);
    }
  }
  return row.flags.includes(' ') ? null : false;
}

/** A switch that is off was not given. */
function givenText(value: Given | boolean | undefined): Given | undefined {
  return value === false ? undefined : value;
}

/** The first exclusion or need that is broken. @throws SoakError `bad-option` */
function assertTogether(rows: readonly OptionRow[], given: GivenOptions): void {
  for (const row of rows) {
    if (!isGiven(row, given)) continue;
    const { needs } = row;
    if (needs !== undefined && givenText(given[needs.option]) === undefined) {
      throw new SoakError(
        'bad-option',
        `${words(row, given)} needs --${kebabCase(needs.option)}: ${needs.because}.`,
        { remedy: needs.remedy, option: reference(row, given) },
      );
    }
    for (const other of rows) {
      const exclusion = excludes(row, given, other, given);
      if (exclusion === undefined) continue;
      throw new SoakError(
        'bad-option',
        `${words(row, given)} cannot be used with ${words(other, given)}: ${exclusion.because}.`,
        { remedy: exclusion.remedy ?? 'Leave out one of them.', option: reference(row, given) },
      );
    }
  }
}

/** Why an option as it is given in one place excludes another as it is given in another; `undefined`: it does not. */
function excludes(row: OptionRow, given: GivenOptions, other: OptionRow, otherGiven: GivenOptions) {
  if (!isGiven(row, given) || !isGiven(other, otherGiven)) return undefined;
  const [own, their] = [given[attributeOf(row)], otherGiven[attributeOf(other)]];
  return row.excludes?.find(
    ({ options, value, unless }) =>
      (value === undefined || value === own) &&
      (unless === undefined || (given[unless] === undefined && otherGiven[unless] === undefined)) &&
      options.some((each) => {
        const [name, wanted] = each.split('=');
        return name === attributeOf(other) && (wanted === undefined || wanted === their);
      }),
  );
}

/**
 * The options of a file with those of the command line, which win: what a flag excludes gives way, and so does what
 * needs an option that gave way.
 */
export function overridden(
  command: CommandName,
  file: GivenOptions,
  flags: GivenOptions,
  table: readonly OptionRow[] = OPTIONS,
): GivenOptions {
  const rows = rowsOf(command, table);
  const isSetAside = (row: OptionRow): boolean => {
    const attribute = attributeOf(row);
    if (flags[attribute] !== undefined) return true;
    return rows.some(
      (flag) =>
        isGiven(flag, flags) &&
        (flag.setsAside?.includes(attribute) === true ||
          excludes(flag, flags, row, file) !== undefined ||
          excludes(row, file, flag, flags) !== undefined),
    );
  };
  const aside = new Set(rows.filter((row) => isGiven(row, file) && isSetAside(row)).map(attributeOf));
  for (const row of rows) {
    const needed = row.needs?.option;
    if (needed !== undefined && aside.has(needed) && flags[needed] === undefined) aside.add(attributeOf(row));
  }
  return { ...Object.fromEntries(Object.entries(file).filter(([name]) => !aside.has(name))), ...flags };
}

function isGiven(row: OptionRow, given: GivenOptions): boolean {
  return givenText(given[attributeOf(row)]) !== undefined;
}

function reference(row: OptionRow, given: GivenOptions): OptionReference {
  const value = given[attributeOf(row)];
  return { name: longName(row), value: typeof value === 'string' ? value : undefined };
}

/** The option as it was typed. */
function words(row: OptionRow, given: GivenOptions): string {
  const value = given[attributeOf(row)];
  const text = Array.isArray(value) ? value[0] : value;
  return typeof text === 'string' ? `--${longName(row)} ${shellWord(text)}` : `--${longName(row)}`;
}

/** `pipelineDepth` to `pipeline-depth`. */
export function kebabCase(attribute: string): string {
  return attribute.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What both commands take, and was given. */
export function sharedOptions<From extends CommandName, To extends CommandName>(
  from: From,
  to: To,
  raw: RawOptions<From>,
): Partial<RawOptions<To>> {
  const shared = new Set(
    rowsOf(from)
      .filter(({ commands }) => commands[to] !== undefined)
      .map(attributeOf),
  );
  return Object.fromEntries(
    Object.entries(raw).filter(([name, value]) => shared.has(name) && value !== undefined),
  ) as Partial<RawOptions<To>>;
}
