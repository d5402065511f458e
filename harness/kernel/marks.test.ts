import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testPython } from '../../tools/testing/test-python.ts';
import { type ArmChange, isChangeExecuted, isInertChange } from '../model/arm-change.ts';
import { armChange, marksOf, runChange } from './marks.ts';

const BEFORE = `"""A module."""
import os

LIMIT = 1


class Sender:
    """Sends."""

    @property
    def socket(self):
        return self._socket

    def send(self, message):
        "Send a message."

        def later():
            return message

        return later
`;

async function changeTo(after: string): Promise<ArmChange> {
  const folder = await mkdtemp(join(tmpdir(), 'soak-test-'));
  try {
    const file = { path: 'ipykernel/sender.py', before: BEFORE, after };
    return await armChange(await testPython(), [file], join(folder, 'changed.json'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test.each([
  ['a comment', `${BEFORE}# a comment\n`],
  ['a docstring', BEFORE.replace('Send a message.', 'Send it.')],
  ['layout', BEFORE.replace('return message', 'return (message)')],
])('%s is no change of what runs', async (_name, after) => {
  const change = await changeTo(after);
  expect(change).toEqual({ files: ['ipykernel/sender.py'], modules: [], functions: [] });
  expect(isInertChange(change)).toBe(true);
});

test.each([
  ['a method', BEFORE.replace('return later', 'return later()'), ['Sender.send']],
  ['a property', BEFORE.replace('return self._socket', 'return None'), ['Sender.socket']],
  [
    'a function within a function',
    BEFORE.replace('return message', 'return None'),
    ['Sender.send.<locals>.later'],
  ],
  [
    'a function that is added, with its import',
    `${BEFORE.replace('import os', 'import os\nimport re')}\n\ndef rearm():\n    return re\n`,
    ['rearm'],
  ],
])('%s is that function', async (_name, after, functions) => {
  const change = await changeTo(after);
  expect(change.modules).toEqual([]);
  expect(change.functions).toEqual(functions.map((name) => `ipykernel/sender.py ${name}`));
});

test.each([
  ['a constant', BEFORE.replace('LIMIT = 1', 'LIMIT = 2')],
  ['a base class', BEFORE.replace('class Sender:', 'class Sender(dict):')],
  ['a function that is removed', BEFORE.replace(/ {4}@property[\s\S]*_socket\n/, '')],
])('%s is a change of the module, which loading it executes', async (_name, after) => {
  expect(await changeTo(after)).toMatchObject({ modules: ['ipykernel/sender.py'], functions: [] });
});

test('what was not executed is named, and nothing where all was', () => {
  const change: ArmChange = { files: ['a.py', 'b.py'], modules: [], functions: ['a.py f', 'b.py C.g'] };
  const marks = marksOf([change, { files: ['c.py'], modules: [], functions: ['c.py h'] }]);
  expect(marks).toEqual([
    { path: 'a.py', name: null },
    { path: 'b.py', name: null },
    { path: 'c.py', name: null },
    { path: 'a.py', name: 'f' },
    { path: 'b.py', name: 'C.g' },
    { path: 'c.py', name: 'h' },
  ]);
  expect(runChange(change, marks, Uint8Array.of(1, 1, 0, 1, 1, 0))).toEqual({});
  const part = runChange(change, marks, Uint8Array.of(1, 0, 0, 1, 0, 0));
  expect(part).toEqual({ notLoaded: ['b.py'], notCalled: ['b.py C.g'] });
  expect(isChangeExecuted(change, part)).toBe(true);
  const none = runChange(change, marks, Uint8Array.of(1, 1, 0, 0, 0, 0));
  expect(isChangeExecuted(change, none)).toBe(false);
});
