import { homedir } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { PathKind } from '../value-types.ts';

/**
 * A value of a file with its paths relative to the file's folder, so that an experiment is the same from
 * wherever it is run. `~/` is the home folder, as it is in the shell that a path would else have come from.
 */
export function pathsFromFile(paths: PathKind | undefined, value: string, file: string): string {
  const absolute = (path: string): string => {
    if (path === '~' || /^~[\\/]/.test(path)) return resolve(homedir(), path.slice(2));
    return isAbsolute(path) ? path : resolve(dirname(file), path);
  };
  switch (paths) {
    case 'path':
      return absolute(value);
    case 'path-or-command':
      return looksLikePath(value) ? absolute(value) : value;
    case 'latency':
      return value.startsWith('file:') ? `file:${absolute(value.slice('file:'.length))}` : value;
    case 'arm':
      return armPaths(value, absolute);
    case undefined:
      return value;
  }
}

/** `LABEL=WORD + WORD`: each word that is a folder, a patch, a clone or an environment. */
function armPaths(spec: string, absolute: (path: string) => string): string {
  const [, label = '', words = spec] = /^([A-Za-z0-9][A-Za-z0-9._-]*=(?!=))?(.*)$/s.exec(spec) ?? [];
  const resolved = words.split(/(\s+\+\s+)/).map((word) => {
    const [, prefix = '', path = ''] = /^((?:inert:)?(?:git:|env:)?)(.*)$/s.exec(word) ?? [];
    if (prefix === 'env:') return `${prefix}${absolute(path)}`;
    if (prefix.endsWith('git:')) {
      // The revision stays: what follows the last @.
      const cut = path.lastIndexOf('@');
      return cut <= 0 ? word : `${prefix}${absolute(path.slice(0, cut))}${path.slice(cut)}`;
    }
    return looksLikePath(path) ? `${prefix}${absolute(path)}` : word;
  });
  return `${label}${resolved.join('')}`;
}

function looksLikePath(value: string): boolean {
  return /^[.~]/.test(value) || /[\\/]/.test(value) || /\.(diff|patch|ya?ml|json|ipynb)$/i.test(value);
}
