import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureEnvironment } from '../../harness/kernel/environment/index.ts';
import { harnessVersion } from '../../harness/model/harness-version.ts';
import { buildCommand } from '../testing/built-command.ts';
import { Campaign, type FaultResult } from './campaign.ts';
import { type CampaignResult, faultsMarkdown, merged } from './faults-document.ts';
import { SCENARIOS } from './scenarios.ts';

/**
 * `npm run faults [-- --seed N] [--kills N] [--night RUNS] [--only a,b] [--out DIR]`: interrupts soaks and what they
 * stand on, and looks whether they keep what they promise. Linux only. Exit code 1 where they do not. With `--only`,
 * what it finds takes the place of what the document in DIR had of the same faults.
 */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '200' },
    night: { type: 'string', default: '2000' },
    only: { type: 'string' },
    out: { type: 'string', default: join('reports', 'faults') },
  },
});
if (process.platform !== 'linux') throw new Error('npm run faults looks for processes in /proc: Linux only.');
const [seed, kills, night] = [values.seed, values.kills, values.night].map((text) => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`${text} is no seed and no number of kills or runs: give a whole number from 1.`);
}) as [number, number, number];
const chosen = (values.only?.split(',') ?? Object.keys(SCENARIOS)).map((name) => {
  const scenario = SCENARIOS[name];
  if (scenario === undefined)
    throw new Error(`There is no fault ${name}. There are: ${Object.keys(SCENARIOS).join(', ')}.`);
  return { name, scenario };
});
const say = (line: string) => process.stderr.write(`${line}\n`);

await buildCommand();
await ensureEnvironment({ onProgress: say });
const folder = await mkdtemp(join(tmpdir(), 'kernel-soak-faults-'));
const extent = { kills, blocks: 20, nightRuns: 2 * Math.ceil(night / 2), isWhole: true };
const campaign = new Campaign({ folder, extent, seed, say });
const startedMs = performance.now();
const path = join(values.out, 'faults.json');
const before =
  values.only === undefined || !existsSync(path)
    ? null
    : (JSON.parse(readFileSync(path, 'utf8')) as CampaignResult);
let results: readonly FaultResult[] = before?.results ?? [];
let failed = 0;
await mkdir(values.out, { recursive: true });
for (const { name, scenario } of chosen) {
  say(name);
  const result = await scenario(campaign);
  for (const failure of result.failures) say(`  failed: ${failure}`);
  failed += result.failures.length;
  results = merged(results, [result]);
  // After each: what ends the campaign does not take what it has found.
  const document: CampaignResult = {
    at: new Date().toISOString(),
    harness: await harnessVersion(),
    node: process.versions.node,
    seed,
    minutes: (before?.minutes ?? 0) + Math.round((performance.now() - startedMs) / 60_000),
    results,
  };
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(values.out, 'faults.md'), faultsMarkdown(document));
}
say(`Written: ${join(values.out, 'faults.md')}`);
if (failed === 0) await rm(folder, { recursive: true, force: true });
else {
  say(`${failed} failures. Kept: ${folder}`);
  process.exitCode = 1;
}
