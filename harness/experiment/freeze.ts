import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Notebook } from '../frontend/notebook.ts';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { packageRoot } from '../model/package-root.ts';
import type { ProtocolNotebook } from '../model/protocol.ts';

/** Version of kernel-soak, from its package.json. */
export async function harnessVersion(): Promise<string> {
  const text = await readFile(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Hash of the kernel-side runtime: the Python that every arm's kernel runs besides ipykernel. */
export async function runtimeHash(): Promise<string> {
  const folder = join(packageRoot(), 'arms', 'runtime');
  const names = (await readdir(folder)).filter((name) => /^soak_.*\.py$/.test(name)).sort();
  const hashes = await Promise.all(
    names.map(async (name) => [name, sha256(await readFile(join(folder, name)))]),
  );
  return sha256(canonicalJson(hashes));
}

/** A notebook as the protocol names it. */
export function protocolNotebook(notebook: Notebook): ProtocolNotebook {
  return {
    name: notebook.name,
    sha256: notebook.sha256,
    codeCells: notebook.codeCells.map(({ index }) => index),
  };
}
