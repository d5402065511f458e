import { readFileSync, writeFileSync } from 'node:fs';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';

/** First bytes of a counter file; the last one is the layout's version (arms/runtime/soak_counters.py). */
const MAGIC = Buffer.from('KSOAK\0\0\x01', 'latin1');
const SLOT_BYTES = 8;
const FILE_BYTES = MAGIC.length + SLOT_BYTES * KERNEL_COUNTERS.length;

/** Make a counter file with every counter at zero, for a kernel to map. */
export function createCounterFile(path: string): void {
  const file = Buffer.alloc(FILE_BYTES);
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
  const file = readFileSync(path);
  const isOurs = file.length >= FILE_BYTES && file.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isOurs) throw new Error(`${path} is not a counter file of this version`);
  return Object.fromEntries(
    KERNEL_COUNTERS.map((name, index) => [
      name,
      Number(file.readBigUInt64LE(MAGIC.length + SLOT_BYTES * index)),
    ]),
  ) as KernelCounters;
}
