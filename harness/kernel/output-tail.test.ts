import { expect, test } from 'vitest';
import { OutputTail } from './output-tail.ts';

test('what fits is kept whole', () => {
  const tail = new OutputTail();
  tail.push(Buffer.from('one\ntw'));
  tail.push(Buffer.from('o\n'));
  expect(tail.text()).toBe('one\ntwo\n');
});

test('of what does not fit the last whole lines are kept', () => {
  const tail = new OutputTail();
  const line = `  File "/home/ada/${'x'.repeat(80)}.py"\n`;
  for (let index = 0; index < 1_000; index += 1) tail.push(Buffer.from(line));
  expect(tail.text().length).toBeLessThanOrEqual(8_192);
  expect(tail.text().length).toBeGreaterThan(8_000);
  expect(tail.text().startsWith(line)).toBe(true);
  const endless = new OutputTail();
  endless.push(Buffer.from('y'.repeat(20_000)));
  expect(endless.text()).toBe('y'.repeat(8_192));
});
