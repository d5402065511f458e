import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicPath } from '../model/public-path.ts';
import { shellWord } from '../model/shell-word.ts';
import { parseNumber } from './parse-number.ts';
import { parsedRunOptions, RUN_DEFAULTS, type RunOptions, runOptionsSchema } from './run-options.ts';

export const BISECT_DEFAULTS = {
  package: 'ipykernel',
  confidence: '0.95',
  maxRuns: '300',
  traffic: 'overlap',
  notebook: 'many-cells.ipynb',
} as const;

/** Values as commander hands them over. */
export interface RawBisectOptions {
  readonly package: string;
  readonly clone?: string;
  readonly good?: string;
  readonly bad?: string;
  readonly fixed?: string;
  readonly releases?: string;
  readonly pre?: boolean;
  readonly confidence: string;
  readonly maxRuns: string;
  readonly maxMinutes?: string;
  readonly notebook?: string;
  readonly traffic: string;
  readonly latency?: string;
  readonly prefix?: string;
  readonly timeout?: string;
  readonly startTimeout?: string;
  readonly suspectAfter?: string;
  readonly pipelineDepth?: string;
  readonly seed?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly python?: string;
}

/** What a bisect is made from; kept beside its journal until it has finished. */
export const bisectOptionsSchema = z.object({
  package: z.string(),
  clone: z.string().nullable(),
  good: z.string(),
  bad: z.string(),
  fixed: z.string().nullable(),
  /** Names in order; `null`: what the index or the clone has. */
  releases: z.array(z.string()).nullable(),
  pre: z.boolean(),
  confidence: z.number().gt(0.5).lt(1),
  maxRuns: z.number().int().positive(),
  maxMinutes: z.number().positive().nullable(),
  /** Traffic, notebook, deadlines, seed: as `soak run` has them. Its arms are not used. */
  run: runOptionsSchema,
});
export type BisectOptions = z.infer<typeof bisectOptionsSchema>;

const CONFIDENCE = { min: 0.5, max: 1, excludeMin: true, excludeMax: true, example: '0.95' } as const;
const RUNS = { min: 2, max: 100_000, whole: true, example: '300' } as const;
const MINUTES = { min: 0.1, max: 100_000, example: '30' } as const;

function required(flag: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new SoakError('bad-option', `${flag} is not given.`, {
    remedy: 'A bisect needs both ends: --good 6.31.0 --bad 7.3.0, and --fixed 7.4.0 to find the cure too.',
  });
}

/** @throws SoakError for whatever is missing or out of range */
export function parsedBisectOptions(raw: RawBisectOptions): BisectOptions {
  const { notebook, latency, prefix, timeout, startTimeout, suspectAfter, pipelineDepth, seed, python } = raw;
  if (raw.traffic.includes(',')) {
    throw new SoakError('bad-option', `--traffic ${raw.traffic}: a bisect has one profile.`, {
      remedy: 'Give the one at which the bad release wedges soonest; soak tune finds it.',
    });
  }
  const run = parsedRunOptions(
    {
      arm: ['control'],
      runs: '1',
      traffic: raw.traffic,
      ...(notebook === undefined ? {} : { notebook: [notebook] }),
      ...(latency === undefined ? {} : { latency }),
      ...(prefix === undefined ? {} : { prefix }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(startTimeout === undefined ? {} : { startTimeout }),
      ...(suspectAfter === undefined ? {} : { suspectAfter }),
      ...(pipelineDepth === undefined ? {} : { pipelineDepth }),
      ...(seed === undefined ? {} : { seed }),
      ...(python === undefined ? {} : { python }),
    },
    join(packageRoot(), 'notebooks', BISECT_DEFAULTS.notebook),
    () => randomInt(2 ** 31),
  );
  return {
    package: raw.package,
    clone: raw.clone ?? null,
    good: required('--good', raw.good),
    bad: required('--bad', raw.bad),
    fixed: raw.fixed ?? null,
    releases:
      raw.releases === undefined
        ? null
        : raw.releases
            .split(',')
            .map((name) => name.trim())
            .filter((name) => name !== ''),
    pre: raw.pre === true,
    confidence: parseNumber(raw.confidence, '--confidence', CONFIDENCE),
    maxRuns: parseNumber(raw.maxRuns, '--max-runs', RUNS),
    maxMinutes: raw.maxMinutes === undefined ? null : parseNumber(raw.maxMinutes, '--max-minutes', MINUTES),
    run,
  };
}

/** The command that bisects again: what differs from the defaults, the ends and the seed always. */
export function bisectCommandLine(options: BisectOptions): string {
  const { run } = options;
  const words = ['npm run soak -- bisect'];
  const add = (flag: string, value: string | number) => words.push(flag, shellWord(String(value)));
  if (options.clone !== null) add('--clone', publicPath(options.clone));
  else add('--package', options.package);
  add('--good', options.good);
  add('--bad', options.bad);
  if (options.fixed !== null) add('--fixed', options.fixed);
  if (options.releases !== null) add('--releases', options.releases.join(','));
  if (options.pre) words.push('--pre');
  if (options.confidence !== Number(BISECT_DEFAULTS.confidence)) add('--confidence', options.confidence);
  if (options.maxRuns !== Number(BISECT_DEFAULTS.maxRuns)) add('--max-runs', options.maxRuns);
  if (options.maxMinutes !== null) add('--max-minutes', options.maxMinutes);
  const notebook = publicPath(run.notebooks[0] ?? '');
  if (notebook !== `notebooks/${BISECT_DEFAULTS.notebook}`) add('--notebook', notebook);
  if (run.traffic[0] !== BISECT_DEFAULTS.traffic) add('--traffic', run.traffic[0] ?? '');
  if (run.latency !== RUN_DEFAULTS.latency) add('--latency', publicLatency(run));
  if (run.prefix !== null) add('--prefix', run.prefix);
  if (run.timeoutSeconds !== RUN_DEFAULTS.timeoutSeconds) add('--timeout', run.timeoutSeconds);
  if (run.startTimeoutSeconds !== RUN_DEFAULTS.startTimeoutSeconds)
    add('--start-timeout', run.startTimeoutSeconds);
  if (run.suspectAfterSeconds !== RUN_DEFAULTS.suspectAfterSeconds)
    add('--suspect-after', run.suspectAfterSeconds);
  if (run.pipelineDepth !== RUN_DEFAULTS.pipelineDepth) add('--pipeline-depth', run.pipelineDepth);
  add('--seed', run.seed);
  return words.join(' ');
}

function publicLatency({ latency }: RunOptions): string {
  return latency.startsWith('file:') ? `file:${publicPath(latency.slice('file:'.length))}` : latency;
}
