import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { soakProgram } from '../commands/program.ts';
import { TRAFFIC_PROFILES } from '../model/traffic.ts';
import { completionScript } from './completion.ts';

const program = soakProgram({
  version: '0',
  write: () => {},
  interruption: () => new AbortController().signal,
  onExit: () => {},
});

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** What bash offers after these words, the last of which is being typed. */
function offered(words: readonly string[]): string[] {
  const script = [
    completionScript('bash', program),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_soak',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is for bash.
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

test.skipIf(!has('bash')).each([
  [
    ['soak', 'ex'],
    ['explain', 'exec'],
  ],
  [['soak', 'bisect', '--g'], ['--good']],
  [['soak', 'arms', 'sh'], ['show']],
  [
    ['soak', 'arms', 'same', '--'],
    ['--python', '--package', '--json'],
  ],
  [['soak', 'run', '--runs', '3', '--traffic', ''], [...TRAFFIC_PROFILES]],
  // The default command has no word of its own.
  [['soak', '--until'], ['--until-decided']],
  [['soak', '--client', 'nbcl'], ['nbclient']],
])('bash completes %j', (words, expected) => {
  expect(offered(words)).toEqual(expected);
});

test.skipIf(!has('zsh'))('zsh reads its script', () => {
  const read = spawnSync('zsh', ['-n'], { input: completionScript('zsh', program), encoding: 'utf8' });
  expect(read.stderr).toBe('');
});

test.skipIf(!has('fish'))('fish completes an option', () => {
  const script = `${completionScript('fish', program)}\ncomplete -C 'soak bisect --goo'`;
  expect(execFileSync('fish', ['-c', script], { encoding: 'utf8' })).toContain('--good');
});

test.skipIf(!has('pwsh'))('PowerShell reads its script', () => {
  const read = spawnSync('pwsh', ['-NoProfile', '-Command', '-'], {
    input: completionScript('pwsh', program),
    encoding: 'utf8',
  });
  expect(read.stderr).toBe('');
});

test.each(['zsh', 'fish', 'pwsh'] as const)('the script of %s names each command and flag', (shell) => {
  const script = completionScript(shell, program);
  const flag = shell === 'fish' ? '-l until-decided' : '--until-decided';
  for (const word of ['bisect', 'mechanism', flag, 'papermill']) expect(script).toContain(word);
});
