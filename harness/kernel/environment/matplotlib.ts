import { randomBytes } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeadlinePassed, deadlineMs } from '../../model/deadlines.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { runCommand } from './run-command.ts';

/**
 * Makes a MPLCONFIGDIR with matplotlib's font cache in it, once for all kernels: otherwise each kernel's first
 * plot builds it, or waits for another kernel that does, and the run looks slow. Returns the folder, or `null`
 * when it could not be made (which `onProgress` is told): kernels then build their own.
 */
export async function warmMatplotlib(
  python: string,
  folder: string,
  options: { onProgress: (line: string) => void; signal: AbortSignal | undefined },
): Promise<string | null> {
  if (await exists(folder)) return folder;
  options.onProgress("Building matplotlib's font cache");
  const temporary = `${folder}.${randomBytes(4).toString('hex')}`;
  await makeFolder(temporary);
  try {
    const result = await runCommand(python, ['-I', '-c', 'import matplotlib.font_manager'], {
      cwd: dirname(folder),
      env: { ...process.env, MPLCONFIGDIR: temporary },
      timeoutMs: deadlineMs('font-cache'),
      signal: options.signal,
    });
    if (result.code !== 0) {
      const last = result.timedOut
        ? new DeadlinePassed('font-cache', undefined).message
        : (result.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '');
      options.onProgress(`matplotlib's font cache could not be built: ${last}`);
      return null;
    }
    await rename(temporary, folder).catch(async (error: Error) => {
      // Another process was first: its folder is as good.
      if (!(await exists(folder))) throw error;
    });
    return folder;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
