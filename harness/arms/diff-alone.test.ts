import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch } from 'diff';
import { expect, test } from 'vitest';
import { packageRoot } from '../model/package-root.ts';
import { diffAlone } from './diff-alone.ts';

const DIFF = [
  'diff --git a/ipykernel/a.py b/ipykernel/a.py',
  'index 1111111..2222222 100644',
  '--- a/ipykernel/a.py',
  '+++ b/ipykernel/a.py',
  '@@ -1,3 +1,4 @@',
  ' one',
  '-two',
  '+From: somebody@example.org',
  '+three',
  ' four',
  '',
].join('\n');

const LETTER = [
  'From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001',
  'From: Ada Example <ada@example.org>',
  'Subject: [PATCH] Mend it',
  '',
  'Signed-off-by: Ada Example <ada@example.org>',
  '---',
  ' ipykernel/a.py | 3 ++-',
  '',
].join('\n');

test('of a patch that git made for a letter, the diff stays and the author goes', () => {
  const alone = diffAlone(`${LETTER}${DIFF}-- \n2.43.0\n\n`);
  expect(alone).not.toMatch(/Ada|ada@|2\.43|Subject/);
  expect(alone).toContain('+From: somebody@example.org');
  const file = 'one\ntwo\nfour\n';
  expect(applyPatch(file, alone)).toBe(applyPatch(file, DIFF));
  expect(applyPatch(file, alone)).toContain('three');
});

test('two letters in one file leave two diffs', () => {
  const alone = diffAlone(`${LETTER}${DIFF}-- \n2.43.0\n\n${LETTER}${DIFF}`);
  expect(alone.match(/^diff --git/gm)).toHaveLength(2);
  expect(alone).not.toContain('Ada');
});

test('a patch without a letter stays as it is, byte for byte', () => {
  const arms = join(packageRoot(), 'arms');
  const shipped = readdirSync(arms, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.patch'),
  );
  expect(shipped.length).toBeGreaterThan(5);
  for (const path of shipped) {
    const text = readFileSync(join(arms, path), 'utf8');
    expect(diffAlone(text), path).toBe(text);
  }
  expect(diffAlone(DIFF.replaceAll('\n', '\r\n'))).toBe(DIFF.replaceAll('\n', '\r\n'));
});

test('a patch whose hunk has more lines than it says stays as it is, so that it is still refused', () => {
  const wrong = `${LETTER}${DIFF.replace('+1,4', '+1,3')}`;
  expect(diffAlone(wrong)).toBe(wrong);
});

test.each(['text', 'From: Ada <ada@example.org>\n\nno diff\n---\n'])(
  'what is no diff stays as it is: %j',
  (text) => {
    expect(diffAlone(text)).toBe(text);
  },
);
