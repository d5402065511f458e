import { homedir, hostname, userInfo } from 'node:os';

/** What of this machine must not be published. */
export interface PrivateNames {
  readonly home: string;
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
  return { home: homedir(), user, host: hostname() };
}

/**
 * Text of a kernel or notebook with the home folder as `~`, the user's and the host's name as `<user>` and
 * `<host>`: evidence is published, and tracebacks hold paths.
 */
export function publicText(text: string, names: PrivateNames = thisMachine()): string {
  let result = text;
  for (const home of [names.home, names.home.replaceAll('\\', '\\\\'), names.home.replaceAll('\\', '/')]) {
    if (home.length >= SHORTEST_NAME) result = result.replaceAll(home, '~');
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
