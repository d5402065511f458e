import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Subscriber } from 'zeromq';
import { BareKernel, eventually } from './bare-client.ts';
import {
  FAULTS,
  FAULTY_REARM_REQUEST,
  type FaultFacts,
  type FaultName,
  type FaultyBehaviour,
  faultyKernelArgv,
} from './faulty-kernel.ts';
import { testPython } from './test-python.ts';

let python: string;
let kernel: BareKernel;

beforeAll(async () => {
  python = await testPython();
});

afterEach(async () => {
  await kernel.dispose();
  expect(existsSync(kernel.folder)).toBe(false);
});

async function connected(behaviour: FaultyBehaviour): Promise<BareKernel> {
  kernel = new BareKernel(behaviour, python);
  await kernel.connect();
  return kernel;
}

/** A cell that must be answered. */
async function soundCell(code?: string): Promise<string> {
  const id = await kernel.execute(code);
  await eventually('reply and idle', () => kernel.reply(id) && kernel.status(id, 'idle'));
  return id;
}

async function controlAnswers(): Promise<boolean> {
  const id = await kernel.send(kernel.control, 'kernel_info_request');
  await eventually('control reply', () => kernel.reply(id, 'control', 'kernel_info_reply'));
  return true;
}

/** Long enough for what the kernel would have sent by now; it answers in single milliseconds. */
const SETTLE_MS = 250;
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

/** CPU seconds that the kernel's process has used, from Linux's accounting. */
function cpuSeconds(): number {
  const text = readFileSync(`/proc/${kernel.child.pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// Small doses: what is tested here is the kind, not the amount.
const DOSES: Partial<Record<FaultName, Partial<FaultyBehaviour>>> = {
  late: { delayMs: 100 },
  'computes-first': { delayMs: 100 },
  'sleeps-first': { delayMs: 100 },
  'slow-start': { delayMs: 100 },
  leaks: { count: 1_000_000, delayMs: 10 },
  'floods-iopub': { count: 5_000 },
  'floods-stdout': { count: 1_000_000 },
  'deep-json': { count: 20_000 },
  'huge-frame': { count: 1_000_000 },
  'oversized-iopub': { count: 1_000_000 },
  'oversized-shell': { count: 1_000_000 },
  'many-frames': { count: 1 },
  'wide-json': { count: 100_000 },
  'absurd-values': { count: 100_000 },
};

const FACTS = Object.entries(FAULTS) as [FaultName, FaultFacts][];

describe('every behaviour does what its facts say', () => {
  test.each(FACTS.filter(([, facts]) => facts.shows === 'cell'))('%s', async (name, facts) => {
    await connected({ name, at: 2, ...DOSES[name] });
    await soundCell();

    const id = await kernel.execute();
    if (facts.exit) {
      await eventually('the end of the kernel', () => kernel.exited);
      const { exitCode: code, signalCode: signal } = kernel.child;
      // Windows has no signals: there a process that is ended so has an exit code.
      const byCode = process.platform === 'win32' && facts.exit.signal !== null;
      expect({ code, signal }).toEqual(byCode ? { code: expect.any(Number), signal: null } : facts.exit);
    }
    if (facts.busy) await eventually('busy', () => kernel.status(id, 'busy'));
    if (facts.idle) await eventually('idle', () => kernel.status(id, 'idle'));
    if (facts.reply === 'ok' || facts.reply === 'error') await eventually('reply', () => kernel.reply(id));
    await settled();

    expect(kernel.status(id, 'busy')).toBe(facts.busy);
    expect(kernel.status(id, 'idle')).toBe(facts.idle);
    const reply = kernel.reply(id)?.content?.['status'];
    expect(reply).toBe(facts.reply === 'ok' || facts.reply === 'error' ? facts.reply : undefined);
    if (facts.responsive) {
      expect(await controlAnswers()).toBe(true);
      expect(await kernel.heartbeat(5_000)).toBe(true);
    }
    expect(kernel.exited).toBe(facts.exit !== null);
    // A fault is of one cell: whoever answered it answers the next.
    if (facts.reply !== 'none') await soundCell();
  });
});

describe('normal', () => {
  test('answers cells with their output, in order, and shuts down on request', async () => {
    await connected({ name: 'normal' });
    const first = await soundCell('print:hello\nthere');
    const second = await soundCell();
    expect(kernel.messages('iopub', 'stream', first)[0]?.content).toEqual({
      name: 'stdout',
      text: 'hello\nthere',
    });
    expect(kernel.messages('iopub', 'execute_input', second)[0]?.content).toEqual({
      code: 'x = 1',
      execution_count: 2,
    });
    const onCell = kernel.received.filter((message) => message.parent?.['msg_id'] === first);
    const types = onCell.filter((message) => message.channel === 'iopub').map((m) => m.header?.['msg_type']);
    expect(types).toEqual(['status', 'execute_input', 'stream', 'status']);
    expect(kernel.reply(second)?.content).toMatchObject({ status: 'ok', execution_count: 2 });

    const id = await kernel.send(kernel.control, 'shutdown_request', { restart: false });
    await eventually('shutdown_reply', () => kernel.reply(id, 'control', 'shutdown_reply'));
    await eventually('the end of the kernel', () => kernel.exited);
    expect(kernel.child.exitCode).toBe(0);
  });

  test('the connection file keeps its mode when the ports are written into it', async () => {
    await connected({ name: 'normal' });
    if (process.platform !== 'win32') expect(statSync(kernel.file).mode & 0o777).toBe(0o600);
  });

  test('drops a request whose signature is wrong', async () => {
    await connected({ name: 'normal' });
    await kernel.shell.send(['<IDS|MSG>', '0'.repeat(64), '{"msg_type":"x","msg_id":"y"}', '{}', '{}', '{}']);
    await eventually('a word on stderr', () => kernel.stderr.includes('bad signature'));
    await soundCell();
  });

  test('without a welcome it says that it speaks an older protocol', async () => {
    kernel = new BareKernel({ name: 'normal', welcome: false }, python);
    await kernel.bound();
    const shell = kernel.peer('shell');
    const id = await kernel.send(shell, 'kernel_info_request');
    const reply = await eventually('reply', () => kernel.reply(id, 'shell', 'kernel_info_reply'));
    expect(reply.content?.['protocol_version']).toBe('5.3');
    await expect(kernel.subscribe(300)).rejects.toThrow('iopub_welcome');
  });

  test.each([
    ['stalls-client', 4],
    ['normal', undefined],
  ] as const)('%s asks for a stall at cell %s', async (name, asked) => {
    await connected({ name, at: 4 });
    const id = await kernel.send(kernel.shell, 'kernel_info_request');
    const reply = await eventually('reply', () => kernel.reply(id, 'shell', 'kernel_info_reply'));
    expect(reply.content?.['stall_at']).toBe(asked);
  });

  // Without the pipe, so that the pid alone tells. The second parent is gone before the kernel can look.
  test.each([
    ['is killed', true],
    ['was killed at once', false],
  ])('ends when its parent %s', async (_when, waitForPorts) => {
    kernel = new BareKernel({ name: 'never-binds' }, python);
    const name = waitForPorts ? 'normal' : 'never-binds';
    const argv = faultyKernelArgv({ name, lifetimeMs: 60_000 }, kernel.file, python);
    const code = `process.env.JPY_PARENT_PID = process.pid;
      const kernel = require('node:child_process').spawn(process.argv[1], process.argv.slice(2), { stdio: 'ignore' });
      console.log(kernel.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['-e', code, '--', ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let pid = 0;
    parent.stdout.on('data', (text) => {
      pid = Number(text);
    });
    await eventually('the pid', () => pid);
    if (waitForPorts) {
      await kernel.bound();
      expect(alive(pid)).toBe(true);
    }
    parent.kill('SIGKILL');
    await eventually('the end of the orphan', () => !alive(pid));
  });

  test('ends when the pipe of KERNEL_SOAK_PARENT_FD closes', async () => {
    await connected({ name: 'normal' });
    kernel.child.stdio[3]?.destroy();
    await eventually('the end of the kernel', () => kernel.exited);
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // An orphan that nobody reaps stays a zombie, which takes signals.
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('at the start', () => {
  test.each(['port-taken', 'dies-at-start'] as const)('%s', async (name) => {
    kernel = new BareKernel({ name }, python);
    await eventually('the end of the kernel', () => kernel.exited && kernel.child.stderr?.readableEnded);
    expect(kernel.child.exitCode).toBe(1);
    expect(kernel.stderr).toMatch(/^Traceback \(most recent call last\):\r?\n/);
    if (name === 'port-taken')
      expect(kernel.stderr).toMatch(/\nzmq\.error\.ZMQError: Address (already )?in use/);
  });

  test('a port that is really taken looks the same', async () => {
    kernel = new BareKernel({ name: 'normal' }, python);
    await kernel.bound();
    const [command = '', ...args] = faultyKernelArgv({ name: 'normal' }, kernel.file, python);
    const second = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    second.stderr.on('data', (text) => {
      stderr += text;
    });
    await eventually('the end of the second', () => second.exitCode !== null && second.stderr.readableEnded);
    expect(second.exitCode).toBe(1);
    expect(stderr).toMatch(/\nzmq\.error\.ZMQError: Address (already )?in use/);
  });

  test('never-binds stays alive', async () => {
    kernel = new BareKernel({ name: 'never-binds' }, python);
    await expect(kernel.bound(500)).rejects.toThrow('ports in the connection file');
    expect(kernel.exited).toBe(false);
  });

  test('silent-start binds and answers nothing', async () => {
    kernel = new BareKernel({ name: 'silent-start' }, python);
    await kernel.bound();
    await expect(kernel.subscribe(300)).rejects.toThrow('iopub_welcome');
    await kernel.send(kernel.peer('shell'), 'kernel_info_request');
    await kernel.send(kernel.peer('control'), 'kernel_info_request');
    expect(await kernel.heartbeat(SETTLE_MS)).toBe(false);
    expect(kernel.received).toEqual([]);
    expect(kernel.exited).toBe(false);
  });

  test('slow-start binds after its delay', async () => {
    const begin = performance.now();
    await connected({ name: 'slow-start', delayMs: 700 });
    expect(performance.now() - begin).toBeGreaterThan(700);
    await soundCell();
  });

  test('a cell that strands cannot be the first', async () => {
    kernel = new BareKernel({ name: 'strands', at: 1 }, python);
    await eventually('the end of the kernel', () => kernel.exited && kernel.child.stderr?.readableEnded);
    expect(kernel.child.exitCode).toBe(2);
    expect(kernel.stderr).toContain('--at 1');
  });
});

describe('strands', () => {
  async function stranded(): Promise<string[]> {
    await connected({ name: 'strands', at: 3 });
    await soundCell();
    await soundCell();
    const ids = [await kernel.execute()];
    await settled();
    // The same peer's next message must not revive it: its pipe was never seen empty.
    ids.push(await kernel.send(kernel.shell, 'kernel_info_request'));
    await settled();
    for (const id of ids) expect(kernel.received.some((m) => m.parent?.['msg_id'] === id)).toBe(false);
    expect(await controlAnswers()).toBe(true);
    expect(await kernel.heartbeat(5_000)).toBe(true);
    return ids;
  }

  async function revived([cell = '', info = '']: string[]): Promise<void> {
    await eventually('the stranded cell', () => kernel.reply(cell) && kernel.status(cell, 'idle'), 1_000);
    await eventually('the next request', () => kernel.reply(info, 'shell', 'kernel_info_reply'), 1_000);
    await soundCell();
  }

  test('the re-arm over control revives it, and says whether it was stranded', async () => {
    const ids = await stranded();
    const rearm = async (): Promise<unknown> => {
      const id = await kernel.send(kernel.control, FAULTY_REARM_REQUEST);
      const reply = await eventually('rearm', () => kernel.reply(id, 'control', 'soak_rearm_reply'));
      return reply.content?.['stranded'];
    };
    expect(await rearm()).toBe(true);
    await revived(ids);
    expect(await rearm()).toBe(false);
  });

  test('a new shell peer revives it, and is answered too', async () => {
    const ids = await stranded();
    const id = await kernel.send(kernel.peer('shell', 'second'), 'kernel_info_request');
    await revived(ids);
    await eventually('its own reply', () => kernel.reply(id, 'second', 'kernel_info_reply'));
  });

  test('an interrupt does not revive it', async () => {
    const [cell = ''] = await stranded();
    const id = await kernel.send(kernel.control, 'interrupt_request');
    await eventually('interrupt_reply', () => kernel.reply(id, 'control', 'interrupt_reply'));
    // On Windows every signal ends the process.
    if (process.platform !== 'win32') kernel.child.kill('SIGINT');
    await settled();
    expect(kernel.reply(cell)).toBeUndefined();
    expect(kernel.exited).toBe(false);
  });
});

describe('answers that are none', () => {
  async function faultyReply(
    name: FaultName,
  ): Promise<{ id: string; reply: BareKernel['received'][number] }> {
    await connected({ name, at: 1 });
    const id = await kernel.execute();
    const reply = await eventually('a reply', () => kernel.received.find((m) => m.channel === 'shell'));
    return { id, reply };
  }

  test('wrong-parent: soundly signed, for a request that nobody sent', async () => {
    const { id, reply } = await faultyReply('wrong-parent');
    expect(reply.signed).toBe(true);
    expect(reply.parent?.['msg_id']).toMatch(/^[0-9a-f]{32}$/);
    expect(reply.parent?.['msg_id']).not.toBe(id);
  });

  test('bad-signature: the right parent, and a signature of the right length', async () => {
    const { id, reply } = await faultyReply('bad-signature');
    expect(reply.signed).toBe(false);
    expect(reply.parent?.['msg_id']).toBe(id);
    expect(reply.frames[1]?.toString()).toMatch(/^[0-9a-f]{64}$/);
  });

  test('unsigned: the right parent, and no signature', async () => {
    const { id, reply } = await faultyReply('unsigned');
    expect(reply.parent?.['msg_id']).toBe(id);
    expect(reply.frames[1]?.length).toBe(0);
  });

  test('forged: what is soundly signed for the request is the honest answer alone', async () => {
    await connected({ name: 'forged', at: 1 });
    const id = await soundCell();
    const shell = kernel.received.filter((m) => m.channel === 'shell');
    expect(shell.map((m) => [m.signed, m.parent?.['msg_id'] === id, m.content?.['execution_count']])).toEqual(
      [
        [false, true, -1],
        [true, false, -1],
        [true, false, -1],
        [true, true, 1],
      ],
    );
  });
});

describe('one behaviour at a time', () => {
  test('replies-twice: two replies, each with an id of its own', async () => {
    await connected({ name: 'replies-twice', at: 1 });
    const id = await soundCell();
    await eventually('both', () => kernel.messages('shell', 'execute_reply', id).length === 2);
    const ids = kernel.messages('shell', 'execute_reply', id).map((m) => m.header?.['msg_id']);
    expect(new Set(ids).size).toBe(2);
  });

  test('aborted: executes queued behind the error are aborted, a later one is not', async () => {
    await connected({ name: 'aborted', at: 1 });
    const ids = [await kernel.execute(), await kernel.execute(), await kernel.execute()];
    await eventually('all idle', () => ids.every((id) => kernel.reply(id) && kernel.status(id, 'idle')));
    expect(ids.map((id) => kernel.reply(id)?.content?.['status'])).toEqual(['error', 'aborted', 'aborted']);
    expect(kernel.reply(await soundCell())?.content?.['status']).toBe('ok');
  });

  test('cell-error: escapes in the traceback of both error and reply', async () => {
    await connected({ name: 'cell-error', at: 1 });
    const id = await soundCell();
    const error = kernel.messages('iopub', 'error', id)[0]?.content;
    expect(error?.['ename']).toBe('ZeroDivisionError');
    expect(String(error?.['traceback'])).toContain('\x1b]0;');
    expect(kernel.reply(id)?.content?.['traceback']).toEqual(error?.['traceback']);
  });

  test('late: busy at once, the answer after the delay', async () => {
    await connected({ name: 'late', at: 1, delayMs: 600 });
    const begin = performance.now();
    const id = await kernel.execute();
    await eventually('busy', () => kernel.status(id, 'busy'), 500);
    await eventually('reply', () => kernel.reply(id));
    expect(performance.now() - begin).toBeGreaterThan(600);
  });

  test.runIf(process.platform === 'linux').each([
    ['busy-for-ever', 0.5, 1.5],
    ['sleeps-for-ever', 0, 0.1],
  ] as const)('%s: CPU time tells it, and an interrupt ends it', async (name, atLeast, atMost) => {
    await connected({ name, at: 1 });
    const id = await kernel.execute();
    await eventually('busy', () => kernel.status(id, 'busy'));
    const [cpu, begin] = [cpuSeconds(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const share = cpuSeconds() - cpu;
    const elapsed = (performance.now() - begin) / 1000;
    // Other tests share the machine's cores, so a spinning thread need not have one for itself.
    expect(share / elapsed).toBeGreaterThanOrEqual(atLeast / 2);
    expect(share / elapsed).toBeLessThanOrEqual(atMost);
    await kernel.send(kernel.control, 'interrupt_request');
    const reply = await eventually('reply', () => kernel.reply(id));
    expect(reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    await soundCell();
  });

  test('floods-iopub: every message reaches a client that reads', async () => {
    const count = 20_000;
    await connected({ name: 'floods-iopub', at: 1, count });
    const id = await kernel.execute();
    await eventually('idle', () => kernel.status(id, 'idle'), 30_000);
    const texts = kernel.messages('iopub', 'stream', id).map((m) => m.content?.['text']);
    expect(texts.length).toBe(count);
    expect(texts.at(-1)).toBe(`${count - 1}\n`);
  });

  test('floods-iopub: a subscriber that stops reading does not block the kernel for ever', async () => {
    kernel = new BareKernel({ name: 'floods-iopub', at: 1, count: 100_000 }, python);
    await kernel.bound();
    // Bounded at this end too, so that the kernel's own high-water mark is reached.
    const mute = new Subscriber({ linger: 0, receiveHighWaterMark: 100 });
    mute.connect(kernel.address('iopub'));
    mute.subscribe();
    await mute.receive();
    kernel.shell = kernel.peer('shell');
    const begin = performance.now();
    const id = await kernel.execute();
    await eventually('reply', () => kernel.reply(id), 30_000);
    // The kernel waited for the subscriber before it gave it up.
    expect(performance.now() - begin).toBeGreaterThan(5_000);
    mute.close();
  });

  test('floods-stdout: the bytes reach both pipes', async () => {
    await connected({ name: 'floods-stdout', at: 1, count: 3_000_001 });
    await soundCell();
    await eventually('all of stdout', () => kernel.stdout === 3_000_001);
  });

  test.each(['invalid-utf8', 'wrong-header-type'] as const)(
    '%s: on shell and iopub, before the honest answer',
    async (name) => {
      await connected({ name, at: 1 });
      await soundCell();
      for (const channel of ['shell', 'iopub']) {
        const broken = kernel.received.filter((m) => m.channel === channel && (!m.header || !m.content));
        expect(broken.length).toBeGreaterThanOrEqual(2);
      }
    },
  );

  test('deep-json, huge-frame and proto-keys carry what they say', async () => {
    await connected({ name: 'deep-json', at: 1, count: 30_000 });
    const id = await soundCell();
    const content = kernel.messages('iopub', 'display_data', id)[0]?.frames.at(-1);
    expect(content?.toString()).toContain('['.repeat(30_000));
    await kernel.dispose();

    await connected({ name: 'huge-frame', at: 1, count: 5_000_000 });
    const huge = await soundCell();
    expect(String(kernel.messages('iopub', 'stream', huge)[0]?.content?.['text']).length).toBe(5_000_000);
    await kernel.dispose();

    await connected({ name: 'proto-keys', at: 1 });
    const keys = kernel.reply(await soundCell())?.content ?? {};
    expect(Object.hasOwn(keys, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
