import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { assertNothingLeft, assertTrue, runsOf, type Step } from './steps.ts';

const resultSchema = z.object({ code: z.number().int(), pressed: z.boolean(), said: z.string() });
const TIMEOUT_MS = 900_000;
const INTERRUPTED = 130;

/**
 * Ctrl-C in a console reaches the harness, which ends the runs under way, writes what is recorded and leaves nothing.
 * Ctrl-Break cannot be pressed here: Wine delivers it as Ctrl-C (README.md).
 */
export const console_: Step = {
  name: 'Ctrl-C in a console',
  isShort: false,
  carryOut: async (windows) => {
    const name = `console-${Date.now()}`;
    const report = join(windows.folder, 'reports', name);
    const result = join(windows.folder, 'out', `${name}.json`);
    const soak = ['run', '--arm', 'fix', '--runs', '20', '--timeout', '60', '--start-timeout', '240'];
    const child = spawn(
      'python3',
      [
        fileURLToPath(new URL('./in_terminal.py', import.meta.url)),
        join(windows.folder, 'w'),
        windows.path('py311', 'python.exe'),
        windows.path('project', 'tools', 'windows', 'console.py'),
        windows.nodeExe(),
        'dist\\cli.js',
        ...soak,
        '--out',
        windows.path('reports', name),
      ],
      {
        cwd: windows.project,
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { ...process.env, CONSOLE_RESULT: windows.path('out', `${name}.json`), TERM: 'xterm' },
      },
    );
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    const { code, pressed, said } = resultSchema.parse(JSON.parse(readFileSync(result, 'utf8')));
    assertTrue(pressed, `no run ended:\n${said}`);
    assertTrue(/SIGINT: ending the runs under way/.test(said), `Ctrl-C was not heard:\n${said}`);
    assertTrue(code === INTERRUPTED, `it ended with ${code}:\n${said}`);
    const runs = runsOf(report).length;
    assertTrue(runs >= 1 && runs < 20, `${runs} runs are recorded`);
    await assertNothingLeft(windows);
    return `heard after ${runs} runs, exit code ${code}, nothing left`;
  },
};
