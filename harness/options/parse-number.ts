import { SoakError } from '../model/errors.ts';

/** Which numbers a flag takes, ends included unless said. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly excludeMin?: boolean;
  readonly excludeMax?: boolean;
  readonly whole?: boolean;
  /** A value to show in the remedy. */
  readonly example: string;
}

/** @throws SoakError `bad-number` when the text is no number of that range. */
export function parseNumber(text: string, flag: string, range: NumberRange): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const low = range.excludeMin ? value > range.min : value >= range.min;
  const high = range.excludeMax ? value < range.max : value <= range.max;
  if (Number.isFinite(value) && low && high && (!range.whole || Number.isInteger(value))) return value;
  const kind = range.whole ? 'a whole number' : 'a number';
  const bounds = `${range.excludeMin ? 'above' : 'from'} ${range.min} ${range.excludeMax ? 'and below' : 'to'} ${range.max}`;
  throw new SoakError('bad-number', `${flag} ${text}: not ${kind} ${bounds}.`, {
    remedy: `Give ${kind} ${bounds}, for example ${flag} ${range.example}.`,
  });
}

/** A probability of wedging, 0 to 1. */
export const PROBABILITY = { min: 0, max: 1, example: '0.3' } as const;
/** A level or a power: strictly between 0 and 1. */
export const LEVEL = { min: 0, max: 1, excludeMin: true, excludeMax: true, example: '0.05' } as const;
