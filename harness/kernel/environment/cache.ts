import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import envPaths from 'env-paths';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../../model/canonical.ts';
import { DeadlinePassed, deadlineMs, fileWithDeadline } from '../../model/deadlines.ts';
import { EXIT_CODES, SoakError } from '../../model/errors.ts';
import { makeFolder } from '../../model/make-folder.ts';
import { readInput } from '../../model/read-input.ts';
import type { Interpreter } from './interpreter.ts';

/** Part of every key: raise it when environments of an earlier layout must not be used. */
const FORMAT = 1;

/**
 * A lock whose holder has not renewed it for this long is a dead holder's. Generous, because a laptop that
 * wakes or a busy machine renews late; a killed installation delays the next one by at most this.
 */
const LOCK_STALE_MS = 20_000;
const LOCK_RENEW_MS = 4_000;
const LOCK_POLL_MS = 250;

/** Hexadecimal digits of a key: 64 bits; full hashes would bring paths near Windows' limit of 260. */
const KEY_DIGITS = 16;

/**
 * A key's place in the cache. Each installation goes into a folder of its own, and the marker, written last,
 * names the finished one: what a killed or late installer still writes cannot reach it.
 */
export interface Slot {
  readonly key: string;
  readonly folder: string;
  readonly markerPath: string;
  readonly lockPath: string;
}

const markerSchema = z.object({
  format: z.literal(FORMAT),
  /** Name of the finished installation's folder, in the slot's folder. */
  folder: z.string().regex(/^[0-9a-f]+$/),
  installer: z.enum(['uv', 'pip']),
  /** Everything that was installed: an environment that differs from it has been altered. */
  packages: z.record(z.string(), z.string()),
});
export type Marker = z.infer<typeof markerSchema>;

/** The cache folder, absolute: `given`, else KERNEL_SOAK_CACHE, else where the system keeps caches. */
export function cacheFolder(given?: string): string {
  const chosen = given ?? (process.env['KERNEL_SOAK_CACHE'] || envPaths('kernel-soak', { suffix: '' }).cache);
  return resolve(chosen);
}

/** The key of an environment: a hash of everything that decides what an installation puts into it. */
export function environmentKey(
  interpreter: Interpreter,
  lock: string,
  requirements: readonly string[] | undefined,
  pins: readonly string[] = [],
): string {
  const { version, implementation, platform, freeThreaded, base } = interpreter;
  const inputs = {
    ...(pins.length === 0 ? {} : { pins }),
    format: FORMAT,
    interpreter: { version, implementation, platform, freeThreaded, base },
    lock,
    requirements: requirements ?? null,
  };
  return sha256(canonicalJson(inputs)).slice(0, KEY_DIGITS);
}

/** The key of an environment that was not made here: what it runs and what is installed in it. */
export function givenEnvironmentKey(interpreter: Interpreter, packages: Record<string, string>): string {
  const { version, implementation, platform, freeThreaded } = interpreter;
  const inputs = { format: FORMAT, version, implementation, platform, freeThreaded, packages };
  return sha256(canonicalJson(inputs)).slice(0, KEY_DIGITS);
}

export function slotOf(cache: string, key: string): Slot {
  const environments = join(cache, 'environments');
  const folder = join(environments, key);
  return {
    key,
    folder,
    markerPath: join(folder, 'complete.json'),
    lockPath: join(environments, `${key}.lock`),
  };
}

/** The marker of a finished installation; `null` when there is none, or none that can be read. */
export async function readMarker(slot: Slot): Promise<Marker | null> {
  try {
    return markerSchema.parse(JSON.parse(String(await readInput(slot.markerPath))));
  } catch {
    // Absent, of another format or damaged: in each case nothing here can be relied on.
    return null;
  }
}

/** Declares an installation finished. Atomic, and on disk when it returns. */
export function writeMarker(slot: Slot, marker: Marker): Promise<void> {
  return fileWithDeadline('write-cache', writtenMarker(slot, marker));
}

async function writtenMarker(slot: Slot, marker: Marker): Promise<void> {
  const temporary = `${slot.markerPath}.${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(`${JSON.stringify(marker, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, slot.markerPath);
}

/** Empties a slot, the marker first, so that a half-emptied one is never taken for finished. */
export function clearSlot(slot: Slot, onProgress: (line: string) => void): Promise<void> {
  return fileWithDeadline('write-cache', clearedSlot(slot, onProgress));
}

async function clearedSlot(slot: Slot, onProgress: (line: string) => void): Promise<void> {
  await makeFolder(slot.folder);
  await rm(slot.markerPath, { force: true });
  for (const name of await readdir(slot.folder)) {
    const path = join(slot.folder, name);
    await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch((error: Error) => {
      // A kernel that still runs from it (Windows) or a killed installer's last child; harmless beside a new one.
      onProgress(`An earlier installation could not be removed: ${error.message}`);
    });
  }
}

/**
 * Runs `work` while no other process does so for the same slot; says once that it waits. `work` gets a signal
 * that also aborts when the lock is lost, for example because this machine slept.
 *
 * @throws SoakError `cache-not-writable` or `disk-full`; DeadlinePassed when the other does not finish; whatever
 *   `work` throws.
 */
export async function withSlotLocked<Result>(
  slot: Slot,
  options: { onProgress: (line: string) => void; signal: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lost = new AbortController();
  try {
    await fileWithDeadline('make-folder', makeFolder(slot.folder));
    const release = await acquire(slot, options, lost);
    try {
      const signals = options.signal ? [options.signal, lost.signal] : [lost.signal];
      return await work(AbortSignal.any(signals));
    } finally {
      // A lock that was lost is another process's now.
      if (!lost.signal.aborted) await fileWithDeadline('make-folder', release());
    }
  } catch (error) {
    throw fileSystemError(error, slot.folder);
  }
}

async function acquire(
  slot: Slot,
  options: { onProgress: (line: string) => void; signal: AbortSignal | undefined },
  lost: AbortController,
): Promise<() => Promise<void>> {
  // Loaded here: it hooks into process exit, and a cached environment needs no lock.
  const { default: lockfile } = await import('proper-lockfile');
  const dueMs = performance.now() + deadlineMs('environment-lock');
  for (let waiting = false; ; waiting = true) {
    options.signal?.throwIfAborted();
    if (performance.now() >= dueMs) throw new DeadlinePassed('environment-lock', undefined);
    try {
      const locked = lockfile.lock(slot.folder, {
        lockfilePath: slot.lockPath,
        realpath: false,
        stale: LOCK_STALE_MS,
        update: LOCK_RENEW_MS,
        onCompromised: (cause) =>
          lost.abort(
            new SoakError(
              'environment-lock-lost',
              'Another process has taken over the installation of the kernel environment.',
              {
                remedy: 'Run the command again: it waits for the other process.',
                exitCode: EXIT_CODES.environment,
                cause,
              },
            ),
          ),
      });
      return await fileWithDeadline('make-folder', locked);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!waiting) options.onProgress('Another process is making this kernel environment: waiting for it');
    }
    await delay(LOCK_POLL_MS, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {});
  }
}

/** A file-system error in the cache as a SoakError; anything else as it is. */
export function fileSystemError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof SoakError || typeof code !== 'string') return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFullError(path, error);
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'EEXIST'].includes(code)) return error;
  return new SoakError('cache-not-writable', `The cache folder ${path} cannot be written (${code}).`, {
    remedy: 'Make it writable, or set KERNEL_SOAK_CACHE to a folder that is.',
    exitCode: EXIT_CODES.environment,
    cause: error,
  });
}

export function diskFullError(path: string, cause?: unknown): SoakError {
  return new SoakError('disk-full', `The disk is too full for the kernel environment (${path}).`, {
    remedy: 'Free about 500 MB, or set KERNEL_SOAK_CACHE to a folder on another disk.',
    exitCode: EXIT_CODES.environment,
    cause,
  });
}
