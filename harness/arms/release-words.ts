import { valid } from '@renovatebot/pep440';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';
import { normalisedName } from './arm-environment.ts';

/**
 * Releases as people write them: `7.2.0`, `ipykernel@7.2.0`, `ipykernel 7.2.0`, `ipykernel=7.2.0` (conda), and
 * `ipykernel-7.2.0`, which is the label that an arm `ipykernel==7.2.0` gets here.
 */

/** Packages of a Jupyter kernel, any of which may be meant without `==`. No arm that ships has such a name. */
const PACKAGES = [
  'comm',
  'debugpy',
  'ipykernel',
  'ipython',
  'ipywidgets',
  'jupyter-client',
  'jupyter-core',
  'matplotlib-inline',
  'nbclient',
  'psutil',
  'pyzmq',
  'tornado',
  'traitlets',
];

const VERSION = String.raw`v?(\d+(?:\.\w+)+)`;
const BARE = new RegExp(`^${VERSION}$`, 'i');
const NAMED = new RegExp(String.raw`^([A-Za-z][A-Za-z0-9._-]*?)\s*(?:\s|[-_@:=])\s*${VERSION}$`, 'i');
const WITH_PYTHON = /^(.+)-(py3\.\d{1,2}(?:\.\d{1,2})?t?)$/i;
/** What separates the words of one arm. White space is part of it, because a folder's name may have a plus. */
export const BETWEEN_WORDS = /\s+\+\s+/;

/**
 * An arm's words with each release in the spelling that pip takes. Words that are none stay as they are, so that a
 * source in the right spelling comes back unchanged.
 *
 * @param label what stands before `=`; it may be a package, as conda writes `ipykernel=7.2.0`
 * @throws SoakError `bad-arm` where it is not clear which package a version is of
 */
export function withReleases(
  label: string | null,
  source: string,
): { readonly label: string | null; readonly source: string } {
  const words = source.split(BETWEEN_WORDS);
  const place = label === null ? -1 : words.findIndex((word) => bareVersion(word) !== null);
  const bare = bareVersion(words[place] ?? '');
  if (label !== null && bare !== null) {
    if (isPackage(label) && place === 0) {
      return withReleases(null, [`${normalisedName(label)}==${bare}`, ...words.slice(1)].join(' + '));
    }
    throw new SoakError(
      'bad-arm',
      `--arm ${quoted(`${label}=${source}`)} cannot be used: ${quoted(bare)} is a version, but of which package?`,
      { remedy: `Write ${label}=ipykernel==${bare}. Or, if ${label} is the package: ${label}==${bare}.` },
    );
  }
  const spelled = words.map(spelledWord);
  const isSame = spelled.every((word, index) => word === words[index]);
  return { label, source: isSame ? source : spelled.join(' + ') };
}

function spelledWord(word: string): string {
  const release = spelledRelease(word);
  if (release !== null) return release;
  const [, front, python] = WITH_PYTHON.exec(word) ?? [];
  const before = front === undefined ? null : spelledRelease(front);
  return before === null ? word : `${before} + ${python}`;
}

function spelledRelease(word: string): string | null {
  const bare = bareVersion(word);
  if (bare !== null) {
    if (/^3\.\d+/.test(bare)) {
      throw new SoakError(
        'bad-arm',
        `--arm ${quoted(word)} cannot be used: is it a Python or an ipykernel?`,
        {
          remedy: `Write py${bare} for a Python, or ipykernel==${bare}.`,
        },
      );
    }
    return `ipykernel==${bare}`;
  }
  const [, name, version] = NAMED.exec(word) ?? [];
  if (name === undefined || version === undefined || valid(version) === null) return null;
  return isPackage(name) ? `${normalisedName(name)}==${version}` : null;
}

/**
 * The requirement that an unknown word may stand for, such as `pandas==2.3.3` for `pandas-2.3.3`; `null`: it has no
 * version at its end. A word whose package is not one of a kernel's could be an arm's name, so it is only offered.
 */
export function offeredRelease(word: string): string | null {
  const [, name, version] = NAMED.exec(word) ?? [];
  return name === undefined || version === undefined || valid(version) === null
    ? null
    : `${name}==${version}`;
}

function bareVersion(word: string): string | null {
  const version = BARE.exec(word.trim())?.[1];
  return version === undefined || valid(version) === null ? null : version;
}

function isPackage(name: string): boolean {
  return PACKAGES.includes(normalisedName(name));
}
