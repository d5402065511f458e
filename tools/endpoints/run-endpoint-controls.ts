import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../harness/model/package-root.ts';
import { testPython } from '../testing/test-python.ts';
import { controlMarkdown } from './control-document.ts';
import { isCountedRight, type MadeRepeat, planKey, plans, RUNS } from './control-results.ts';
import { FAULT_ROWS, faultRow } from './fault-rows.ts';
import { repeat, withRepeats } from './repeat.ts';

/**
 * `npm run endpoint-controls`: makes the repeats that reports/endpoints/repeats.jsonl lacks, until the time is over, and
 * writes the page. Each repeat is appended when it is made, so that a stop loses no more than the one under way.
 */

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    concurrency: { type: 'string', default: '8' },
    rows: { type: 'string', default: FAULT_ROWS.map(({ name }) => name).join(',') },
  },
});
const folder = join(packageRoot(), 'reports', 'endpoints');
const file = join(folder, 'repeats.jsonl');
await mkdir(folder, { recursive: true });
const made = await repeatsOf(file);
const overloaded = await repeatsOf(join(folder, 'overloaded.jsonl'));
const keys = new Set(made.map(planKey));
const rows = values.rows.split(',').map((name) => faultRow(name));
const left = plans(rows).filter((plan) => !keys.has(planKey(plan)));
const endMs = performance.now() + Number(values.minutes) * 60_000;
const write = () => writeFile(join(folder, 'README.md'), controlMarkdown(made, overloaded));

if (left.length > 0 && performance.now() < endMs) {
  const python = await testPython();
  await withRepeats(python, async (context) => {
    for (const plan of left) {
      if (performance.now() >= endMs) return;
      const row = faultRow(plan.row);
      const design = { ...plan, row, runs: RUNS, concurrency: Number(values.concurrency) };
      const result: MadeRepeat = { ...plan, runs: RUNS, ...(await repeat(design, context, python)) };
      await appendFile(file, `${JSON.stringify(result)}\n`);
      made.push(result);
      await write();
      const right = isCountedRight(result, row) ? 'counted as drawn' : 'NOT counted as drawn';
      console.log(`${planKey(plan)}: ${result.seconds} s, ${right}`);
    }
  });
}
await write();

async function repeatsOf(path: string): Promise<MadeRepeat[]> {
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}
