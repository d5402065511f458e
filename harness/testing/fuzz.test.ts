import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsedNotebook } from '../frontend/notebook.ts';
import { parseJournal } from '../journal/read.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { parsedManifest } from '../plan/arms.ts';
import { patchedFiles } from '../plan/patch.ts';
import { decodeMessage, encodeMessage } from '../transport/wire.ts';

/**
 * What comes from outside, damaged in every way: whatever reads it takes it, or says what is wrong with it.
 * `KERNEL_SOAK_FUZZ` sets the number of cases of each reader; the nightly has a million.
 */
const CASES = Number(process.env['KERNEL_SOAK_FUZZ'] ?? 10_000);
const SEED = Number(process.env['KERNEL_SOAK_FUZZ_SEED'] ?? 1);
/** Of one case: a thousand times what it takes, so that only what is not bounded reaches it. */
const CASE_MS = 5_000;
const TIMEOUT_MS = Math.max(120_000, CASES * 30);

function real(...path: string[]): Buffer {
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
function damaged(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
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

/** Whether a case is read or refused with words, in bounded time, and leaves the prototypes alone. */
async function read(what: () => unknown): Promise<'taken' | 'refused'> {
  const startMs = performance.now();
  let end: 'taken' | 'refused' = 'taken';
  try {
    await what();
  } catch (error) {
    if (!(error instanceof SoakError)) throw error;
    if (error.message === '' || error.remedy === '') throw new Error(`${error.code} has no words`);
    end = 'refused';
  }
  if (performance.now() - startMs > CASE_MS) throw new Error('It took too long.');
  if ('polluted' in {}) throw new Error('A prototype was changed.');
  return end;
}

/** Both ends are met: inputs that no reader refuses, or none takes, would show nothing. */
async function fuzz(seeds: readonly Buffer[], reader: (bytes: Buffer) => unknown): Promise<void> {
  const ends = { taken: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(damaged(seeds), async (bytes) => {
      ends[await read(() => reader(bytes))] += 1;
    }),
    { numRuns: CASES, seed: SEED },
  );
  expect(ends.taken).toBeGreaterThan(0);
  expect(ends.refused).toBeGreaterThan(0);
}

describe('whatever is made of it, it is taken or refused with words:', () => {
  test(
    'a notebook',
    () =>
      fuzz([real('notebooks', 'plain.ipynb'), real('notebooks', 'data.ipynb')], (bytes) =>
        parsedNotebook(bytes, 'fuzz.ipynb'),
      ),
    TIMEOUT_MS,
  );

  test(
    'a journal',
    () => {
      const lines = real('reports', 'server-7.3.0', 'first', 'journal.jsonl').toString('utf8').split('\n');
      const few = Buffer.from(`${lines.slice(0, 5).join('\n')}\n`);
      return fuzz([few], (bytes) => parseJournal(bytes, 'fuzz'));
    },
    TIMEOUT_MS,
  );

  test(
    'an arm’s manifest',
    () =>
      fuzz(
        ['fix', 'stream', 'bare', 'client-fix'].map((arm) => real('arms', arm, 'arm.json')),
        (bytes) => parsedManifest(bytes.toString('utf8'), 'fuzz'),
      ),
    TIMEOUT_MS,
  );

  test(
    'a patch',
    () => {
      const source = Array.from({ length: 60 }, (_, index) => `line_${index} = ${index}\n`).join('');
      const header = '--- a/ipykernel/a.py\n+++ b/ipykernel/a.py\n';
      const hunk = (line: number) =>
        `@@ -${line},3 +${line},3 @@\n line_${line - 1} = ${line - 1}\n-line_${line} = ${line}\n+x = 1\n line_${line + 1} = ${line + 1}\n`;
      const seeds = [
        header + hunk(10),
        header + hunk(10) + hunk(30),
        real('arms', 'fix', 'change.patch').toString(),
      ];
      return fuzz(
        seeds.map((seed) => Buffer.from(seed)),
        (bytes) =>
          patchedFiles(
            bytes.toString('utf8'),
            'ipykernel',
            '7.3.0',
            (path) => Promise.resolve(path === 'ipykernel/a.py' ? source : null),
            'fuzz',
          ),
      );
    },
    TIMEOUT_MS,
  );

  test(
    'a message on the wire, signed or not',
    async () => {
      const key = 'k'.repeat(64);
      const message = encodeMessage(
        {
          header: { msg_id: 'a', msg_type: 'execute_reply' },
          content: { status: 'ok', payload: [{ a: 1 }] },
        },
        key,
      );
      let verified = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(damaged(message), { maxLength: 7 }),
          fc.nat(7),
          fc.boolean(),
          async (frames, whole, isWhole) => {
            const sent = isWhole
              ? message.map((frame, at) => (at === whole ? (frames[0] ?? frame) : frame))
              : frames;
            await read(() => {
              const decoded = decodeMessage(sent, key);
              if (!decoded.ok) return;
              verified += 1;
              // Nothing but the message itself carries its signature.
              for (const at of [2, 3, 4, 5]) expect(sent[at]?.equals(message[at] as Buffer)).toBe(true);
            });
            decodeMessage(sent, '');
          },
        ),
        { numRuns: CASES, seed: SEED },
      );
      expect(verified).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
