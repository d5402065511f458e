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

test('a stall in the midst of a span lengthens nothing; at its beginning and its end it may', async () => {
  const meter = new LoopStallMeter();
  await nextTicks();
  const beginMs = monotonicMs();
  blockLoop(200);
  const stalledMs = monotonicMs();
  await nextTicks();
  expect(meter.lengthenedMs(beginMs - 400, stalledMs + 400)).toBe(0);
  expect(meter.stalledMs(beginMs - 400, stalledMs + 400)).toBeGreaterThan(150);
  // As what ends the span is read some turns of the loop after the stall.
  expect(meter.lengthenedMs(beginMs - 400, stalledMs + 30)).toBeGreaterThan(150);
  expect(meter.lengthenedMs(beginMs - 30, stalledMs + 400)).toBeGreaterThan(150);
  const whole = meter.lengthenedMs(beginMs, stalledMs);
  expect(whole).toBeGreaterThan(150);
  expect(whole).toBeLessThanOrEqual(stalledMs - beginMs);
  meter.stop();
});

test('only the cells that the harness may have lengthened are recorded', () => {
  const at = (fromMs: number, toMs: number, ms: number) => (fromMs <= 15 && toMs >= 15 ? ms : 0);
  const stalls = {
    stalledMs: (fromMs: number, toMs: number) => at(fromMs, toMs, 7),
    lengthenedMs: (fromMs: number, toMs: number) => at(fromMs, toMs, 3.00049),
  };
  const spans = [
    [0, 10],
    [10, 20],
    [20, 30],
  ] as const;
  expect(stalledCells(spans, stalls, () => false)).toEqual({ stalledMs: { 1: 3 } });
  expect(stalledCells(spans, stalls, () => true)).toEqual({ stalledMs: { 1: 7 } });
  expect(stalledCells(spans.slice(2), stalls, () => true)).toEqual({});
});
