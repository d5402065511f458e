import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { harnessVersion } from '../../harness/model/harness-version.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import { type BenchResult, benchMarkdown } from './bench-document.ts';
import { benchFloods } from './bench-floods.ts';
import { benchRuns } from './bench-runs.ts';
import { benchScale } from './bench-scale.ts';
import { trivialNotebook, withBench } from './bench-surroundings.ts';
import { benchTrips } from './bench-trips.ts';
import { benchVerdict } from './bench-verdict.ts';
import { medianRatio } from './figures.ts';

/**
 * `npm run bench [-- --out DIR] [--rounds N] [--scale RUNS] [--verdicts N]`: ratios of one run on one machine,
 * against what people use now, as JSON and Markdown. `--floods-again` measures the floods alone, which are no ratios,
 * and puts them into what DIR has. Linux only: memory and processor time are read from /proc.
 */

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join('reports', 'bench') },
    rounds: { type: 'string', default: '15' },
    scale: { type: 'string', default: '1000' },
    verdicts: { type: 'string', default: '5' },
    'floods-again': { type: 'boolean', default: false },
  },
});
if (process.platform !== 'linux') throw new Error('npm run bench reads /proc, which only Linux has.');
const [rounds, scale, verdicts] = [values.rounds, values.scale, values.verdicts].map((text) => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`${text} is no number of rounds, runs or verdicts: give a whole number from 1 to 999999.`);
}) as [number, number, number];
const say = (line: string) => process.stderr.write(`${line}\n`);

const path = join(values.out, 'bench.json');
const result = await withBench(async (surroundings): Promise<BenchResult> => {
  if (values['floods-again']) {
    const before = JSON.parse(await readFile(path, 'utf8')) as BenchResult;
    return { ...before, floods: await benchFloods(surroundings), floodsAt: new Date().toISOString() };
  }
  const random = seededUniform(1, 'bench');
  say('round trips');
  const trips = await benchTrips(surroundings, 10);
  say('runs');
  const runs = await benchRuns(surroundings, await trivialNotebook(surroundings.folder, 20), rounds);
  say('verdicts');
  const decided = [];
  for (let seed = 1; seed <= verdicts; seed += 1) decided.push(await benchVerdict(surroundings.folder, seed));
  say('floods');
  const floods = await benchFloods(surroundings);
  say('scale');
  const scaled = await benchScale(surroundings, scale);
  return {
    at: new Date().toISOString(),
    harness: await harnessVersion(),
    node: process.versions.node,
    cpus: cpus().length,
    trips,
    runs,
    verdicts: decided,
    floods,
    scale: scaled,
    ratios: {
      tripOverDealer: medianRatio(trips.ours, trips.dealer, random),
      tripOverBlocking: medianRatio(trips.ours, trips.blocking, random),
      spawnOverNbclient: medianRatio(runs.oneAtATime.spawn, runs.oneAtATime.nbclient, random),
      forkOverNbclient: medianRatio(runs.oneAtATime.fork, runs.oneAtATime.nbclient, random),
      spawnOverJupyter: medianRatio(runs.oneAtATime.spawn, runs.oneAtATime['jupyter-execute'], random),
      forkOverJupyter: medianRatio(runs.oneAtATime.fork, runs.oneAtATime['jupyter-execute'], random),
      spawnOverNbclientTwo: medianRatio(runs.twoAtOnce.spawn, runs.twoAtOnce.nbclient, random),
      spawnInRow: medianRatio(runs.inRow.spawn, runs.oneAtATime.spawn, random),
      forkInRow: medianRatio(runs.inRow.fork, runs.oneAtATime.fork, random),
      forkOverNbclientTwo: medianRatio(runs.twoAtOnce.fork, runs.twoAtOnce.nbclient, random),
    },
  };
});
await mkdir(values.out, { recursive: true });
await writeFile(path, `${JSON.stringify(result)}\n`);
await writeFile(join(values.out, 'bench.md'), benchMarkdown(result));
say(`Written: ${join(values.out, 'bench.md')}`);
