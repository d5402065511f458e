import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { DEFAULT_LATENCY } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import { runBoundMs } from '../run/run-bound.ts';
import { LatencyDraws, parseLatency, type Reaction } from './latency.ts';

const REACTIONS: readonly Reaction[] = ['commMsg', 'executeRequest', 'overlap'];

function latencyFile(content: unknown): string {
  const path = join(temporaryFolder(), 'latency.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('a latency', () => {
  test.each([
    ['none', 'none', [0, 0, 0]],
    ['fixed:2ms', 'fixed:2ms', [2, 2, 2]],
    ['fixed:2', 'fixed:2ms', [2, 2, 2]],
    ['fixed:0.25ms', 'fixed:0.25ms', [0.25, 0.25, 0.25]],
    ['fixed:60000', 'fixed:60000ms', [60_000, 60_000, 60_000]],
    ['uniform:0-5ms', 'uniform:0-5ms', [0, 2.5, 4.5]],
    ['uniform:0ms-5ms', 'uniform:0-5ms', [0, 2.5, 4.5]],
    ['uniform: 1 - 2 ', 'uniform:1-2ms', [1, 1.5, 1.9]],
    ['uniform:3-3', 'uniform:3-3ms', [3, 3, 3]],
  ])('%s is %s', async (given, spec, atQuantiles) => {
    const latency = await parseLatency(given);
    expect(latency.spec).toBe(spec);
    expect(latency.sha256).toBeNull();
    for (const reaction of REACTIONS) {
      expect([0, 0.5, 0.9].map((u) => latency.quantileMs(reaction, u))).toEqual(atQuantiles);
    }
    expect((await parseLatency(spec)).spec).toBe(spec);
  });

  test.each([
    '',
    'fast',
    'None',
    'fixed',
    'fixed:',
    'fixed:-1ms',
    'fixed:abc',
    'fixed:1e3',
    'fixed:Infinity',
    'fixed:1:2',
    'uniform:5',
    'uniform:0-',
    'uniform:-5',
    'uniform:0-5-9',
    'nbclient:2',
    'file:',
    'file',
  ])('%j is not one', async (spec) => {
    const error = await soakErrorOf(() => parseLatency(spec));
    expect(error.code).toBe('bad-latency');
    expect(error.message).toContain(JSON.stringify(spec));
    expect(error.remedy).toContain('uniform:0-5ms');
  });
});

describe('an empirical latency', () => {
  test('interpolates between its quantiles, each reaction its own', async () => {
    const path = latencyFile({ schema: 1, commMsgMs: [0, 10, 30], executeRequestMs: [1, 2] });
    const latency = await parseLatency(`file:${path}`);
    expect([0, 0.25, 0.5, 0.75].map((u) => latency.quantileMs('commMsg', u))).toEqual([0, 5, 10, 20]);
    expect(latency.quantileMs('executeRequest', 0.5)).toBe(1.5);
    expect(latency.quantileMs('overlap', 0.5)).toBe(2.5);
    const almostOne = 1 - 2 ** -53;
    expect(latency.quantileMs('commMsg', almostOne)).toBeCloseTo(30, 9);
  });

  test('is within its range and never decreases, whatever the quantiles', async () => {
    const values = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 2, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        values,
        fc.array(fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true })),
        async (ms, us) => {
          const ascending = [...ms].sort((a, b) => a - b);
          const path = latencyFile({ schema: 1, commMsgMs: ascending, executeRequestMs: ascending });
          const latency = await parseLatency(`file:${path}`);
          const drawn = [...us].sort((a, b) => a - b).map((u) => latency.quantileMs('commMsg', u));
          for (const [index, value] of drawn.entries()) {
            expect(value).toBeGreaterThanOrEqual((ascending[0] ?? 0) - 1e-9);
            expect(value).toBeLessThanOrEqual((ascending.at(-1) ?? 0) + 1e-9);
            expect(value).toBeGreaterThanOrEqual((drawn[index - 1] ?? 0) - 1e-9);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('is known by its distribution, not by where its file is', async () => {
    const content = { schema: 1, commMsgMs: [0, 1], executeRequestMs: [0, 2] };
    const one = await parseLatency(`file:${latencyFile(content)}`);
    const other = await parseLatency(`file:${latencyFile({ note: 'the same', ...content })}`);
    const changed = await parseLatency(`file:${latencyFile({ ...content, overlapMs: [0, 7] })}`);
    expect(one.spec).toBe('file');
    expect(one.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(other.sha256).toBe(one.sha256);
    expect(changed.sha256).not.toBe(one.sha256);
    expect(changed.quantileMs('overlap', 0.5)).toBe(3.5);
  });

  test.each([
    ['not JSON', '{"schema": 1', /not JSON/],
    ['another schema', { schema: 2, commMsgMs: [0, 1], executeRequestMs: [0, 1] }, /schema/],
    ['a reaction missing', { schema: 1, commMsgMs: [0, 1] }, /executeRequestMs/],
    ['a single quantile', { schema: 1, commMsgMs: [0], executeRequestMs: [0, 1] }, /commMsgMs/],
    ['a negative time', { schema: 1, commMsgMs: [-1, 1], executeRequestMs: [0, 1] }, /commMsgMs/],
    ['a time beyond a minute', { schema: 1, commMsgMs: [0, 60_001], executeRequestMs: [0, 1] }, /commMsgMs/],
    ['text for a time', { schema: 1, commMsgMs: ['0', 1], executeRequestMs: [0, 1] }, /commMsgMs/],
    ['quantiles that fall', { schema: 1, commMsgMs: [0, 1], executeRequestMs: [2, 1] }, /do not ascend/],
  ])('%s', async (_what, content, message) => {
    const path = latencyFile(content);
    const error = await soakErrorOf(() => parseLatency(`file:${path}`));
    expect(error.code).toBe('bad-latency');
    expect(error.message).toContain(quoted(path));
    expect(error.message).toMatch(message);
  });

  test('a file that is not there', async () => {
    const path = join(temporaryFolder(), 'absent.json');
    expect((await soakErrorOf(() => parseLatency(`file:${path}`))).message).toContain('ENOENT');
  });

  test('the default is the measured one: positive, milliseconds, longer than nothing', async () => {
    const latency = await parseLatency(DEFAULT_LATENCY);
    expect(latency.spec).toBe(DEFAULT_LATENCY);
    expect(latency.sha256).toMatch(/^[0-9a-f]{64}$/);
    for (const reaction of REACTIONS) {
      const median = latency.quantileMs(reaction, 0.5);
      expect(median).toBeGreaterThan(0.05);
      expect(median).toBeLessThan(100);
    }
  });
});

describe('draws', () => {
  const sequence = (draws: LatencyDraws) => Array.from({ length: 50 }, () => draws.next('commMsg'));

  test('are the seed’s, and another seed’s are others', async () => {
    const latency = await parseLatency('uniform:0-5ms');
    const one = sequence(new LatencyDraws(latency, 123));
    expect(sequence(new LatencyDraws(latency, 123))).toEqual(one);
    expect(sequence(new LatencyDraws(latency, 124))).not.toEqual(one);
    for (const value of one) expect(value >= 0 && value < 5).toBe(true);
  });

  test('do not depend on what the latencies are: only the quantile function changes', async () => {
    const narrow = sequence(new LatencyDraws(await parseLatency('uniform:0-1ms'), 9));
    const wide = sequence(new LatencyDraws(await parseLatency('uniform:0-20ms'), 9));
    for (const [index, value] of narrow.entries()) expect(wide[index]).toBeCloseTo(value * 20, 9);
  });

  test('are spread evenly: first draws of many runs, and draws of one run', async () => {
    const latency = await parseLatency('uniform:0-1ms');
    const first = Array.from({ length: 4000 }, (_, seed) =>
      new LatencyDraws(latency, seed * 7919).next('overlap'),
    );
    const within = new LatencyDraws(latency, 5);
    const ofOne = Array.from({ length: 4000 }, () => within.next('overlap'));
    for (const values of [first, ofOne]) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      // Standard error of the mean of 4000 uniform numbers: 0.0046.
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.023);
      expect(values.filter((value) => value < 0.1).length / values.length).toBeCloseTo(0.1, 1);
    }
  });
});

describe('a latency in seconds', () => {
  test.each([
    ['fixed:30s', 'fixed:30000ms'],
    ['fixed:0.5s', 'fixed:500ms'],
    ['uniform:0-1s', 'uniform:0-1000ms'],
    ['uniform:1-5s', 'uniform:1000-5000ms'],
    ['uniform:500ms-1s', 'uniform:500-1000ms'],
  ])('%s is %s', async (text, spec) => {
    expect((await parseLatency(text)).spec).toBe(spec);
  });

  test.each([
    ['fixed:90s', /90 s is more than 60 s/],
    ['uniform:0-70000ms', /70 s is more than 60 s/],
    ['uniform:9-2ms', /9 ms is above 2 ms/],
    ['fixed:1-2ms', /is not a front-end latency/],
    ['fixed:30m', /is not a front-end latency/],
  ])('%s is refused for what is wrong with it', async (text, words) => {
    expect((await soakErrorOf(() => parseLatency(text))).message).toMatch(words);
  });

  test('is within what a run may take', async () => {
    const latency = await parseLatency('fixed:30s');
    const times = { timeoutMs: 100, startTimeoutMs: 100 };
    const notebook = {
      codeCells: Array.from({ length: 20 }, () => ({ index: 0, source: '1', mayRaise: false })),
    };
    expect(runBoundMs(notebook, { ...times, latency }) - runBoundMs(notebook, times)).toBeGreaterThanOrEqual(
      20 * 30_000,
    );
  });
});
