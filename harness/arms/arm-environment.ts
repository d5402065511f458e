import { validRange } from '@renovatebot/pep440';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

/**
 * What an arm asks of its kernel environment: releases of packages, a Python. Only names and versions can be asked for.
 * Anything that an installer would read as an option, an address or a file is refused, because an arm's text becomes a
 * line of a requirements file.
 */

/** What an arm's environment has in addition to the default packages, and in place of the default Python. */
export interface WantedEnvironment {
  /** Normalised and sorted, one a package. */
  readonly requirements: readonly string[];
  /** `3.13`, `3.13.1` or `3.13t`; `null`: the experiment's. */
  readonly python: string | null;
  /** Versions that hold for what the requirements bring with them, before those of the harness's own lock. Absent: none. */
  readonly pins?: readonly string[];
  /** The requirements describe a whole environment: of the default packages only a kernel's own are added. */
  readonly isWhole?: boolean;
  /** Folder or interpreter of an environment whose packages are copied. */
  readonly copyOf?: string;
  /** The files that it was read from, without folders. */
  readonly files?: readonly { readonly name: string; readonly sha256: string }[];
  /** What could not be taken over, each with the reason. */
  readonly leftOut?: readonly string[];
}

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const REQUIREMENT = new RegExp(String.raw`^(${NAME})[ ]*(\[[^\]]*\])?[ ]*(.*)$`, 's');
const BEGINS_REQUIREMENT = new RegExp(
  String.raw`^\s*${NAME}\s*(?:\[[^\]]*\])?\s*(?:[=~!<>]=|[<>]|@\s|;|===)`,
  's',
);
// One clause. `validRange` checks that a wildcard stands only after == or !=.
const CLAUSE = /^(?:===|==|~=|!=|<=|>=|<|>) *[A-Za-z0-9.*+!_-]+$/;
const PYTHON = /^py(?:thon)?-?(3\.\d{1,2}(?:\.\d{1,2})?t?)$/i;

/** Whether a word of an arm is meant as a requirement, valid or not. */
export function looksLikeRequirement(word: string): boolean {
  return (
    BEGINS_REQUIREMENT.test(word) ||
    word.trimStart().startsWith('-') ||
    /^[a-z][a-z+]*:\/\//i.test(word) ||
    /\.(?:whl|tar\.gz|zip)$/i.test(word)
  );
}

/** The version that `py3.13` asks for, `null` for a word that asks for no Python. */
export function pythonOf(word: string): string | null {
  return PYTHON.exec(word)?.[1]?.toLowerCase() ?? null;
}

/** The name of a package, or of an extra, in its one spelling (PEP 503). */
export function normalisedName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/**
 * A requirement in its one spelling: normalised name (PEP 503), sorted extras and clauses, no white space.
 *
 * @throws SoakError `bad-requirement` for anything that is not a name with versions
 */
export function normalisedRequirement(text: string): string {
  const bad = (reason: string) =>
    new SoakError('bad-requirement', `The requirement ${quoted(text)} cannot be used: ${reason}.`, {
      remedy: 'Give a package and its versions alone, such as ipykernel==7.4.0 or "pyzmq>=26,<27".',
    });
  if (/\p{Cc}/u.test(text)) throw bad('it has a line break or another control character');
  const plain = text.trim();
  if (plain.startsWith('-')) throw bad('it is an option of the installer, not a package');
  if (/:\/\/|\.(?:whl|tar\.gz|zip)$/i.test(plain) || /[\\/]/.test(plain) || /(?:^|\s)@|@\s/.test(plain)) {
    throw bad('it names an address or a file, but an arm takes released versions only');
  }
  if (/\s-/.test(plain)) throw bad('an option of the installer follows it');
  if (plain.includes(';')) throw bad('an environment marker would make the arm depend on the machine');
  const [, name, extras = '', versions = ''] = REQUIREMENT.exec(plain) ?? [];
  if (name === undefined) throw bad('it does not begin with the name of a package');
  const clauses = versions === '' ? [] : versions.split(',').map((clause) => clause.trim());
  const wrong = clauses.find((clause) => !CLAUSE.test(clause) || !validRange(clause.replaceAll(' ', '')));
  if (wrong !== undefined) throw bad(`${quoted(wrong)} is not a PEP 440 version clause`);
  const names = extras
    .slice(1, -1)
    .split(',')
    .map((extra) => extra.trim())
    .filter((extra) => extra !== '');
  if (names.some((extra) => !new RegExp(`^${NAME}$`).test(extra))) throw bad('its extras are not names');
  const suffix = names.length === 0 ? '' : `[${names.map(normalisedName).sort().join(',')}]`;
  return `${normalisedName(name)}${suffix}${clauses
    .map((clause) => clause.replaceAll(' ', ''))
    .sort()
    .join(',')}`;
}

/** Name and versions of a normalised requirement: `pandas[xml]==2.3.3` to `pandas` and `==2.3.3`. */
export function requirementParts(requirement: string): { readonly name: string; readonly versions: string } {
  const [, name = requirement, versions = ''] = /^([a-z0-9-]+)(?:\[[^\]]*\])?(.*)$/s.exec(requirement) ?? [];
  return { name, versions };
}

/**
 * @param requirements as given
 * @param python as given, `null` when none is
 * @throws SoakError `bad-requirement` for one that is not plain, or two of one package
 */
export function wantedEnvironment(
  requirements: readonly string[],
  python: string | null,
): WantedEnvironment | null {
  if (requirements.length === 0 && python === null) return null;
  const normalised = requirements.map(normalisedRequirement).sort();
  const names = normalised.map((requirement) => requirementParts(requirement).name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new SoakError('bad-requirement', `The package ${twice} is required twice in one arm.`, {
      remedy: `Give all its versions at once, such as "${twice}>=1,<2".`,
    });
  }
  return { requirements: normalised, python };
}
