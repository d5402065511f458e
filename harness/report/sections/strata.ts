import { shardBlocks } from '../../model/shard.ts';
import { type Line, line, strong, text } from '../document.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** What must be said first of a part of an experiment. */
export function shardLines({ experiment: { shard, protocol } }: Report): Line[] {
  if (shard === undefined) return [];
  const { first, end } = shardBlocks(protocol.blocks, shard);
  return [
    line`${strong(text('Part of an experiment'))}: shard ${num(`${shard.index}/${shard.count}`)}, blocks ${num(String(first + 1))} to ${num(String(end))} of ${num(String(protocol.blocks))}. What follows is said of these blocks alone.`,
  ];
}
