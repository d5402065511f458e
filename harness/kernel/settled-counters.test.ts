import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { KERNEL_COUNTERS, type KernelCounters } from '../model/arm.ts';
import { createCounterFile } from './counters.ts';
import { awaitSettledCounters } from './settled-counters.ts';

let path: string;

beforeEach(() => {
  path = join(temporaryFolder(), 'counters.bin');
  createCounterFile(path);
});

function count(counters: Partial<KernelCounters>): void {
  const file = readFileSync(path);
  for (const [name, value] of Object.entries(counters)) {
    file.writeBigUInt64LE(BigInt(value), 8 + 8 * KERNEL_COUNTERS.indexOf(name as keyof KernelCounters));
  }
  writeFileSync(path, file);
}

test('what a kernel has begun is waited for, though nothing moves for longer than one at rest takes', async () => {
  count({ delivered: 7, begun: 7, ended: 6 });
  const settled = awaitSettledCounters(path);
  await delay(150);
  count({ ended: 7 });
  expect(await settled).toMatchObject({ begun: 7, ended: 7 });
});

test('one that never ends it is read as it stands', async () => {
  count({ delivered: 7, begun: 7, ended: 6 });
  expect(await awaitSettledCounters(path)).toMatchObject({ begun: 7, ended: 6 });
});

test('there are none of a file that is gone', async () => {
  rmSync(path);
  expect(await awaitSettledCounters(path)).toBeNull();
});
