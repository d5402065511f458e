import { afterEach, expect, test, vi } from 'vitest';
import type { MemorySample } from '../kernel/memory-sample.ts';
import { MEMORY_SAMPLE_MS } from '../model/memory.ts';
import { MemoryMeter } from './memory-meter.ts';

afterEach(() => {
  vi.useRealTimers();
});

function looking(...seen: (MemorySample | null | Error)[]): () => Promise<MemorySample | null> {
  return async () => {
    const next = seen.shift();
    if (next === undefined) throw new RangeError('one look too many');
    if (next instanceof Error) throw next;
    return next;
  };
}

const pss = (bytes: number): MemorySample => ({ measure: 'pss', bytes });

test('keeps the greatest sample, and counts them', async () => {
  const meter = new MemoryMeter(looking(null, pss(5), pss(9), pss(7), null));
  expect(meter.memory).toBeUndefined();
  for (let many = 0; many < 5; many += 1) await meter.sample();
  expect(meter.memory).toEqual({ measure: 'pss', peakBytes: 9, samples: 3 });
});

test('one process that does not show its share makes it RSS', async () => {
  const meter = new MemoryMeter(looking(pss(5), { measure: 'rss', bytes: 3 }, pss(4)));
  for (let many = 0; many < 3; many += 1) await meter.sample();
  expect(meter.memory).toEqual({ measure: 'rss', peakBytes: 5, samples: 3 });
});

test('a sample that failed might have been the peak: nothing is known', async () => {
  const meter = new MemoryMeter(looking(pss(5), new Error('no answer'), pss(4)));
  for (let many = 0; many < 3; many += 1) await meter.sample();
  expect(meter.memory).toBeUndefined();
});

test('samples every quarter of a second, one at a time, until the end', async () => {
  vi.useFakeTimers();
  let looks = 0;
  let answer: (seen: MemorySample) => void = () => {};
  const meter = new MemoryMeter(() => {
    looks += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  meter.begin();
  await vi.advanceTimersByTimeAsync(MEMORY_SAMPLE_MS - 1);
  expect(looks).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(looks).toBe(1);
  await vi.advanceTimersByTimeAsync(2 * MEMORY_SAMPLE_MS);
  expect(looks).toBe(1);
  const last = meter.sample();
  answer(pss(1));
  await vi.advanceTimersByTimeAsync(0);
  // The one under way may have begun too early: another is taken.
  expect(looks).toBe(2);
  answer(pss(2));
  await last;
  expect(meter.memory).toEqual({ measure: 'pss', peakBytes: 2, samples: 2 });
  meter.end();
  await vi.advanceTimersByTimeAsync(4 * MEMORY_SAMPLE_MS);
  expect(looks).toBe(2);
});
