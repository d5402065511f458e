import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/real-experiment.ts';
import { runSoak } from '../../tools/testing/run-soak.ts';
import { ensureEnvironment } from '../kernel/environment/index.ts';
import { packageRoot } from '../model/package-root.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  await ensureEnvironment({});
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** When runs begin and are recorded, one run at a time, as places in a block: `b0` or `r0` for the first. */
async function begunAndRecorded(...size: string[]): Promise<string[]> {
  const out = join(folder.path, size.join(''));
  const notebook = join(packageRoot(), 'notebooks', 'plain.ipynb');
  const args = ['--arms', 'control,stream', '--notebook', notebook, '--prefix', '2', '--seed', '1'];
  const { code } = await runSoak([...args, '--traffic', 'sequential', ...size, '--out', out]);
  expect(code).toBe(0);
  const lines = (await readFile(join(out, 'journal.jsonl'), 'utf8')).trim().split('\n');
  const places = new Map<string, number>();
  return lines
    .map((line) => JSON.parse(line) as { type: string; run: string })
    .filter(({ type }) => type === 'begin' || type === 'run')
    .map(({ type, run }) => {
      if (!places.has(run)) places.set(run, places.size);
      return `${type === 'begin' ? 'b' : 'r'}${places.get(run)}`;
    });
}

test('a run begins while its predecessor’s kernel is still taken away', async () => {
  expect(await begunAndRecorded('--runs', '2')).toEqual(['b0', 'b1', 'r0', 'b2', 'r1', 'b3', 'r2', 'r3']);
});

test('but not before it is known whether a block decides', async () => {
  const order = await begunAndRecorded('--until-decided', '--max-runs', '2', '--alpha', '0.5');
  expect(order).toEqual(['b0', 'b1', 'r0', 'r1', 'b2', 'b3', 'r2', 'r3']);
});
