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

/** `2/4`: the second of four parts. */
export const shardType: ValueType<Shard> = parsedText((text, about) => {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim()) ?? [];
  const parsed = shardSchema.safeParse({ index: Number(index), count: Number(count) });
  if (parsed.success) return parsed.data;
  throw badValue(about, text, 'Give which part of how many, such as --shard 2/4: from 1/4 to 4/4.');
});
