import { resolve } from 'node:path';
import { commitsBetween } from '../arms/git-commits.ts';
import { listReleases } from '../kernel/environment/releases.ts';
import type { BisectOptions } from '../options/bisect-options.ts';
import { candidates } from './candidates.ts';

/** Releases by name, and the arm that each is. */
export interface Choice {
  readonly releases: readonly string[];
  readonly bad: number;
  readonly specOf: (release: number) => string;
}

/** The releases, or the commits of a clone, that a bisect chooses from. */
export async function chosenReleases(options: BisectOptions, signal: AbortSignal): Promise<Choice> {
  const { clone, good, bad, fixed, pre } = options;
  if (clone !== null) {
    const before = await commitsBetween(
      clone,
      { flag: '--good', revision: good },
      { flag: '--bad', revision: bad },
    );
    const after =
      fixed === null
        ? []
        : await commitsBetween(clone, { flag: '--bad', revision: bad }, { flag: '--fixed', revision: fixed });
    const commits = [...before, ...after.slice(1)];
    return {
      releases: commits.map(({ short }) => short),
      bad: before.length - 1,
      specOf: (release) =>
        `${commits[release]?.short ?? ''}=git:${resolve(clone)}@${commits[release]?.hash ?? ''}`,
    };
  }
  const names =
    options.releases ??
    (await listReleases(options.package, { python: options.run.python ?? undefined, pre, signal }));
  const choice = candidates(names, { good, bad, fixed });
  return {
    ...choice,
    specOf: (release) => `${choice.releases[release]}=${options.package}==${choice.releases[release]}`,
  };
}
