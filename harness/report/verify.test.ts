import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { registerVerify } from '../commands/verify.ts';
import { readJournal } from '../journal/read.ts';
import { EXIT_CODES } from '../model/errors.ts';
import { writeJournal } from './fixtures/journal-text.ts';
import { syntheticJournal } from './fixtures/synthetic-journal.ts';
import { verifyReport } from './verify.ts';
import { writeReport } from './write-report.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-verify-'));
  await writeJournal(folder, syntheticJournal({ blocks: 8 }));
  await writeReport(folder, (await readJournal(folder)).journal);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function changed(file: string, change: (text: string) => string): Promise<void> {
  const path = join(folder, file);
  const before = await readFile(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path, after);
}

it('finds nothing in a report as it was written', async () => {
  const { differences, files } = await verifyReport(folder);
  expect(differences).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining(['evidence.md', 'comment.md', 'evidence.html', 'summary.json', 'junit.xml']),
  );
});

it('writes the same bytes again, whatever the place and time', async () => {
  const other = await mkdtemp(join(tmpdir(), 'soak-again-'));
  try {
    await writeReport(other, (await readJournal(folder)).journal);
    for (const name of ['evidence.md', 'comment.md', 'evidence.html', 'summary.json', 'junit.xml']) {
      expect(await readFile(join(other, name))).toEqual(await readFile(join(folder, name)));
    }
    const names = await readdir(join(folder, 'figures'));
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      expect(await readFile(join(other, 'figures', name))).toEqual(
        await readFile(join(folder, 'figures', name)),
      );
    }
  } finally {
    await rm(other, { recursive: true });
  }
});

it('notices every digit of the evidence', async () => {
  const original = await readFile(join(folder, 'evidence.md'), 'utf8');
  const digits = [...original.matchAll(/\d/g)].map(({ index }) => index);
  // A prime step reaches every kind of line without rendering a thousand times.
  for (let at = 0; at < digits.length; at += 97) {
    const index = digits[at] as number;
    const digit = (Number(original[index]) + 1) % 10;
    await writeFile(
      join(folder, 'evidence.md'),
      `${original.slice(0, index)}${digit}${original.slice(index + 1)}`,
    );
    const { differences } = await verifyReport(join(folder, 'evidence.md'));
    expect(differences.length, original.slice(index - 20, index + 20)).toBeGreaterThan(0);
  }
});

it('names the number, its line and what it should be', async () => {
  await changed('evidence.md', (text) => text.replace(/(\| `fix` +\| treatment +\| +)0\/8/, '$11/8'));
  const { differences } = await verifyReport(folder);
  expect(differences).toEqual([
    { file: 'evidence.md', place: expect.stringMatching(/^line \d+$/), found: '1/8', recomputed: '0/8' },
  ]);
});

it('names a changed value of summary.json by its path', async () => {
  await changed('summary.json', (text) => text.replace(/"planned": 8/, '"planned": 9'));
  expect((await verifyReport(folder)).differences).toEqual([
    { file: 'summary.json', place: 'blocks.planned', found: '9', recomputed: '8' },
  ]);
});

it('notices a changed line of the journal, and names the hash first', async () => {
  await changed('journal.jsonl', (text) => text.replace('"startMs":4', '"startMs":5'));
  const { differences } = await verifyReport(folder);
  expect(differences[0]).toMatchObject({ file: 'evidence.md', place: 'journal SHA-256' });
});

it('notices a run taken out, and one turned from wedged to completed', async () => {
  const before = await readFile(join(folder, 'journal.jsonl'), 'utf8');
  await changed('journal.jsonl', (text) =>
    text
      .split('\n')
      .filter((each) => !each.includes('"run":"b007-fix"'))
      .join('\n'),
  );
  expect((await verifyReport(folder)).differences.length).toBeGreaterThan(5);
  await writeFile(join(folder, 'journal.jsonl'), before);
  await changed('journal.jsonl', (text) => text.replace('"kind":"wedged-stranded"', '"kind":"completed"'));
  expect((await verifyReport(folder)).differences.length).toBeGreaterThan(5);
});

it('notices a protocol that is not the one that was hashed', async () => {
  await changed('journal.jsonl', (text) => text.replace('"alpha":0.05', '"alpha":0.06'));
  const { differences } = await verifyReport(folder);
  expect(differences).toHaveLength(1);
  expect(differences[0]).toMatchObject({ file: 'journal.jsonl', found: expect.stringContaining('hash') });
});

it('notices a figure replaced, and one gone', async () => {
  await changed('figures/rates-dark.svg', (text) => text.replace(/cx="\d/, 'cx="9'));
  await rm(join(folder, 'figures', 'rates-light.svg'));
  expect((await verifyReport(folder)).differences.map(({ file }) => file)).toEqual([
    'figures/rates-light.svg',
    'figures/rates-dark.svg',
  ]);
});

it('takes line ends of Windows for what they are', async () => {
  await changed('evidence.md', (text) => text.replaceAll('\n', '\r\n'));
  expect((await verifyReport(folder)).differences).toEqual([]);
});

it('ends the command with 1 when something differs, with 2 when there is no report', async () => {
  const program = () => {
    const root = new Command().exitOverride();
    registerVerify(root, () => {});
    return root;
  };
  await program().parseAsync(['node', 'soak', 'verify', folder]);
  await changed('junit.xml', (text) => text.replace('tests="40"', 'tests="41"'));
  await expect(program().parseAsync(['node', 'soak', 'verify', folder])).rejects.toMatchObject({
    code: 'evidence-differs',
    exitCode: EXIT_CODES.failed,
  });
  await expect(program().parseAsync(['node', 'soak', 'verify', join(folder, 'none')])).rejects.toMatchObject({
    code: 'no-report',
    exitCode: EXIT_CODES.usage,
  });
});

it('covers comment.md: a digit of its table, its hash, and a copy of it under another name', async () => {
  await changed('comment.md', (text) => text.replace(/^(\| `control` \| control \| )\d+/m, '$1999'));
  const { differences } = await verifyReport(folder);
  expect(differences).toEqual([expect.objectContaining({ file: 'comment.md', found: '999/8' })]);
  await changed('comment.md', (text) =>
    text.replace(/(journal has SHA-256 `)[0-9a-f]{64}/, `$1${'0'.repeat(64)}`),
  );
  const hashes = (await verifyReport(join(folder, 'comment.md'))).differences;
  expect(hashes).toContainEqual(
    expect.objectContaining({ file: 'comment.md', place: 'journal SHA-256', found: '0'.repeat(64) }),
  );
  await writeReport(folder, (await readJournal(folder)).journal);
  await writeFile(join(folder, 'pasted.md'), await readFile(join(folder, 'comment.md')));
  expect((await verifyReport(join(folder, 'pasted.md'))).differences).toEqual([]);
  await writeFile(join(folder, 'pasted.md'), await readFile(join(folder, 'evidence.md')));
  expect((await verifyReport(join(folder, 'pasted.md'))).differences).toEqual([]);
});
