import { z } from 'zod';
import { type Shard, shardSchema } from '../model/shard.ts';
import { badValue, parsedText, type ValueType } from './value-types.ts';

/** Wedges that get a rung of the revival ladder. */
export type Autopsy = 'full' | 'none' | number;

export const autopsyType: ValueType<Autopsy> = {
  ...parsedText<Autopsy>(
    (text, about) => {
      if (text === 'none' || text === 'full') return text;
      if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
      throw badValue(about, text, 'Give full, none, or how many wedges get one, from 1 to 999999.');
    },
    z.union([z.enum(['full', 'none']), z.int().min(1)]),
  ),
  choices: ['full', 'none'],
};

/** Whole seconds; `null`: the client waits for ever. */
export const clientTimeoutType: ValueType<number | null> = {
  ...parsedText<number | null>(
    (text, about) => {
      if (text === 'none') return null;
      if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
      throw badValue(
        about,
        text,
        'Give whole seconds, or none: the client then waits for ever, as is its default.',
      );
    },
    z.union([z.enum(['none']), z.int().min(1)]),
  ),
  choices: ['none'],
};

const UNITS_OF_TIME: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** `5s`, `250ms`, `2min`, or plain seconds: milliseconds. */
export const durationType: ValueType<number> = parsedText(
  (text, about) => {
    const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?) ?(ms|s|min)?$/.exec(text.trim()) ?? [];
    const ms = Number(digits) * (UNITS_OF_TIME[unit] ?? 1000);
    if (ms >= 1 && ms <= 86_400_000) return ms;
    throw badValue(about, text, 'Give a time from 1ms to 1440min, such as 250ms, 5s or 2min.');
  },
  z.union([z.string().min(1), z.number().min(0)]),
);

const UNITS_OF_MEMORY: Readonly<Record<string, number>> = {
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `2GiB`, `500MB`: bytes. */
export const memorySizeType: ValueType<number> = parsedText((text, about) => {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([KMG]i?B)$/.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS_OF_MEMORY[unit] ?? Number.NaN));
  if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw badValue(
    about,
    text,
    'Give a size with its unit (KB, MB, GB, KiB, MiB or GiB), such as 500MB or 2GiB.',
  );
});

/** `2/4`: the second of four parts. */
export const shardType: ValueType<Shard> = parsedText((text, about) => {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim()) ?? [];
  const parsed = shardSchema.safeParse({ index: Number(index), count: Number(count) });
  if (parsed.success) return parsed.data;
  throw badValue(about, text, 'Give which part of how many, such as --shard 2/4: from 1/4 to 4/4.');
});
