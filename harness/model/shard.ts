import { z } from 'zod';

/** One part of an experiment's blocks: `--shard 2/4` is the second of four. */
export const shardSchema = z
  .object({
    /** From 1. */
    index: z.number().int().positive(),
    count: z.number().int().positive(),
  })
  .refine(({ index, count }) => index <= count, 'a shard beyond the last');
export type Shard = z.infer<typeof shardSchema>;

/** Blocks from `first` up to, and without, `end`; 0-based. */
export interface BlockRange {
  readonly first: number;
  readonly end: number;
}

/**
 * The blocks of a shard, or all of them. Blocks are divided and arms never, so that every comparison stays
 * within a block. A shard's blocks are consecutive: notebooks and traffic profiles take turns by block, and
 * with every n-th block a shard, and so a host, could have one of them alone. Sizes differ by one at most; a
 * shard is empty only where there are more shards than blocks.
 */
export function shardBlocks(blocks: number, shard: Shard | undefined): BlockRange {
  if (shard === undefined) return { first: 0, end: blocks };
  const { index, count } = shard;
  return { first: Math.floor(((index - 1) * blocks) / count), end: Math.floor((index * blocks) / count) };
}
