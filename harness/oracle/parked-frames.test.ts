import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import type { Look } from '../model/observations.ts';
import { packageRoot } from '../model/package-root.ts';
import { isStrand } from './classify.ts';
import { isParkedFrame, PARKED_FRAMES, standsWords } from './parked-frames.ts';

const recordingsSchema = z.array(
  z.object({
    loop: z.string(),
    system: z.string(),
    python: z.string(),
    tornado: z.string(),
    threads: z.record(z.string(), z.array(z.string())),
  }),
);

const recordings = recordingsSchema.parse(
  JSON.parse(readFileSync(fileURLToPath(new URL('./golden/parked-frames.json', import.meta.url)), 'utf8')),
);

function strandWith(threads: Look['threads']): Look {
  return { fdReadable: false, fdRegistered: true, pollin: true, pollout: true, receiving: true, threads };
}

describe('a strand is certified by the stacks of', () => {
  test.each(
    recordings.map(
      ({ loop, system, python, threads }) => [`${loop}, CPython ${python} on ${system}`, threads] as const,
    ),
  )('%s, as they were taken there', (_what, threads) => {
    expect(isStrand(strandWith(threads))).toBe(true);
  });

  test('every loop that this machine has, now', async () => {
    const { python } = await testEnvironment();
    const script = join(packageRoot(), 'harness', 'oracle', 'record_parked_frames.py');
    const now = recordingsSchema.parse(JSON.parse(execFileSync(python, [script], { encoding: 'utf8' })));
    expect(now.length).toBeGreaterThan(0);
    for (const { threads } of now) expect(threads).toSatisfy((all) => isStrand(strandWith(all as never)));
  });
});

test('every row of the table was taken from a loop that ran', () => {
  const innermost = recordings.map(({ threads }) => threads['Shell channel']?.[0] ?? '');
  for (const { file, function: name } of PARKED_FRAMES) {
    expect(innermost.some((frame) => frame.startsWith(`${file}:`) && frame.endsWith(` ${name}`))).toBe(true);
  }
  expect(innermost.every(isParkedFrame)).toBe(true);
});

// Frames of a loop that runs, beside those of one that waits; the last two are of tornado's selector thread, and of no loop.
test.each([
  'selectors.py:160 register',
  'myselectors.py:314 _select',
  'proactor_events.py:400 _loop_writing',
  'windows_events.py:444 select',
  'base_events.py:1898 _run_once',
  'zmqstream.py:585 _handle_events',
  'asyncio.py:624 _run_select',
  '<cell>:1 <module>',
  '',
])('a loop that stands in "%s" is not known to be parked, and that is said', (frame) => {
  expect(isStrand(strandWith({ 'Shell channel': [frame, 'selectors.py:314 _select'] }))).toBe(false);
  expect(standsWords('Shell channel', [frame])).toBe(
    `, and the loop stands in ${frame}, which is not known to be parked`,
  );
});

test('nothing is said of a loop that is parked, and a thread that is missing is named', () => {
  expect(standsWords('Shell channel', ['selectors.py:314 _select'])).toBe('');
  expect(standsWords('Shell channel', undefined)).toContain('shows no thread "Shell channel"');
});
