import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { repeatingCommand } from '../options/repeat.ts';
import { shellWord } from './shell-word.ts';

test.each([
  ['a;b&c.ipynb', `'a;b&c.ipynb'`, '"a;b&c.ipynb"'],
  ['my notebook.ipynb', `'my notebook.ipynb'`, '"my notebook.ipynb"'],
  ['<your environment>', `'<your environment>'`, '"<your environment>"'],
  ['a$HOME`.ipynb', `'a$HOME\`.ipynb'`, `'a$HOME\`.ipynb'`],
  ["it's.ipynb", `'it'\\''s.ipynb'`, `"it's.ipynb"`],
  ['C:\\reports\\one', `'C:\\reports\\one'`, 'C:\\reports\\one'],
  ['100%PATH%', '100%PATH%', '"100%PATH%"'],
  ['a,b', 'a,b', '"a,b"'],
  ['~/x y', `~/'x y'`, '"$HOME"/"x y"'],
  ['control', 'control', 'control'],
])('%s is one word of each platform’s shell', (value, posix, windows) => {
  expect(shellWord(value, 'linux')).toBe(posix);
  expect(shellWord(value, 'win32')).toBe(windows);
});

test.skipIf(process.platform === 'win32')(
  'the command that tunes again is taken apart as it was given',
  () => {
    const raw = {
      minutes: '5',
      notebook: ['a;b&c.ipynb', "it's (1).ipynb"],
      traffic: 'widgets',
      latencies: 'none',
      alpha: '0.001',
      env: '/somewhere',
      seed: '3',
    };
    const line = repeatingCommand('tune', raw, (path) => path);
    // Without the shell's taking a part of it for a command of its own.
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${line.replace(/^npm run soak -- /, '')}`], {
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n');
    expect(words[0]).toBe('tune');
    expect(words.join(' ')).toContain("--notebook a;b&c.ipynb --notebook it's (1).ipynb");
    expect(words).toContain('<your environment>');
    expect(words[words.indexOf('--seed') + 1]).toBe('3');
    expect(words[words.indexOf('--minutes') + 1]).toBe('5');
  },
);
