import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Uniform on [0, 1): the only randomness that the statistics use, always seeded. */
export type Uniform = () => number;

/**
 * A stream of uniform numbers from a non-negative whole seed. Equal seed and purpose give equal numbers. Two
 * purposes give unrelated streams, so a new simulation never changes the numbers of another.
 */
export function seededUniform(seed: number, purpose: string): Uniform {
  // FNV-1a over the purpose and both halves of the seed, because the generator takes only 32 bits.
  let hash = 0x811c9dc5;
  for (const byte of `${seed}:${purpose}`) hash = Math.imul(hash ^ (byte.codePointAt(0) ?? 0), 0x01000193);
  const generator = xoroshiro128plus(hash);
  return () => uniformFloat64(generator);
}
