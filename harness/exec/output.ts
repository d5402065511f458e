import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SoakError } from '../model/errors.ts';

/** `NAME.ipynb` becomes `NAME.executed.ipynb` beside it. */
export function defaultOutput(notebook: string): string {
  const name = basename(notebook).replace(/\.ipynb$/i, '');
  return join(dirname(notebook), `${name}.executed.ipynb`);
}

/**
 * Where the executed notebook goes, as an absolute path. Checked before a kernel is started.
 *
 * @throws SoakError `would-overwrite` if it is the input and `inplace` was not given; `bad-output` if its folder does
 *   not exist, or if it is a folder itself
 */
export async function checkedOutput(
  notebook: string,
  output: string | undefined,
  inplace: boolean,
): Promise<string> {
  const path = resolve(inplace ? await realpath(notebook) : (output ?? defaultOutput(notebook)));
  if (!inplace && (await isSameFile(notebook, path))) {
    throw new SoakError('would-overwrite', `--output ${output ?? path} is the notebook itself.`, {
      remedy: 'Give another file, or --inplace if that is what you want.',
    });
  }
  const folder = await stat(dirname(path)).catch(() => null);
  if (folder?.isDirectory() !== true) {
    throw new SoakError('bad-output', `The folder ${dirname(path)} does not exist.`, {
      remedy: 'Make it, or give another --output.',
    });
  }
  if ((await stat(path).catch(() => null))?.isDirectory() === true) {
    throw new SoakError('bad-output', `--output ${path} is a folder.`, {
      remedy: 'Give the name of a file in it.',
    });
  }
  return path;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => stat(path).catch(() => null)));
  return first != null && second != null && first.ino === second.ino && first.dev === second.dev;
}
