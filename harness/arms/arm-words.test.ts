import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { parseArmSpec, shownArmSpec } from './arm-words.ts';
import { assertEventLoop } from './event-loop.ts';

describe('the words of an arm', () => {
  test.each<[string, object]>([
    ['control', { kind: 'arm', text: 'control' }],
    ['./a+b', { kind: 'arm', text: './a+b' }],
    ['ipykernel==7.4.0', { kind: 'requirement', text: 'ipykernel==7.4.0' }],
    ['py3.13', { kind: 'python', version: '3.13' }],
    ['a/b.diff', { kind: 'patch', path: 'a/b.diff', inert: false }],
    ['inert:a b.patch', { kind: 'patch', path: 'a b.patch', inert: true }],
    ['git:../x@v7.3.0', { kind: 'git', path: '../x', revision: 'v7.3.0', inert: false }],
    ['git:C:\\a@b\\x@HEAD@{1}', { kind: 'git', path: 'C:\\a@b\\x', revision: 'HEAD@{1}', inert: false }],
    ['git:x@origin/my-branch', { kind: 'git', path: 'x', revision: 'origin/my-branch', inert: false }],
    ['event-loop:proactor', { kind: 'event-loop', name: 'proactor' }],
  ])('%s', (text, word) => {
    expect(parseArmSpec(text)).toMatchObject({ label: null, source: text, words: [word] });
  });

  test('may have a label, and are joined by a plus between spaces', () => {
    expect(parseArmSpec('new=fix + ipykernel==7.2.0 +  py3.12')).toMatchObject({
      label: 'new',
      source: 'fix + ipykernel==7.2.0 +  py3.12',
      words: [{ kind: 'arm' }, { kind: 'requirement' }, { kind: 'python' }],
    });
  });

  test.each<[string, RegExp]>([
    ['control + fix', /two arms/],
    ['a.diff + b.diff', /two patches/],
    ['fix + a.diff', /an arm and a patch/],
    ['inert:a.diff + git:x@y', /inert edit and a change/],
    ['inert:fix', /inert: needs a patch/],
    ['git:x', /names no revision/],
    ['event-loop:uvloop', /no event loop "uvloop"/],
    ['event-loop:selector + event-loop:proactor', /two event loops/],
  ])('%s is none', async (text, message) => {
    expect((await soakErrorOf(() => parseArmSpec(text))).message).toMatch(message);
  });
});

test('what is shown has its paths replaced and is the same arm', () => {
  const shown = (path: string) => `<path>/${path.split('/').at(-1)}`;
  for (const [text, expected] of [
    ['control', 'control'],
    ['x=/home/me/arms/mine + py3.12', 'x=<path>/mine + py3.12'],
    ['inert:/home/me/a.diff + ipykernel==7.2.0', 'inert:<path>/a.diff + ipykernel==7.2.0'],
    ['git:/home/me/ipykernel@main', 'git:<path>/ipykernel@main'],
  ] as const) {
    expect(shownArmSpec(text, shown)).toBe(expected);
    expect(parseArmSpec(expected).words.map(({ kind }) => kind)).toEqual(
      parseArmSpec(text).words.map(({ kind }) => kind),
    );
  }
});

describe('an event loop', () => {
  test('can be chosen on Windows', () => {
    expect(() => assertEventLoop('proactor', 'win32')).not.toThrow();
  });
  test.each(['linux', 'darwin', 'freebsd'] as const)('and on %s not, with the reason', async (platform) => {
    const error = await soakErrorOf(() => assertEventLoop('proactor', platform));
    expect(error.message).toMatch(new RegExp(`only on Windows.*${platform}.*selector loop`));
  });
});
