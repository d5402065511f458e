import { explain, rcompare } from '@renovatebot/pep440';
import { SoakError } from '../../model/errors.ts';
import { quoted } from '../../model/quoted.ts';
import type { Interpreter } from './interpreter.ts';

/** Releases that a refusal names on each side of the one asked for. */
const NEAR_RELEASES = 3;
const NEWEST_RELEASES = 5;
const QUOTED_LINE_LENGTH = 200;

const NO_VERSION = /satisfies the requirement (\S+?)\s+\(from versions: ([^)]*)\)/;
const NOT_BUILT =
  /failed building wheel for (\S+)|failed to build[ :`']+([A-Za-z0-9][\w.-]*)|failed to build installable wheels/i;
const NOT_PREPARED =
  /subprocess-exited-with-error|metadata-generation-failed|build backend (?:failed|returned an error)/i;
const CONFLICT = /resolutionimpossible|conflicting dependencies/i;
/** pip's lines after "The conflict is caused by:". */
const CAUSE = /^\s+(?:The user requested|\S+ \S+ depends on) .+$/gm;

/**
 * Why an installer refused the packages themselves, as opposed to what is around it.
 *
 * @param output of the installer, both streams
 * @returns `no-such-version` with the nearest releases, `package-not-built`, `conflicting-requirements`, all
 *   with the exit code of bad input; `null` for any other failure
 */
export function installRefusal(output: string, interpreter: Interpreter): SoakError | null {
  return (
    noSuchVersion(output, interpreter) ?? notBuilt(output, interpreter) ?? conflicting(output) // last: pip speaks of a conflict also where a release cannot be built
  );
}

function noSuchVersion(output: string, { version }: Interpreter): SoakError | null {
  const [, requirement = '', list = ''] = NO_VERSION.exec(output) ?? [];
  const name = /^[\w.-]+/.exec(requirement)?.[0] ?? '';
  if (name === '') return null;
  // Releases that pip knows and leaves out, since they are for other Pythons, are not in its list.
  const releases = list.split(/[\s,]+/).filter((release) => explain(release) !== null);
  if (releases.length === 0) {
    return new SoakError(
      'no-such-version',
      `There is no release of ${quoted(name)} for Python ${version} in the package index.`,
      { remedy: 'Check the name, or choose another Python for the arm, such as py3.12.' },
    );
  }
  const wanted = /^[\w.-]+==([^,*]+)$/.exec(requirement)?.[1] ?? null;
  return new SoakError(
    'no-such-version',
    `No release of ${name} for Python ${version} satisfies ${requirement}.`,
    {
      remedy: `${wanted === null ? 'The newest are' : 'The nearest are'} ${neighbours(releases, wanted).join(', ')}.`,
    },
  );
}

/** Final releases on both sides of a version, ascending; the newest where there is no version to be near to. */
function neighbours(releases: readonly string[], wanted: string | null): string[] {
  const finals = releases.filter((release) => explain(release)?.is_prerelease === false);
  const newestFirst = [...(finals.length > 0 ? finals : releases)].sort(rcompare);
  if (wanted === null || explain(wanted) === null) return newestFirst.slice(0, NEWEST_RELEASES).reverse();
  const later = newestFirst.filter((release) => rcompare(release, wanted) < 0).slice(-NEAR_RELEASES);
  const earlier = newestFirst.filter((release) => rcompare(release, wanted) > 0).slice(0, NEAR_RELEASES);
  return [...later, ...earlier].reverse();
}

function notBuilt(output: string, { version, platform }: Interpreter): SoakError | null {
  const [line, pip, uv] = NOT_BUILT.exec(output) ?? [];
  if (line === undefined && !NOT_PREPARED.test(output)) return null;
  const what = pip ?? uv;
  const reasons = output
    .split(/\r?\n/)
    .map((each) => each.trim())
    .filter((each) => /^(?:\w+Error|error|fatal error)\b.*:/.test(each) && !/subprocess-exited/.test(each));
  const reason = reasons.at(-1)?.slice(0, QUOTED_LINE_LENGTH);
  return new SoakError(
    'package-not-built',
    `${what === undefined ? 'A package' : what.replace(/[.,:]+$/, '')} has no wheel for Python ${version} on ${platform}, and could not be compiled here${reason === undefined ? '' : `: ${reason}`}.`,
    { remedy: 'Choose a release with a wheel for this Python, or a Python that the release has wheels for.' },
  );
}

function conflicting(output: string): SoakError | null {
  if (!CONFLICT.test(output)) return null;
  const causes = [...new Set(output.match(CAUSE) ?? [])].map((line) => line.trim());
  return new SoakError(
    'conflicting-requirements',
    `The packages of the environment contradict each other${causes.length === 0 ? '' : `: ${causes.slice(0, 6).join('; ')}`}.`,
    {
      remedy:
        'Choose versions that fit together. If a package requires another version of a second one, require that version too.',
    },
  );
}
