import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeJournal } from '../report/fixtures/journal-text.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { registerCompare } from './compare.ts';
import { registerList } from './list.ts';
import { registerReport } from './report.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-reports-'));
  const first = syntheticJournal();
  await writeJournal(join(folder, 'first'), first);
  const { environment } = first.experiment;
  await writeJournal(
    join(folder, 'nested', 'second'),
    syntheticJournal({ seed: 2, experiment: { environment: { ...environment, ipykernel: '7.4.0' } } }),
  );
  await writeJournal(join(folder, 'torn'), first);
  await writeFile(join(folder, 'torn', 'journal.jsonl'), '{"type":"experiment"}\n');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What the command printed. */
async function printed(...argv: string[]): Promise<string> {
  const program = new Command().exitOverride();
  registerCompare(program);
  registerList(program);
  registerReport(program, () => {});
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await program.parseAsync(['node', 'soak', ...argv]);
  } finally {
    spy.mockRestore();
  }
  return text;
}

it('lists every report below a folder, the damaged one with its reason', async () => {
  const text = await printed('list', folder);
  expect(text).toMatch(/first\n {2}2026-11-23T20:00:00.000Z, ipykernel 7\.3\.0\n {2}control 8\/20/);
  expect(text).toMatch(/second\n {2}.*ipykernel 7\.4\.0/);
  expect(text).toMatch(/torn\n {2}The journal .* cannot be used/);
});

it('says that there is none, and that a folder is none', async () => {
  expect(await printed('list', join(folder, 'first', '..', 'nested', 'second', '..'))).toContain('second');
  const empty = await mkdtemp(join(tmpdir(), 'soak-none-'));
  expect(await printed('list', empty)).toContain('No report was found below');
  await rm(empty, { recursive: true });
  await expect(printed('list', join(folder, 'absent'))).rejects.toMatchObject({ code: 'no-folder' });
});

it('sets two experiments side by side and names what else differs', async () => {
  const text = await printed('compare', join(folder, 'first'), join(folder, 'nested', 'second'));
  expect(text).toMatch(/\| `control` \| +8\/20 \(40\.0 %\)/);
  expect(text).toMatch(/`machine\.ipykernel` +\| `7\.3\.0` \| `7\.4\.0`/);
  expect(text).toContain('The two experiments were not interleaved');
  const same = await printed('compare', join(folder, 'first'), join(folder, 'first'));
  expect(same).toContain('Nothing: the environment is the same, and so is the protocol except for its seed.');
});

it('prints the one line for a commit message and writes nothing', async () => {
  expect(await printed('report', join(folder, 'first'), '--line')).toMatch(
    /^control 8\/20, .*protocol [0-9a-f]{12}\n$/,
  );
});

it('counts another endpoint to standard output alone, and leaves the folder as it was', async () => {
  const dir = join(folder, 'first');
  const before = (await readdir(dir)).sort();
  const text = await printed('report', dir, '--endpoint', 'died');
  expect(text).toMatch(/^# Kernel deaths by arm \(exploratory\)/);
  expect((await readdir(dir)).sort()).toEqual(before);
});

it('refuses an endpoint that was not recorded, and a limit without its endpoint', async () => {
  const dir = join(folder, 'first');
  await expect(printed('report', dir, '--endpoint', 'lost-output')).rejects.toMatchObject({
    code: 'not-recorded',
  });
  await expect(printed('report', dir, '--slow-after', '5s')).rejects.toMatchObject({ code: 'bad-option' });
  await expect(printed('report', dir, '--endpoint', 'died', '--line')).rejects.toMatchObject({
    code: 'bad-option',
  });
});
