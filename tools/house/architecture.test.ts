import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { layers, layersPicture, withRooms } from './architecture.ts';
import { ROOMS } from './rooms.ts';

const PAGE = join(packageRoot(), 'docs', 'architecture.md');
const PICTURE = join(packageRoot(), 'docs', 'images', 'rooms.svg');

test.each([
  [PAGE, () => withRooms(readFileSync(PAGE, 'utf8'))],
  [PICTURE, layersPicture],
])('%s shows the rooms as the table has them (UPDATE_DOCS=1 writes it anew)', (file, made) => {
  const text = made();
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a room stands above every room that it imports', () => {
  const heights = new Map(layers().flatMap((row, height) => row.map((name) => [name, height] as const)));
  for (const { name, mayImport } of ROOMS) {
    for (const other of mayImport) expect(heights.get(other)).toBeLessThan(heights.get(name) ?? 0);
  }
  expect(heights.size).toBe(ROOMS.length);
});
