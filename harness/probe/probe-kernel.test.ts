import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultyBehaviour, faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { Reaper } from '../kernel/reaper.ts';
import { TRAFFIC_PROFILES } from '../model/traffic.ts';
import { probeKernel } from './probe-kernel.ts';
import type { ProbeResult } from './probe-result.ts';
import { openness, probeRows } from './probe-rows.ts';
import { probeMarkdown, probeText } from './probe-text.ts';

let python: string;
let reaper: Reaper;

beforeAll(async () => {
  python = await testPython();
  reaper = await Reaper.start(python);
});

afterAll(() => reaper.stop());

function probeOf(argv: (connectionFile: string) => string[], name = 'k'): Promise<ProbeResult> {
  return probeKernel(
    name,
    (_folder, connectionFile) => ({
      argv: argv(connectionFile) as [string, ...string[]],
      countersPath: null,
      identityPath: null,
      mayLackControl: true,
      interruptMode: 'signal',
    }),
    process.cwd(),
    { reaper, variables: {} },
  );
}

const probed = (behaviour: FaultyBehaviour) =>
  probeOf((connectionFile) => faultyKernelArgv(behaviour, connectionFile, python));

const seenOf = (found: ProbeResult, what: string) =>
  probeRows(found).find((row) => row.what === what)?.seen ?? '';

test('a probe of ipykernel finds what is known of it, in less than 20 s', async () => {
  const found = await probeOf((file) => [python, '-m', 'ipykernel_launcher', '-f', file]);
  expect(found).toMatchObject({
    notReady: null,
    implementation: 'ipython',
    language: 'python',
    welcome: true,
    heartbeat: true,
    heartbeatBusy: true,
    inputAsked: false,
    sameError: false,
    shutdownReply: true,
    shutdownPublished: 'shutdown_reply',
    endedByInterrupt: false,
    deviations: {},
    unasked: [],
  });
  expect(found.shellInfo).toMatchObject({ busy: true, status: 'ok' });
  expect(found.controlInfo).toMatchObject({ busy: true, status: 'ok' });
  expect(found.queued?.map(({ status }) => status)).toEqual(['aborted', 'aborted']);
  expect(found.queuedAfterAllowed?.status).toBe('ok');
  expect(found.input?.status).toBe('error');
  expect(found.interrupted?.status).toBe('error');
  expect(found.interruptMs).toBeLessThan(2_500);
  expect(found.tookMs).toBeLessThan(20_000);
  expect(
    openness(found)
      .filter(({ isOpen }) => !isOpen)
      .map(({ name }) => name),
  ).toEqual(['certificate of a strand']);
  // Every traffic profile has its line.
  expect(
    openness(found)
      .filter(({ name }) => name.startsWith('traffic '))
      .map(({ name }) => name.slice('traffic '.length))
      .sort(),
  ).toEqual([...TRAFFIC_PROFILES].sort());
});

describe.concurrent('a probe', () => {
  test('finds a kernel without control', async () => {
    const found = await probed({ name: 'normal', control: false });
    expect(seenOf(found, 'control')).toBe('nothing');
    expect(found.shutdownReply).toBe(false);
    expect(found.shutdownMs).toBeNull();
  });

  test('finds control without statuses', async () => {
    const found = await probed({ name: 'normal', controlStatus: false, welcome: false });
    expect(seenOf(found, 'control')).toBe('answered, neither busy nor idle');
    expect(found).toMatchObject({ starting: false, welcome: false });
  });

  test('finds another word for aborted, the cells without busy and idle, and the cell after them', async () => {
    // The empty cell is the first, the one that is to raise the second.
    const found = await probed({ name: 'aborts-next', at: 2, delayMs: 300 });
    expect(seenOf(found, 'cells behind an error')).toBe(
      'queued cells `abort` and `abort`, without busy and idle; the next one `ok`',
    );
  });

  test('says where the error came so soon that the cells behind it may not have been read', async () => {
    const found = await probed({ name: 'normal' });
    const answer = found.emptyCell as NonNullable<ProbeResult['emptyCell']>;
    const seenBehind = (replyMs: number) =>
      seenOf(
        { ...found, failed: { ...answer, status: 'error', replyMs }, queued: [answer, answer] },
        'cells behind an error',
      );
    expect(seenBehind(25)).toBe(
      'queued cells `ok` and `ok`, behind an error that came after 25 ms, perhaps before they were read; the next one `ok`',
    );
    expect(seenBehind(520)).toBe('queued cells `ok` and `ok`; the next one `ok`');
  });

  test('finds a queued cell that is answered with the error of another', async () => {
    const found = await probed({ name: 'infects', at: 2, delayMs: 300 });
    expect(found.sameError).toBe(true);
    expect(openness(found).find(({ name }) => name === 'traffic pipeline')?.words).toContain(
      'no cell raises',
    );
  });

  test('names odd messages, and a kernel that is not ready', async () => {
    const odd = await probed({ name: 'normal', odd: 'null-metadata' });
    expect(odd.deviations).toHaveProperty(['metadata is null']);
    const mute = await probed({ name: 'dies-at-start' });
    expect(mute.notReady).toBe('the process ended before it answered');
    expect(openness(mute).every(({ isOpen }) => !isOpen)).toBe(true);
    expect(openness(mute)[0]?.words).toBe('the process ended before it answered');
    const slow = await probed({ name: 'slow-start', delayMs: 30_000 });
    expect(seenOf(slow, 'start')).toBe('kernel_info was not answered on shell within 12 s');
    expect(openness(slow)[0]?.words).toMatch(/^not known/);
    expect(slow.tookMs).toBeLessThan(20_000);
  });
});

describe('what is printed', () => {
  test('says what jupyter_kernel_test does not look at, and keeps a kernel’s words in code spans', async () => {
    const found = await probed({ name: 'normal' });
    const hostile = {
      ...found,
      implementation: '](x) <b> @someone',
      queued: [{ ...(found.queued?.[0] as NonNullable<ProbeResult['queued']>[number]), status: '| <i>' }],
      failed: { ...(found.failed as NonNullable<ProbeResult['failed']>), status: 'error' },
    };
    const markdown = probeMarkdown(hostile);
    expect(markdown).toContain('`](x) <b> @someone 1`');
    expect(markdown).toContain('queued cells `¦ <i>`');
    for (const text of [markdown, probeText(hostile)]) {
      expect(text.replace(/\s+/g, ' ')).toContain('jupyter_kernel_test, the peer of this probe');
    }
    const table = markdown.split('\n').filter((line) => line.startsWith('| '));
    expect(new Set(table.slice(0, 14).map((line) => line.split('|').length)).size).toBe(1);
  });
});
