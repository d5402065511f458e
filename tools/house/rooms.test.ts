import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../harness/model/package-root.ts';
import { circles, importCounts, importsIn, importsOf, productFiles, ROOMS, roomOf } from './rooms.ts';

const LONGEST_FILE_LINES = 500;

const files = productFiles();
const imports = importsOf(files);

test('every room is in the table, and the table names no other', () => {
  expect([...new Set(files.map(roomOf))].sort()).toEqual(ROOMS.map(({ name }) => name).sort());
});

test('the rooms import what the table allows, and nothing is allowed that no file needs', () => {
  const counts = importCounts(imports);
  const found = Object.fromEntries(
    ROOMS.map(({ name }) => [name, [...(counts.get(name)?.keys() ?? [])].sort()]),
  );
  expect(found).toEqual(Object.fromEntries(ROOMS.map(({ name, mayImport }) => [name, mayImport])));
});

test('a room imports only rooms that stand above it in the table: no circle', () => {
  const order = ROOMS.map(({ name }) => name);
  const upwards = ROOMS.flatMap(({ name, mayImport }) =>
    mayImport.filter((other) => order.indexOf(other) >= order.indexOf(name)).map((other) => [name, other]),
  );
  expect(upwards).toEqual([]);
});

test('no files import each other in a circle', () => {
  expect(circles(imports)).toEqual([]);
});

test('what ships imports nothing that is only for development', () => {
  expect(imports.filter(({ to }) => to.startsWith('tools/'))).toEqual([]);
});

test('no file of the product or of the tools is longer than 500 lines', () => {
  const long = [...files, ...productFiles('tools')].filter(
    (path) => readFileSync(join(packageRoot(), path), 'utf8').split('\n').length > LONGEST_FILE_LINES,
  );
  expect(long).toEqual([]);
});

test('the page of the suites names every one of them', () => {
  const folder = join(packageRoot(), 'tools', 'suites');
  const suites = readdirSync(folder).flatMap((name) => /^(.*)\.test\.ts$/.exec(name)?.[1] ?? []);
  const rows = readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| `([^`]+)` \|/gm);
  expect([...rows].map(([, name]) => name)).toEqual(suites.sort());
});

test('a circle is seen', () => {
  const edge = (from: string, to: string) => ({ from, to, isTypeOnly: false });
  expect(circles([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toEqual([['b', 'c', 'b']]);
});

test.each([
  ["import { a } from './b.ts';", [{ to: 'harness/model/b.ts', isTypeOnly: false }]],
  ["import type { a } from '../run/b.ts';", [{ to: 'harness/run/b.ts', isTypeOnly: true }]],
  ["const { a } = await import('../run/b.ts');", [{ to: 'harness/run/b.ts', isTypeOnly: false }]],
])('an import is seen in %s', (text, expected) => {
  expect(importsIn('harness/model/a.ts', text)).toMatchObject(expected);
});
