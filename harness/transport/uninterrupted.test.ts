import { expect, test } from 'vitest';
import { uninterrupted } from './uninterrupted.ts';

function failing(times: number, code: string): () => number {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls > times) return calls;
    throw Object.assign(new Error('Interrupted system call'), { code });
  };
}

test('a call that a signal interrupts is made again', () => {
  expect(uninterrupted(failing(3, 'EINTR'))).toBe(4);
});

test('every other error is thrown, and an interruption without end too', () => {
  expect(() => uninterrupted(failing(1, 'EINVAL'))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  expect(() => uninterrupted(failing(5_000, 'EINTR'))).toThrow(expect.objectContaining({ code: 'EINTR' }));
});
