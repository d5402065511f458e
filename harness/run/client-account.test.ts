import { expect, test } from 'vitest';
import { clientAccount } from './client-account.ts';

test('what a client sent to itself is no reply', () => {
  const events = [
    { atMs: 0, what: 'sent', request: 1, msgType: 'kernel_info_request' },
    { atMs: 1, what: 'taken', request: 0, msgType: 'kernel_info_request' },
    { atMs: 2, what: 'sent', request: 2, msgType: 'kernel_info_request' },
    { atMs: 3, what: 'taken', request: 2, msgType: 'kernel_info_reply' },
    { atMs: 4, what: 'sent', request: 3, msgType: 'execute_request' },
    { atMs: 5, what: 'late', request: 3, msgType: 'execute_reply' },
  ] as const;
  expect(clientAccount(events)).toMatchObject({ sent: 3, replies: 2 });
});
