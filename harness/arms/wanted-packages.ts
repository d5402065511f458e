import { about, SoakError } from '../model/errors.ts';
import { requirementParts, type WantedEnvironment } from './arm-environment.ts';
import type { Arm } from './arms.ts';
import { markedRequirement, withoutMarker } from './package-files/package-list.ts';
import { type PackageFile, readPackageFile } from './package-files/read-package-file.ts';

/** The packages that every arm of an experiment has: `--with` and `--requirements`. */
export interface WantedPackages {
  readonly requirements: readonly string[];
  readonly pins: readonly string[];
  readonly isWhole: boolean;
  readonly files: readonly PackageFile[];
}

/**
 * Read the packages that every arm gets. What `--with` names goes before the same name in a file.
 *
 * @returns `null`: none are asked for
 * @throws SoakError `bad-requirement`, `bad-requirements`
 */
export async function readWantedPackages(
  names: readonly string[],
  paths: readonly string[],
): Promise<WantedPackages | null> {
  if (names.length === 0 && paths.length === 0) return null;
  const given: string[] = [];
  for (const value of names) {
    await about({ name: 'with', value }, () => {
      const requirement = markedRequirement(value, undefined);
      const twice = given.find((other) => nameOf(other) === nameOf(requirement));
      if (twice === undefined) return void given.push(requirement);
      throw new SoakError('bad-requirement', `--with names ${nameOf(requirement)} twice.`, {
        remedy: `Give all its versions at once, such as --with '${nameOf(requirement)}>=1,<2'.`,
      });
    });
  }
  const files: PackageFile[] = [];
  for (const value of paths) {
    files.push(await about({ name: 'requirements', value }, () => readPackageFile(value)));
  }
  const named = new Set(given.map(nameOf));
  const rest = (list: readonly string[]) => list.filter((each) => !named.has(nameOf(each)));
  return {
    requirements: [...new Set([...given, ...rest(files.flatMap((file) => file.requirements))])].sort(),
    pins: [...new Set(rest(files.flatMap((file) => file.pins)))].sort(),
    isWhole: files.some((file) => file.isWhole),
    files,
  };
}

/**
 * The arm with the experiment's packages besides its own. Where both name one, the arm's counts: that is what the arm is.
 *
 * @throws SoakError `bad-requirements` for a file beside a copy of an environment
 */
export function withPackages(arm: Arm, wanted: WantedPackages | null): Arm {
  if (wanted === null) return arm;
  const own: WantedEnvironment = arm.environment ?? { requirements: [], python: null };
  if (own.copyOf !== undefined && wanted.files.length > 0) {
    throw new SoakError(
      'bad-requirements',
      `The arm ${arm.name} is a copy of an environment, and --requirements describes another one.`,
      { remedy: 'Leave out one of them. To change single packages of the copy, give --with NAME==VERSION.' },
    );
  }
  const named = new Set(own.requirements.map(nameOf));
  const rest = (list: readonly string[]) => list.filter((each) => !named.has(nameOf(each)));
  const leftOut = wanted.files.flatMap((file) => file.leftOut);
  return {
    ...arm,
    environment: {
      ...own,
      requirements: [...own.requirements, ...rest(wanted.requirements)].sort(),
      ...(wanted.pins.length === 0 ? {} : { pins: rest(wanted.pins) }),
      ...(wanted.isWhole ? { isWhole: true } : {}),
      ...(wanted.files.length === 0
        ? {}
        : { files: wanted.files.map(({ name, sha256 }) => ({ name, sha256 })) }),
      ...(leftOut.length === 0 ? {} : { leftOut }),
    },
  };
}

/** The normalised name in a normalised requirement. */
export function nameOf(requirement: string): string {
  return requirementParts(withoutMarker(requirement)).name;
}
