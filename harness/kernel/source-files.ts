import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { canonicalJson, sha256 } from '../model/canonical.ts';

/** SHA-256 of each file by its path, with `/`: below an overlay, or `site:` and below a site-packages folder. */
export type SourceHashes = Readonly<Record<string, string>>;

/** Files below a folder that satisfy `wanted`, links followed, by path relative to the folder, with `/`. */
export async function filesBelow(
  folder: string,
  wanted: (path: string) => boolean,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const path of await readdir(folder, { recursive: true })) {
    const relative = path.replaceAll('\\', '/');
    if (!wanted(relative)) continue;
    const whole = join(folder, path);
    if ((await stat(whole)).isFile()) files.set(relative, await readFile(whole));
  }
  return files;
}

export function hashesOf(files: ReadonlyMap<string, Buffer>): Record<string, string> {
  return Object.fromEntries([...files].map(([path, bytes]) => [path, sha256(bytes)]));
}

/** One hash for a set of files: names and contents, independent of order. */
export function treeHash(sources: SourceHashes): string {
  return sha256(canonicalJson(sources));
}

/** What an environment has of the packages that a kernel loads besides its overlay. */
export interface SiteSources {
  /** Absolute folder of each package by its import name. */
  readonly folders: Readonly<Record<string, string>>;
  /** Every module of them. */
  readonly sources: SourceHashes;
}

/** Whether Python imports such a file. */
export function isModule(path: string): boolean {
  return /\.(?:py|so|pyd)$/.test(path);
}

/** Read the packages of an environment as they are now: what its kernels must then say that they loaded. */
export async function siteSources(folders: Readonly<Record<string, string>>): Promise<SiteSources> {
  const sources: Record<string, string> = {};
  for (const folder of Object.values(folders)) {
    const hashes = hashesOf(await filesBelow(folder, isModule));
    for (const [path, hash] of Object.entries(hashes)) sources[`site:${basename(folder)}/${path}`] = hash;
  }
  return { folders, sources };
}

/** The part of them that an overlay does not have itself. */
export function siteSourcesWithout(site: SiteSources, packages: readonly string[]): SiteSources {
  const isKept = (name: string) => !packages.includes(name);
  return {
    folders: Object.fromEntries(Object.entries(site.folders).filter(([name]) => isKept(name))),
    sources: Object.fromEntries(
      Object.entries(site.sources).filter(([path]) => isKept(path.slice('site:'.length).split('/')[0] ?? '')),
    ),
  };
}
