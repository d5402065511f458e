import { z } from 'zod';
import { type OptionReference, SoakError } from '../model/errors.ts';
import { didYouMean } from '../model/near-names.ts';
import { quoted } from '../model/quoted.ts';

/** The text of an option as the command line or a file gives it; `true`: a switch that is on. */
export type Given = string | readonly string[] | true;

/** Which paths a value holds, so that a file can make them absolute, and evidence can publish them. */
export type PathKind =
  | 'path'
  /** A path where it looks like one, else the name of a command. */
  | 'path-or-command'
  /** Words of an arm, some of which are paths. */
  | 'arm'
  /** `file:PATH`, or a word. */
  | 'latency';

/** How the text of an option becomes a value. */
export interface ValueType<Value> {
  /**
   * @param about the option, for errors
   * @throws SoakError `bad-option`, which carries the option
   */
  readonly parse: (given: Given, about: OptionReference) => Value;
  /** What an experiment file may hold. Ranges are for `parse` to say, with the line of the file. */
  readonly inFile: z.ZodType;
  /** The words that there are, for completion; absent: any text. */
  readonly choices?: readonly string[];
  /** Whether commas separate several words. */
  readonly isList?: boolean;
  /** Whether the option may be given again and again. */
  readonly isRepeatable?: boolean;
  readonly paths?: PathKind;
  /** Which numbers it takes, for the reference: "from 0 to 60". */
  readonly range?: string;
}

/** Not numbers: YAML reads 3.10 as 3.1. */
const TEXT_IN_FILE = z.string().min(1);
const LIST_IN_FILE = listOf(TEXT_IN_FILE);

function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item).min(1, 'it names nothing');
}

/** A value that an option does not take. */
export function badValue(
  about: OptionReference,
  text: string,
  remedy: string,
  code = 'bad-option',
): SoakError {
  return new SoakError(code, `--${about.name} cannot be ${quoted(text)}.`, {
    remedy,
    option: { ...about, value: text },
  });
}

/** A switch: on where it is given. */
export const onOff: ValueType<boolean> = { parse: () => true, inFile: z.boolean() };

/** Any text but none. */
export function text(paths?: PathKind): ValueType<string> {
  return { parse: String, inFile: TEXT_IN_FILE, ...(paths === undefined ? {} : { paths }) };
}

/** Text that `read` understands; `read` throws a SoakError of its own. */
export function parsedText<Value>(
  read: (text: string, about: OptionReference) => Value,
  inFile: z.ZodType = TEXT_IN_FILE,
): ValueType<Value> {
  return { parse: (given, about) => read(String(given), about), inFile };
}

/** An option that may be given again and again: all its texts, in order. */
export function repeated(paths?: PathKind): ValueType<readonly string[]> & { readonly isRepeatable: true } {
  return {
    parse: (given) => (Array.isArray(given) ? given : [String(given)]),
    inFile: z.union([TEXT_IN_FILE, LIST_IN_FILE]),
    isRepeatable: true,
    ...(paths === undefined ? {} : { paths }),
  };
}

/** Words with commas, at least one. */
export function commaList(example: string, paths?: PathKind): ValueType<readonly string[]> {
  return {
    parse(given, about) {
      const words = listWords(given);
      if (words.length > 0) return words;
      throw badValue(about, String(given), `Give names with commas, such as --${about.name} ${example}.`);
    },
    inFile: z.union([TEXT_IN_FILE, LIST_IN_FILE]),
    isList: true,
    ...(paths === undefined ? {} : { paths }),
  };
}

function listWords(given: Given): string[] {
  return String(given)
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** One of some words. */
export function oneOf<const Word extends string>(choices: readonly Word[]): ValueType<Word> {
  return {
    parse: (given, about) => knownWord(choices, String(given), about),
    inFile: z.enum(choices),
    choices,
  };
}

/** Some of the words that there are, with commas. */
export function someOf<const Word extends string>(choices: readonly Word[]): ValueType<readonly Word[]> {
  return {
    parse(given, about) {
      const words = listWords(given);
      return (words.length > 0 ? words : [String(given)]).map((word) => knownWord(choices, word, about));
    },
    inFile: z.union([z.enum(choices), listOf(z.enum(choices))]),
    choices,
    isList: true,
  };
}

function knownWord<Word extends string>(
  choices: readonly Word[],
  word: string,
  about: OptionReference,
): Word {
  const known = choices.find((choice) => choice === word);
  if (known !== undefined) return known;
  throw badValue(about, word, `${didYouMean(word, choices)}Choose from: ${choices.join(', ')}.`);
}

/** Which numbers an option takes, ends included unless `above` or `below` say otherwise. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** `min` itself is excluded. */
  readonly above?: boolean;
  /** `max` itself is excluded. */
  readonly below?: boolean;
  readonly whole?: boolean;
  /** What is counted or measured, such as "seconds"; or "probability". */
  readonly unit?: string;
}

// Number() would also read '', '0x10' and 'Infinity'.
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** A number of a range. */
export function number(range: NumberRange): ValueType<number> {
  return {
    parse: (given, about) => parsedNumber(String(given), about, range),
    inFile: numberInFile(range),
    range: boundsOf(range),
  };
}

function boundsOf({ above, min, below, max }: NumberRange): string {
  return `${above === true ? 'above' : 'from'} ${min} ${below === true ? 'and below' : 'to'} ${max}`;
}

/** For editors. The exact bounds are the option's to say, with the line of the file. */
function numberInFile({ whole, max }: NumberRange): z.ZodType {
  const schema = (whole === true ? z.int() : z.number()).min(0);
  return max <= 1 ? schema.max(1) : schema;
}

/** Numbers of a range, with commas. */
export function numbers(range: NumberRange): ValueType<readonly number[]> {
  return {
    parse(given, about) {
      const words = listWords(given);
      return (words.length > 0 ? words : ['']).map((word) => parsedNumber(word, about, range));
    },
    inFile: z.union([TEXT_IN_FILE, listOf(z.number())]),
    isList: true,
  };
}

function parsedNumber(given: string, about: OptionReference, range: NumberRange): number {
  const value = Number(given);
  const fits =
    DECIMAL.test(given.trim()) &&
    Number.isFinite(value) &&
    (range.above === true ? value > range.min : value >= range.min) &&
    (range.below === true ? value < range.max : value <= range.max) &&
    (range.whole !== true || Number.isSafeInteger(value));
  if (fits) return value;
  const number = range.whole === true ? 'a whole number' : 'a number';
  const kind =
    range.unit === undefined
      ? number
      : range.unit === 'probability'
        ? 'a probability'
        : `${number} of ${range.unit}`;
  throw badValue(about, given, `Give ${kind} ${boundsOf(range)}.`);
}

export const SECONDS = { min: 0.1, max: 86_400, unit: 'seconds' } as const;
/** A probability, its ends included. */
export const PROBABILITY = { min: 0, max: 1, unit: 'probability' } as const;
/** A level or a power: strictly between 0 and 1. */
export const LEVEL = { min: 0, max: 1, above: true, below: true, unit: 'probability' } as const;
/** A 32-bit seed. */
export const SEED = { whole: true, min: 0, max: 2 ** 32 - 1 } as const;
/** A count of runs of an arm. */
export const RUNS = { whole: true, min: 1, max: 1_000_000, unit: 'runs per arm' } as const;
