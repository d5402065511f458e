import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureEnvironment } from '../../harness/kernel/environment/index.ts';
import type { SoakProcess } from '../testing/soak-process.ts';
import { Campaign } from './campaign.ts';
import { faultsMarkdown, merged } from './faults-document.ts';
import { SCENARIOS } from './scenarios.ts';

/** The campaign cut to what CI allows: each fault a few times. `npm run faults` makes them by the hundred. */
const EXTENT = { kills: 4, blocks: 4, nightRuns: 200, isWhole: false };

let folder: string;
let campaign: Campaign;

beforeAll(async () => {
  await ensureEnvironment({});
  folder = await mkdtemp(join(tmpdir(), 'soak-faults-'));
  campaign = new Campaign({ folder, extent: EXTENT, seed: 1, say: () => {} });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.runIf(process.platform === 'linux')('nothing recorded is lost and nothing is left behind:', () => {
  test.for(Object.keys(SCENARIOS))('%s', { timeout: 300_000 }, async (name, { skip }) => {
    const result = await SCENARIOS[name]?.(campaign);
    if (result?.notPossible !== undefined) skip(result.notPossible);
    expect(result?.failures).toEqual([]);
    expect(result?.times).toBeGreaterThan(0);
  });
});

describe.runIf(process.platform === 'linux')('a trial sees', () => {
  const line = (run: string, kind = 'completed') => JSON.stringify({ type: 'run', run, outcome: { kind } });
  const withJournal = async (...lines: string[]) => {
    const trial = campaign.trial();
    await mkdir(trial.out);
    const write = (...next: string[]) => writeFile(join(trial.out, 'journal.jsonl'), `${next.join('\n')}\n`);
    await write(...lines);
    trial.acknowledge();
    return { trial, write };
  };

  test('a run that is lost, changed or there twice, and no fault in one that is added', async () => {
    const { trial, write } = await withJournal(line('a'), line('b'));
    await write(line('a'), line('b'), line('c'));
    trial.acknowledge();
    expect(trial.failures).toEqual([]);
    expect(trial.acknowledged).toBe(3);
    await write(line('a', 'wedged-mute'), line('c'), line('c'));
    trial.acknowledge();
    expect(trial.failures).toEqual([
      'the run c is recorded twice',
      'the run a was recorded and is gone or changed',
      'the run b was recorded and is gone or changed',
    ]);
  });

  test('a process and a folder that are left', async () => {
    const trial = campaign.trial();
    await mkdir(join(trial.temporary, 'soak-left'));
    const left = spawn('sleep', ['60'], { env: { ...process.env, TMPDIR: trial.temporary } });
    try {
      await trial.assertNothingLeft(500);
      expect(trial.failures).toEqual([
        `left behind: process ${left.pid} (sleep 60)`,
        'left behind: soak-left in the folder for temporary files',
      ]);
    } finally {
      left.kill('SIGKILL');
    }
  });

  test('a refusal with another exit code or other words', () => {
    const trial = campaign.trial();
    const said = { said: 'soak: No space.\nFree some.', code: 1, process: { signalCode: null } };
    trial.assertRefused(said as SoakProcess, 4, /no file/);
    expect(trial.failures).toEqual([
      'exit code 1 instead of 4: soak: No space. Free some.',
      'not said as it has to be (/no file/): soak: No space. Free some.',
    ]);
  });
});

test('faults that were made again take the place of what was found before', () => {
  const result = (fault: string, times: number) => ({ fault, times, runs: 0, said: [], failures: [] });
  expect(merged([result('a', 1), result('b', 1)], [result('b', 2), result('c', 2)])).toEqual([
    result('a', 1),
    result('b', 2),
    result('c', 2),
  ]);
});

test('the document has each fault, what was found, and every failure', () => {
  const text = faultsMarkdown({
    at: '2026-11-25T00:00:00.000Z',
    harness: '0.1.0',
    node: '20.0.0',
    seed: 7,
    minutes: 3,
    results: [
      { fault: 'a fault', times: 2, runs: 5, said: ['said `so`'], failures: [], seen: 'this' },
      { fault: 'another', times: 1, runs: 4, said: [], failures: ['a run was lost'] },
      { fault: 'a third', times: 0, runs: 0, said: [], failures: [], notPossible: 'no root' },
    ],
  });
  expect(text).toContain('3 faults,\n9 runs recorded while they happened, **1 failure**');
  expect(text).toContain('| a fault | 2 | 5 | as promised |');
  expect(text).toContain('| another | 1 | 4 | **1 failure** |');
  expect(text).toContain('| a third | 0 | 0 | not made: no root |');
  expect(text).toContain("- a fault: this\n  - `said 'so'`");
  expect(text).toContain('- another: a run was lost');
});
