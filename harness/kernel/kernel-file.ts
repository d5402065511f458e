import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

// Windows has neither flag. It has no pipes under file names.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

// With these errors, this process cannot open more files. They say nothing about what a kernel wrote.
const OURS: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Read a file that a kernel, client or notebook can write to or replace. It may have become a pipe, which
 * would block, or a device or a link to one, which never ends.
 *
 * @returns `null` where there is no regular file of at most `maxBytes`
 * @throws Error when the system gives this process no more files or memory
 */
export function readKernelFile(path: string, maxBytes: number): Buffer | null {
  let file: number;
  try {
    file = openSync(path, OPEN_FLAGS);
  } catch (error) {
    if (OURS.has((error as NodeJS.ErrnoException).code)) throw error;
    return null; // not written yet, removed, or no file
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > maxBytes) return null;
    const bytes = Buffer.alloc(facts.size);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, length);
      if (read === 0) break; // cut short meanwhile
      length += read;
    }
    return bytes.subarray(0, length);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

/** `readKernelFile` as JSON, unchecked; `null` also where it is none. */
export function readKernelJson(path: string, maxBytes: number): unknown {
  const bytes = readKernelFile(path, maxBytes);
  if (bytes === null) return null;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
