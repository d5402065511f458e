import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shardBlocks, shardSchema } from './shard.ts';

test('shards divide the blocks: each block in one of them, sizes as equal as they can be', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 70 }), (blocks, count) => {
      let next = 0;
      const sizes: number[] = [];
      for (let index = 1; index <= count; index += 1) {
        const { first, end } = shardBlocks(blocks, { index, count });
        expect(first).toBe(next);
        sizes.push(end - first);
        next = end;
      }
      expect(next).toBe(blocks);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(Math.min(...sizes) > 0).toBe(count <= blocks);
    }),
  );
});

test('without a shard all blocks are meant, and there is no shard beyond the last', () => {
  expect(shardBlocks(20, undefined)).toEqual({ first: 0, end: 20 });
  expect(shardSchema.safeParse({ index: 5, count: 4 }).success).toBe(false);
});
