import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsedManifest } from '../../harness/arms/arms.ts';
import { patchedFiles } from '../../harness/arms/patch.ts';
import { parsedNotebook } from '../../harness/frontend/notebook.ts';
import { parseJournal } from '../../harness/journal/read.ts';
import { decodeMessage, encodeMessage } from '../../harness/transport/wire.ts';
import { CASES, damaged, fuzz, read, real, SEED, TIMEOUT_MS } from './fuzzing.ts';

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
