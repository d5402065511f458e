import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { packageRoot } from '../model/package-root.ts';

/** Hash of the kernel-side runtime: the Python that every arm's kernel runs besides ipykernel. */
export async function runtimeHash(): Promise<string> {
  const folder = join(packageRoot(), 'arms', 'runtime');
  const names = (await readdir(folder)).filter((name) => /^soak_.*\.py$/.test(name)).sort();
  const hashes = await Promise.all(
    names.map(async (name) => [name, sha256(await readFile(join(folder, name)))]),
  );
  return sha256(canonicalJson(hashes));
}
