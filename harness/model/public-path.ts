import { homedir } from 'node:os';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { packageRoot } from './package-root.ts';
import { publicText } from './public-text.ts';

/** Where a path is below a folder, with `/`; `null` where it is not below it or is the folder itself. */
function placeBelow(folder: string, path: string): string | null {
  const below = relative(folder, path);
  const isBelow = below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
  return isBelow ? below.split(sep).join('/') : null;
}

/**
 * A path as evidence may show it: relative to the repository or the working folder where it is below
 * one of them, with `~` for the home folder, its last part alone elsewhere, and never a user's name.
 *
 * @param home the home folder; a working folder above it, such as `/`, would give it away and is not used
 */
export function publicPath(path: string, home: string = homedir()): string {
  if (!/[\\/]/.test(path)) return publicText(path);
  const absolute = resolve(path);
  const bases = [packageRoot(), process.cwd()].filter((base) => placeBelow(base, home) === null);
  for (const base of bases) {
    const below = placeBelow(base, absolute);
    if (below !== null) return publicText(below);
  }
  if (absolute === home) return '~/';
  const fromHome = placeBelow(home, absolute);
  return publicText(fromHome === null ? `<path>/${absolute.split(sep).at(-1) ?? ''}` : `~/${fromHome}`);
}
