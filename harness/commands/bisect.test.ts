import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bisectCalibration } from '../../tools/calibrate/bisect-calibration.ts';
import { builtCommand } from '../../tools/testing/built-command.ts';
import { LOSSES, losingNotebook } from '../../tools/testing/losing-notebook.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readBisect } from '../bisect/journal.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import { packageRoot } from '../model/package-root.ts';

// The command as a user starts it, on real kernels of two releases.

const folder = temporaryFolder();
const out = join(folder, 'bisect');

beforeAll(async () => {
  await ensureEnvironment({});
});

function soak(args: readonly string[], onOutput: (text: string, interrupt: () => void) => void = () => {}) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    let said = '';
    const [file, ...rest] = builtCommand(args);
    const child = execFile(file, rest, { cwd: packageRoot(), encoding: 'utf8' }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdout?.on('data', (chunk: string) => {
      said += chunk;
      onOutput(said, () => child.kill('SIGINT'));
    });
  });
}

const RELEASES = ['--releases', '7.3.0,7.4.0', '--good', '7.3.0', '--bad', '7.4.0'];

test('a bisect is interrupted, goes on, spends its budget, and is verified', async () => {
  const args = ['bisect', ...RELEASES, '--max-runs', '4', '--prefix', '60', '--seed', '1', '--out', out];
  let asked = false;
  const first = await soak(args, (said, interrupt) => {
    if (asked || !/: (?:completed|wedged-\w+) in/.test(said)) return;
    asked = true;
    interrupt();
  });
  expect(first.stderr).not.toContain('internal error');
  expect(first.code).toBe(130);
  expect(first.stdout).toContain(`--resume ${out}`);
  const partial = (await readBisect(out)).journal;
  expect(partial.sessions.at(-1)).toMatchObject({ event: 'interrupted' });

  const second = await soak(['bisect', '--resume', out]);
  expect(second.code).toBe(1);
  expect(second.stdout).toMatch(/7\.4\.0 +.*bad, control/);
  const { journal } = (await readBisect(out)) ?? {};
  const runs = journal.batches.flatMap((batch) => batch.runs);
  expect(runs.length).toBeLessThanOrEqual(4);
  expect(runs.filter(({ arm }) => arm === '7.4.0').every(({ outcome }) => outcome.kind === 'completed')).toBe(
    true,
  );
  expect(journal.releases.map(({ arm }) => arm.environment?.requirements)).toContainEqual([
    'ipykernel==7.4.0',
  ]);
  expect(journal.sessions.map(({ event }) => event)).toEqual(['interrupted', 'resumed', 'finished']);

  expect((await soak(['verify', out])).code).toBe(0);
  const markdown = join(out, 'bisect.md');
  writeFileSync(markdown, readFileSync(markdown, 'utf8').replace('Bisect of', 'A bisect of'));
  const changed = await soak(['verify', out]);
  expect(changed.code).not.toBe(0);
  expect(changed.stdout + changed.stderr).toContain('bisect.md');
});

test('a bisect of lost output compares its runs with an executed notebook, and is verified by their outputs', async () => {
  const lost = join(folder, 'lost');
  const executed = join(folder, 'executed.ipynb');
  writeFileSync(executed, losingNotebook());
  const question = ['--endpoint', 'lost-output', '--expect', executed, '--notebook', executed];
  const budget = ['--traffic', 'sequential', '--max-runs', '2', '--seed', '1', '--out', lost];
  const { code, stderr } = await soak(['bisect', ...RELEASES, ...question, ...budget]);
  expect(stderr).not.toContain('internal error');
  expect([0, 1]).toContain(code);
  const { journal } = await readBisect(lost);
  expect(journal.bisect.protocol.expected?.kind).toBe('file');
  const runs = journal.batches.flatMap((batch) => batch.runs);
  expect(runs).toHaveLength(2);
  for (const { losses } of runs) expect(losses).toEqual(LOSSES);
  expect((await soak(['verify', lost])).code).toBe(0);
  const path = join(lost, 'bisect.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace(JSON.stringify(LOSSES), '[]'));
  const changed = await soak(['verify', lost]);
  expect(changed.code).not.toBe(0);
  expect(changed.stdout + changed.stderr).toContain('losses by its outputs');
}, 60_000);

describe('is refused', () => {
  test.each<[string, string[], RegExp]>([
    [
      'with what only all runs would tell',
      ['--good', '6.31.0', '--bad', '7.3.0', '--endpoint', 'lost-output', '--expect', 'reference'],
      /each run decides what is run next/,
    ],
    ['without its ends', ['--good', '6.31.0'], /--bad is missing/],
    [
      'with a release that is not there',
      ['--releases', '7.2.0,7.3.0', '--good', '7.2.1', '--bad', '7.3.0'],
      /7\.2\.1 is not a release that can be bisected[\s\S]*Did you mean "7\.2\.0"/,
    ],
    [
      'with ends in the wrong order',
      ['--releases', '7.2.0,7.3.0', '--good', '7.3.0', '--bad', '7.2.0'],
      /does not come before/,
    ],
    ['with two profiles', [...RELEASES, '--traffic', 'overlap,widgets'], /one profile/],
    ['with a confidence that is none', [...RELEASES, '--confidence', '1'], /--confidence/],
    [
      'with a clone that is none',
      ['--clone', 'notebooks', '--good', 'a', '--bad', 'b'],
      /is not a git clone/,
    ],
  ])('%s', async (_what, args, message) => {
    const { code, stderr } = await soak(['bisect', ...args, '--out', join(folder, 'refused')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

test('simulated claims are true as often as promised, with fewer runs than every release in turn', async () => {
  const [bisect, inTurn] = [
    await bisectCalibration(0.7, 'bisect', 40),
    await bisectCalibration(0.7, 'every release in turn', 40),
  ];
  expect(bisect.found).toBe(40);
  // Below 34 of 40 with a probability of 5e-4 if 95 % are true.
  expect(bisect.right).toBeGreaterThanOrEqual(34);
  expect(bisect.medianRuns).toBeLessThan(0.75 * inTurn.medianRuns);
});
