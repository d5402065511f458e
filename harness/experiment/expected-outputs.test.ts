import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { parsedNotebook } from '../frontend/notebook.ts';
import { expectedOutputs } from './expected-outputs.ts';

const none = { endpoint: null, also: null, expect: null, sanitize: null } as const;
const lost = { ...none, endpoint: 'lost-output' } as const;

type CellText = readonly [source: string, printed: string];

function text(...cells: CellText[]): string {
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: cells.map(([source, printed]) => ({
      cell_type: 'code',
      metadata: {},
      execution_count: null,
      source,
      outputs: printed === '' ? [] : [{ output_type: 'stream', name: 'stdout', text: printed }],
    })),
  });
}

const notebook = (...cells: CellText[]) => parsedNotebook(Buffer.from(text(...cells)), 'a.ipynb');
const saved = notebook(['a', 'one\n'], ['b', 'two\n']);
const bare = notebook(['a', ''], ['b', '']);

async function file(name: string, content: string): Promise<string> {
  const path = join(temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

test('without an endpoint of output nothing is expected, and what would be expected is refused', async () => {
  expect(await expectedOutputs(none, [saved])).toBeNull();
  for (const given of [{ expect: 'saved' }, { sanitize: 'rules.cfg' }]) {
    const error = await soakErrorOf(() => expectedOutputs({ ...none, ...given }, [saved]));
    expect(error.code).toBe('bad-option');
    expect(error.remedy).toContain('--endpoint lost-output');
  }
});

test('any event is about output only where --expect says what is expected', async () => {
  const any = { ...none, endpoint: 'any' } as const;
  expect(await expectedOutputs(any, [saved])).toBeNull();
  expect(await expectedOutputs(any, [bare])).toBeNull();
  expect((await expectedOutputs({ ...any, expect: 'saved' }, [saved]))?.protocol.kind).toBe('saved');
  const error = await soakErrorOf(() => expectedOutputs({ ...any, sanitize: 'rules.cfg' }, [saved]));
  expect(error.option?.name).toBe('sanitize');
});

test.each([[lost], [{ ...none, also: ['any', 'lost-output'] }]] as const)(
  'the saved outputs are expected by default, and a notebook without any is refused: %j',
  async (options) => {
    const expected = await expectedOutputs(options, [saved]);
    expect(expected?.protocol.kind).toBe('saved');
    expect(expected?.protocol.outputs?.[0]).toHaveLength(2);
    const error = await soakErrorOf(() => expectedOutputs(options, [saved, bare]));
    expect(error.code).toBe('no-expected-outputs');
    expect(error.message).toContain('a.ipynb has no saved outputs');
    expect(error.remedy).toMatch(/soak -- exec a\.ipynb.*--expect/);
  },
);

test('the outputs of an execution of the same notebook are the same as saved ones', async () => {
  const path = await file('executed.ipynb', text(['a', 'one\n'], ['b', 'two\n'], ['c', 'three\n']));
  const expected = await expectedOutputs({ ...lost, expect: path }, [bare]);
  expect(expected?.protocol).toEqual({
    ...(await expectedOutputs(lost, [saved]))?.protocol,
    kind: 'file',
  });
});

test.each<[string, string, (typeof saved)[], RegExp]>([
  ['another notebook', text(['a', 'one\n'], ['other', '']), [bare], /cell 1 .*has another source/],
  ['a shorter one', text(['a', 'one\n']), [bare], /cell 1 .*is missing/],
  ['one without outputs', text(['a', ''], ['b', '']), [bare], /has no outputs/],
  [
    'one for two notebooks',
    text(['a', 'one\n'], ['b', '']),
    [bare, saved],
    /of one notebook, and 2 are given/,
  ],
])('%s is refused', async (_, content, notebooks, message) => {
  const path = await file('executed.ipynb', content);
  const error = await soakErrorOf(() => expectedOutputs({ ...lost, expect: path }, notebooks));
  expect(error.message).toMatch(message);
  expect(error.remedy).not.toBe('');
});

test('rules of a file are part of the protocol, and make texts equal', async () => {
  const sanitize = await file('rules.cfg', '[a]\nregex: one|two\nreplace: NUMBER\n');
  const expected = await expectedOutputs({ ...lost, sanitize }, [saved]);
  const plain = await expectedOutputs(lost, [saved]);
  expect(expected?.protocol.rulesSha256).not.toBe(plain?.protocol.rulesSha256);
  const [[first, second] = []] = expected?.protocol.outputs ?? [];
  expect(first).toBe(second);
});
