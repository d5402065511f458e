import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../model/package-root.ts';

let address: string | null | undefined;

/** Where kernel-soak can be cloned from, as its package.json says; `null`: it does not say. */
function sourceAddress(): string | null {
  if (address === undefined) {
    const { repository } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
      repository?: string | { url?: string };
    };
    const url = typeof repository === 'string' ? repository : repository?.url;
    address = url?.replace(/^git\+/, '').replace(/\.git$/, '') ?? null;
  }
  return address;
}

/** How to get the version that made a report, without a full stop. @param version as the protocol names it */
export function sourceWords(version: string): string {
  const from = sourceAddress();
  const known = /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) ? ` ${version}` : '';
  return `Get kernel-soak${known}${from === null ? ' (a clone of its repository, or its package unpacked)' : ` from ${from}`}`;
}

/** What to type there. */
export function verifyCommands(): string {
  return 'npm ci\nnpm run soak -- verify DIR';
}
