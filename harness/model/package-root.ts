import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/**
 * The folder of kernel-soak's own package.json, absolute: where arms and notebooks are.
 * The code runs as harness/*.ts and as dist/*.js, and a copy may be installed inside another project, so the
 * package is recognised by its name and not by a number of folders upwards.
 */
export function packageRoot(): string {
  found ??= rootAbove(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function rootAbove(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown };
      if (name === 'kernel-soak') return folder;
    }
    if (dirname(folder) === folder) {
      throw new Error(`No package.json of kernel-soak above ${start}: the installation is incomplete.`);
    }
  }
}
