import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { runCommand } from '../kernel/environment/run-command.ts';
import { type Mechanism, mechanismMarkdown, mechanismSchema } from '../mechanism/edge-drain.ts';
import { packageRoot } from '../model/package-root.ts';
import { registerMechanism } from './mechanism.ts';

const SCRIPT = join(packageRoot(), 'arms', 'runtime', 'edge_drain.py');

async function soakMechanism(...args: string[]): Promise<{ text: string; code: number }> {
  let text = '';
  let code = -1;
  const program = new Command();
  registerMechanism(
    program,
    () => ({
      signal: new AbortController().signal,
      write: (more) => {
        text += more;
      },
    }),
    (exit) => {
      code = exit;
    },
  );
  await program.parseAsync(['mechanism', ...args], { from: 'user' });
  return { text, code };
}

function stepsOf(mechanism: Mechanism, part: string): string[] {
  const steps = mechanism.releases[0]?.parts.find(({ name }) => name === part)?.steps ?? [];
  return steps.map(({ what, seen }) => `${what}: ${seen}`);
}

test('the mechanism is as expected on this machine, step by step', async () => {
  const out = join(await temporaryFolder(), 'mechanism');
  const { text, code } = await soakMechanism('--env', await testPython(), '--json', '--out', out);
  const mechanism = mechanismSchema.parse(JSON.parse(text));
  expect(mechanism.asExpected).toBe(true);
  expect(code).toBe(0);
  expect(stepsOf(mechanism, 'strand')).toEqual([
    'a request arrives and is read: a: request 1',
    'the descriptor, with nothing more to read: not readable',
    'the next request arrives and is left unread: readable',
    'the reply to the first is sent raw on the socket: not readable',
    'the peer has its reply: reply',
    'the descriptor, watched: not readable',
    'EVENTS: POLLIN',
    'the descriptor still: not readable',
    'read at last: it was there: a: request 2',
  ]);
  expect(stepsOf(mechanism, 'stream-sham')).toContain('sent raw, then a callback; delivered: nothing');
  expect(stepsOf(mechanism, 'stream-rearm')).toContain('sent raw, then the re-arm; delivered: a: request 2');

  expect(mechanismSchema.parse(JSON.parse(await readFile(join(out, 'mechanism.json'), 'utf8')))).toEqual(
    mechanism,
  );
  expect(await readFile(join(out, 'mechanism.md'), 'utf8')).toBe(mechanismMarkdown(mechanism));
});

test('a socket that behaves otherwise is told: the step differs, and so does the exit code', async () => {
  // A libzmq whose send takes no edge, as far as the steps can see.
  const altered = [
    'import runpy, sys, zmq',
    'send = zmq.Socket.send_multipart',
    'def inert(socket, frames, *rest, **options):',
    '    return None if socket.type == zmq.ROUTER else send(socket, frames, *rest, **options)',
    'zmq.Socket.send_multipart = inert',
    `module = runpy.run_path(${JSON.stringify(SCRIPT)})`,
    'parts = module["main"].__globals__',
    'sys.modules["edge_drain_sockets"].DEADLINE_S = 0.2',
    'parts["parts"] = lambda: parts["SOCKET_PARTS"][:1]',
    'sys.exit(parts["main"]())',
  ].join('\n');
  const run = await runCommand(await testPython(), ['-I', '-B', '-c', altered]);
  expect(run.stderr).toBe('');
  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(/DIFFERS {2}the reply to the first is sent raw .* not readable +readable/);
  expect(run.stdout).toMatch(/ok {7}a request arrives and is read/);
  expect(run.stdout).toContain('6 of 9 steps as expected.');
});

test('a version that could be anything else is refused before anything is installed', async () => {
  for (const version of ['-r', '27.1.0 --index-url', 'file:x', '']) {
    await expect(soakMechanism(`--pyzmq=${version}`)).rejects.toMatchObject({
      code: 'bad-option',
      exitCode: 2,
    });
  }
  await expect(soakMechanism('--pyzmq', '27.1.0', '--env', 'x')).rejects.toMatchObject({
    code: 'bad-option',
  });
});

test('the committed record gives the committed text', async () => {
  const folder = join(packageRoot(), 'reports', 'mechanism');
  const record = mechanismSchema.parse(JSON.parse(await readFile(join(folder, 'mechanism.json'), 'utf8')));
  expect(record.asExpected).toBe(true);
  expect(new Set(record.releases.map(({ pyzmq }) => pyzmq)).size).toBeGreaterThanOrEqual(2);
  expect(await readFile(join(folder, 'mechanism.md'), 'utf8')).toBe(mechanismMarkdown(record));
});

test('what differs is set apart in the evidence', () => {
  const step = { what: 'EVENTS', expected: 'POLLIN', seen: 'no POLLIN', asExpected: false, afterMs: null };
  const markdown = mechanismMarkdown({
    harness: '0.1.0',
    asExpected: false,
    releases: [
      {
        pyzmq: '27.1.0',
        libzmq: '4.3.5',
        tornado: null,
        python: 'CPython 3.13.1',
        platform: 'Linux x86_64',
        asExpected: false,
        parts: [{ name: 'strand', title: 'A raw reply', asExpected: false, steps: [step] }],
      },
    ],
  });
  expect(markdown).toMatch(/^# The mechanism alone: not as expected/);
  expect(markdown).toContain('0 of 1 step as expected');
  expect(markdown).toContain('**differs**: `no POLLIN`');
});
