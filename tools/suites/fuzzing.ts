import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { SoakError } from '../../harness/model/errors.ts';
import { packageRoot } from '../../harness/model/package-root.ts';

/**
 * What comes from outside, damaged in every way: whatever reads it takes it, or says what is wrong with it.
 * `KERNEL_SOAK_FUZZ` sets the number of cases of each reader; the nightly has a million.
 */
export const CASES = Number(process.env['KERNEL_SOAK_FUZZ'] ?? 10_000);
export const SEED = Number(process.env['KERNEL_SOAK_FUZZ_SEED'] ?? 1);
/** Of one case: a thousand times what it takes, so that only what is not bounded reaches it. */
const CASE_MS = 5_000;
export const TIMEOUT_MS = Math.max(120_000, CASES * 30);

export function real(...path: string[]): Buffer {
  return readFileSync(join(packageRoot(), ...path));
}

/** Things that readers have stumbled over before. */
const TOKENS = [
  '{',
  '[',
  '"',
  '\\u0000',
  '\ud800',
  'null',
  '1e999',
  '-0',
  '"__proto__":{"polluted":true},',
  '"constructor":{"prototype":{"polluted":true}},',
  '\n',
  '\r\n',
  '\0',
  '\ufeff',
  '<IDS|MSG>',
  '@@ -1,3 +1,3 @@\n',
  '@@ -0,0 +1,999999999 @@\n',
  '--- a/../../x\n',
  '[['.repeat(3_000),
  'a'.repeat(10_000),
].map((token) => Buffer.from(token));

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.oneof(fc.constant(0), fc.nat(200), fc.nat(1_000_000)),
  put: fc.oneof(
    fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(...TOKENS),
    fc.json().map((text) => Buffer.from(text)),
  ),
});

/** Bytes with some pieces replaced by others; or bytes of nothing at all. */
export function damaged(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const edited = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([seed, edits]) =>
      edits.reduce((bytes, { at, drop, put }) => {
        const from = Math.floor(at * bytes.length);
        return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + drop)]);
      }, seed),
    );
  return fc.oneof(
    { arbitrary: edited, weight: 8 },
    { arbitrary: fc.json().map((text) => Buffer.from(text)), weight: 1 },
    { arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), weight: 1 },
  );
}

/** Whether a case is read, or refused by `null` or with words, in bounded time, and leaves the prototypes alone. */
export async function read(what: () => unknown): Promise<'taken' | 'refused'> {
  const startMs = performance.now();
  let end: 'taken' | 'refused' = 'taken';
  try {
    if ((await what()) === null) end = 'refused';
  } catch (error) {
    if (!(error instanceof SoakError)) throw error;
    if (error.message === '' || error.remedy === '') throw new Error(`${error.code} has no words`);
    end = 'refused';
  }
  if (performance.now() - startMs > CASE_MS) throw new Error('It took too long.');
  if ('polluted' in {}) throw new Error('A prototype was changed.');
  return end;
}

// What the readers leave behind of all cases together: nothing, but that the collector need not have come by yet.
const GROWTH_BYTES = 300 * 2 ** 20;

/** That `cases` have left no more memory in use than before, whatever was made of them. */
export async function inBoundedMemory(cases: () => Promise<void>): Promise<void> {
  const before = heapBytes();
  await cases();
  expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES);
}

function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Both ends are met: inputs that no reader refuses, or none takes, would show nothing. */
export async function fuzz(
  seeds: readonly Buffer[],
  reader: (bytes: Buffer) => unknown,
  cases: number = CASES,
): Promise<void> {
  const ends = { taken: 0, refused: 0 };
  await inBoundedMemory(() =>
    fc.assert(
      fc.asyncProperty(damaged(seeds), async (bytes) => {
        ends[await read(() => reader(bytes))] += 1;
      }),
      { numRuns: cases, seed: SEED },
    ),
  );
  expect(ends.taken).toBeGreaterThan(0);
  expect(ends.refused).toBeGreaterThan(0);
}
