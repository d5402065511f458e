import { readFileSync, writeFileSync } from 'node:fs';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { CLIENT_COUNTERS, type ClientCounters } from '../model/client.ts';

/** First bytes of a counter file; the last one is the layout's version (arms/runtime/soak_counters.py). */
const MAGIC = Buffer.from('KSOAK\0\0\x01', 'latin1');
const SLOT_BYTES = 8;

/** Make a counter file with every counter at zero, for a kernel or a client to map. */
export function createCounterFile(path: string, names: readonly string[] = KERNEL_COUNTERS): void {
  const file = Buffer.alloc(fileBytes(names));
  MAGIC.copy(file);
  writeFileSync(path, file, { mode: 0o600, flag: 'wx' });
}

/**
 * Read the counters as they stand: the kernel's writes are seen at once, also after it was killed,
 * since the file and the kernel's mapping are the same pages.
 *
 * @throws Error when the file is not a counter file of this version
 */
export function readCounters(path: string): KernelCounters {
  return readNamedCounters(path, KERNEL_COUNTERS);
}

/** `readCounters` of a client's file. */
export function readClientCounters(path: string): ClientCounters {
  return readNamedCounters(path, CLIENT_COUNTERS);
}

function fileBytes(names: readonly string[]): number {
  return MAGIC.length + SLOT_BYTES * names.length;
}

function readNamedCounters<Name extends string>(path: string, names: readonly Name[]): Record<Name, number> {
  const file = readFileSync(path);
  const isOurs = file.length >= fileBytes(names) && file.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isOurs) throw new Error(`${path} is not a counter file of this version`);
  return Object.fromEntries(
    names.map((name, index) => [name, Number(file.readBigUInt64LE(MAGIC.length + SLOT_BYTES * index))]),
  ) as Record<Name, number>;
}
