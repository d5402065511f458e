import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { bisectCalibration, bisectCalibrationMarkdown } from './bisect-calibration.ts';

/**
 * `npm run calibrate:bisect`: 1,000 simulated bisects, and as many that test every release in turn. Writes
 * reports/bisect-ipykernel/calibration.md; its exit code is 1 when fewer claims are true than were promised.
 */

const RATES = [0.1, 0.3, 0.5, 0.7, 0.9] as const;
const BISECTS = 200;
const CONFIDENCE = 0.95;

const points = [];
for (const rate of RATES) {
  for (const design of ['bisect', 'every release in turn'] as const) {
    const point = await bisectCalibration(rate, design, BISECTS);
    points.push(point);
    console.log(`rate ${rate}, ${design}: ${point.right} of ${point.found} right, ${point.medianRuns} runs`);
  }
}
const folder = join(packageRoot(), 'reports', 'bisect-ipykernel');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'calibration.md'), bisectCalibrationMarkdown(points));
const found = points.reduce((sum, point) => sum + point.found, 0);
const right = points.reduce((sum, point) => sum + point.right, 0);
// Three standard errors below the promise.
const least = CONFIDENCE - 3 * Math.sqrt((CONFIDENCE * (1 - CONFIDENCE)) / found);
console.log(`${right} of ${found} claims are right.`);
if (right / found < least) process.exitCode = 1;
