import { homedir, hostname, userInfo } from 'node:os';
import { packageRoot } from './package-root.ts';

/** What of this machine must not be published. */
export interface PrivateNames {
  readonly home: string;
  /** Where kernel-soak itself lies: tracebacks of its runtime hold it. */
  readonly root?: string;
  readonly user: string;
  readonly host: string;
}

/** Names shorter than this, or as common as this, are not told from ordinary words. */
const SHORTEST_NAME = 3;
const COMMON_NAMES = new Set(['root', 'user', 'admin', 'runner', 'localhost', 'home']);

function thisMachine(): PrivateNames {
  let user = '';
  try {
    user = userInfo().username;
  } catch {
    // A process may run as a user that has no name: then there is none to hide.
  }
  return { home: homedir(), root: packageRoot(), user, host: hostname() };
}

/**
 * Text of a kernel or notebook with the home folder as `~`, kernel-soak's own as `<kernel-soak>`, the user's
 * and the host's name as `<user>` and `<host>`: evidence is published, and tracebacks hold paths.
 */
export function publicText(text: string, names: PrivateNames = thisMachine()): string {
  let result = text;
  // The inner folder first: the package often lies in the home folder.
  for (const [folder, word] of [
    [names.root ?? '', '<kernel-soak>'],
    [names.home, '~'],
  ] as const) {
    for (const spelt of [folder, folder.replaceAll('\\', '\\\\'), folder.replaceAll('\\', '/')]) {
      if (spelt.length >= SHORTEST_NAME) result = result.replaceAll(spelt, word);
    }
  }
  for (const [name, word] of [
    [names.user, '<user>'],
    [names.host, '<host>'],
  ] as const) {
    if (name.length < SHORTEST_NAME || COMMON_NAMES.has(name.toLowerCase())) continue;
    const pattern = new RegExp(
      `(?<![A-Za-z0-9])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![A-Za-z0-9])`,
      'g',
    );
    result = result.replace(pattern, word);
  }
  return result;
}
