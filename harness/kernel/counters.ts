import { writeFileSync } from 'node:fs';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { CLIENT_COUNTERS, type ClientCounters } from '../model/client.ts';
import { readKernelFile } from './kernel-file.ts';

/** First bytes of a counter file; the last one is the layout's version (arms/runtime/soak_counters.py). */
const MAGIC = Buffer.from('KSOAK\0\0\x01', 'latin1');
const SLOT_BYTES = 8;
const MAX_FILE_BYTES = 1 << 20;

/** Make a counter file with every counter at zero, for a kernel or a client to map. */
export function createCounterFile(path: string, names: readonly string[] = KERNEL_COUNTERS): void {
  const file = Buffer.alloc(fileBytes(names));
  MAGIC.copy(file);
  writeFileSync(path, file, { mode: 0o600, flag: 'wx' });
}

/**
 * Read the current counters. The file and the kernel's mapping are the same pages, so the kernel's writes are
 * visible at once, even after the kernel was killed.
 *
 * @returns `null` when the file is not a counter file any more: the process that writes it can remove or
 *   overwrite it
 */
export function readCounters(path: string): KernelCounters | null {
  return readNamedCounters(path, KERNEL_COUNTERS);
}

/** `readCounters` of a client's file. */
export function readClientCounters(path: string): ClientCounters | null {
  return readNamedCounters(path, CLIENT_COUNTERS);
}

function fileBytes(names: readonly string[]): number {
  return MAGIC.length + SLOT_BYTES * names.length;
}

function readNamedCounters<Name extends string>(
  path: string,
  names: readonly Name[],
): Record<Name, number> | null {
  const file = readKernelFile(path, MAX_FILE_BYTES);
  if (file === null || file.length !== fileBytes(names) || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
    return null;
  }
  const counters = names.map(
    (name, index) => [name, Number(file.readBigUInt64LE(MAGIC.length + SLOT_BYTES * index))] as const,
  );
  // Values that no counter can reach would make the journal unreadable.
  if (!counters.every(([, count]) => Number.isSafeInteger(count))) return null;
  return Object.fromEntries(counters) as Record<Name, number>;
}
