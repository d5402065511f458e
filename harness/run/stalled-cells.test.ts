import { expect, test } from 'vitest';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { LoopStallMeter } from './loop-stall.ts';
import { stalledCells } from './stalled-cells.ts';

function blockLoop(ms: number): void {
  const untilMs = monotonicMs() + ms;
  while (monotonicMs() < untilMs);
}

const nextTicks = () => new Promise((resolve) => setTimeout(resolve, 50));

test('a span has the stalls within it, whole or in part, also one whose end the timer has not seen', async () => {
  const meter = new LoopStallMeter();
  await nextTicks();
  const beginMs = monotonicMs();
  blockLoop(300);
  const endMs = monotonicMs();
  const open = meter.stalledMs(beginMs, endMs);
  expect(open).toBeGreaterThan(250);
  expect(open).toBeLessThanOrEqual(endMs - beginMs);
  await nextTicks();
  expect(meter.stalledMs(beginMs, endMs)).toBeGreaterThan(250);
  const half = meter.stalledMs(beginMs, beginMs + 150);
  expect(half).toBeGreaterThan(100);
  expect(half).toBeLessThanOrEqual(150);
  expect(meter.stalledMs(beginMs - 40, beginMs - 30)).toBe(0);
  expect(meter.longestSince(beginMs)).toBeGreaterThan(250);
  meter.stop();
});

test('only the cells during which the harness stood still are recorded', () => {
  const stalls = { stalledMs: (fromMs: number, toMs: number) => (fromMs <= 15 && toMs >= 15 ? 3.00049 : 0) };
  const spans = [
    [0, 10],
    [10, 20],
    [20, 30],
  ] as const;
  expect(stalledCells(spans, stalls)).toEqual({ stalledMs: { 1: 3 } });
  expect(stalledCells(spans.slice(2), stalls)).toEqual({});
});
