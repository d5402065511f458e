import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { certificates, falseCertificates } from './false-certificates.ts';
import { falseCertificatesMarkdown } from './false-certificates-report.ts';

/** `npm run false-certificates`: its exit code is 1 when there was one. Writes nothing without `--out`. */

const { values } = parseArgs({
  options: {
    'slow-cells': { type: 'string', default: '10000' },
    'clean-runs': { type: 'string', default: '1000' },
    'slow-at-once': { type: 'string', default: '6' },
    'clean-at-once': { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    env: { type: 'string' },
    out: { type: 'string' },
  },
});
const result = await falseCertificates({
  slowCells: Number(values['slow-cells']),
  cleanRuns: Number(values['clean-runs']),
  slowAtOnce: Number(values['slow-at-once']),
  cleanAtOnce: Number(values['clean-at-once']),
  seed: Number(values.seed),
  env: values.env ?? null,
  onProgress: (line) => console.log(line),
});
const text = falseCertificatesMarkdown(result);
console.log(text);
if (values.out !== undefined) {
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, 'README.md'), text);
  await writeFile(join(values.out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
}
if (certificates(result) > 0) process.exitCode = 1;
