import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { layers, layersPicture, withRooms } from './architecture.ts';
import { ROOMS } from './rooms.ts';

const REMEDY = 'Run: node --import tsx tools/house/write-architecture.ts';
const docs = (...names: string[]) => readFileSync(join(packageRoot(), 'docs', ...names), 'utf8');

test('the architecture page shows the rooms as the table has them', () => {
  const page = docs('architecture.md');
  expect(page, REMEDY).toBe(withRooms(page));
});

test('so does its picture', () => {
  expect(docs('images', 'rooms.svg'), REMEDY).toBe(layersPicture());
});

test('a room stands above every room that it imports', () => {
  const heights = new Map(layers().flatMap((row, height) => row.map((name) => [name, height] as const)));
  for (const { name, mayImport } of ROOMS) {
    for (const other of mayImport) expect(heights.get(other)).toBeLessThan(heights.get(name) ?? 0);
  }
  expect(heights.size).toBe(ROOMS.length);
});
