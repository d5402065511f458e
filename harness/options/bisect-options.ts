import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { assertExpectedBeforehand } from './expected-beforehand.ts';
import { parsedOptions, sharedOptions } from './given.ts';
import { parsedRunOptions, type RunOptions } from './run-options.ts';
import type { Options, RawOptions } from './table.ts';

/** What a bisect is made from. */
export interface BisectOptions
  extends Pick<
    Options<'bisect'>,
    'package' | 'clone' | 'fixed' | 'releases' | 'pre' | 'confidence' | 'maxRuns' | 'maxMinutes'
  > {
  readonly good: string;
  readonly bad: string;
  /** Traffic, notebook, deadlines, seed: as `soak run` has them. Its arms are not used. */
  readonly run: RunOptions;
  /** The options that give the same again: kept until the bisect has finished. */
  readonly given: RawOptions<'bisect'>;
}

/** @throws SoakError for whatever is missing or out of range */
export function parsedBisectOptions(raw: RawOptions<'bisect'>): BisectOptions {
  const { good, bad, traffic, notebook, ...options } = parsedOptions('bisect', raw);
  if (traffic.length > 1) {
    throw new SoakError('bad-option', `--traffic ${raw.traffic}: a bisect takes one profile.`, {
      remedy: 'Give the one at which the bad release shows the event soonest: soak tune finds it.',
      option: { name: 'traffic' },
    });
  }
  assertExpectedBeforehand(options.expect, 'bisect');
  const path = raw.notebook ?? join(packageRoot(), notebook);
  const { maxMinutes: _maxMinutes, out, resume, ...ofTheRuns } = sharedOptions('bisect', 'run', raw);
  const run = parsedRunOptions(
    { ...ofTheRuns, arm: ['control'], runs: '1', traffic: traffic.join(','), notebook: [path] },
    path,
    () => randomInt(2 ** 31),
  );
  return {
    ...options,
    good: required('good', good),
    bad: required('bad', bad),
    run,
    given: {
      ...withoutCall(raw),
      ...(options.clone === null ? { package: options.package } : {}),
      seed: String(run.seed),
    },
  };
}

function withoutCall({ out, resume, ...given }: RawOptions<'bisect'>): RawOptions<'bisect'> {
  return given;
}

function required(name: string, value: string | null): string {
  if (value !== null && value !== '') return value;
  throw new SoakError('bad-option', `--${name} is missing.`, {
    remedy: 'A bisect needs both ends: --good 6.31.0 --bad 7.3.0, and --fixed 7.4.0 to find the cure too.',
    option: { name },
  });
}
