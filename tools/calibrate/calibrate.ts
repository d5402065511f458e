import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { calibrationPoint, isAboveLevel } from './calibration.ts';
import { calibrationCsv, calibrationMarkdown, calibrationSvg } from './calibration-report.ts';
import { COMPETING_SCENARIOS, competingMarkdown, competingResult } from './competing-calibration.ts';

/** `npm run calibrate`: writes reports/calibration; its exit code is 1 when a method is above its level. */

const DESIGN = { experiments: 20_000, runs: 40, blocks: 200, alpha: 0.05, seed: 20_260_101 } as const;
const COMPETING_DESIGN = { experiments: 20_000, runs: 40, alpha: 0.05, seed: 20_260_101 } as const;
const RATES = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5] as const;

const points = RATES.map((rate) => {
  const point = calibrationPoint(rate, DESIGN);
  console.log(`rate ${rate}: ${point.results.length} methods, ${DESIGN.experiments} experiments each`);
  return point;
});
const folder = join(packageRoot(), 'reports', 'calibration');
await mkdir(folder, { recursive: true });
const competing = COMPETING_SCENARIOS.map((scenario) => competingResult(scenario, COMPETING_DESIGN));
const markdown = [calibrationMarkdown(points, DESIGN), competingMarkdown(competing, COMPETING_DESIGN)];
await writeFile(join(folder, 'README.md'), `${markdown.join('\n')}\n`);
await writeFile(join(folder, 'calibration.csv'), calibrationCsv(points, DESIGN));
await writeFile(join(folder, 'calibration.svg'), calibrationSvg(points, DESIGN));
const above = points.flatMap(({ results }) =>
  results.filter((result) => isAboveLevel(result, DESIGN.experiments)),
);
console.log(above.length === 0 ? 'Nothing is above its level.' : `Above its level: ${JSON.stringify(above)}`);
if (above.length > 0) process.exitCode = 1;
