import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JournalWriter } from '../journal/write.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { groupExplained } from '../report/group-explained.ts';
import { failureGroups } from '../stats/failure-groups.ts';
import { registerExplain } from './explain.ts';

const journal = syntheticJournal({ blocks: 3 });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'explain-'));
  const report = join(folder, 'report');
  const writer = await JournalWriter.create(report, journal.experiment);
  for (const run of journal.runs) {
    await writer.append({ type: 'begin', run: run.run, at: run.at });
    await writer.append(run);
  }
  await writer.append({ type: 'begin', run: 'b009-fix', at: '2026-01-01T00:00:00Z' });
  await writer.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function explained(...args: string[]): Promise<string> {
  let text = '';
  const program = new Command('soak').exitOverride();
  registerExplain(program, (more) => {
    text += more;
  });
  await program.parseAsync(['node', 'soak', 'explain', join(folder, 'report'), ...args]);
  return text;
}

describe('soak explain', () => {
  test('tells the story of the run named, with or without its zeros', async () => {
    const text = await explained('b002-control');
    expect(text).toMatch(/^b002-control: /);
    expect(await explained('b2-control')).toBe(text);
  });

  test('tells a group: its counts by arm, and then the story of its example', async () => {
    const text = await explained('--group', '1');
    expect(text).toMatch(/^Group 1: wedged, certified/);
    expect(text.replaceAll('\n', ' ')).toMatch(/control \d\/3, sham \d\/3, fix 0\/3/);
    const [, example = ''] = /Its example, (\S+):/.exec(text) ?? [];
    expect(text.endsWith(await explained(example))).toBe(true);
  });

  test('says of output that is lost now here, now there at which cells that was, not that runs ended', () => {
    const [group] = failureGroups(journal.experiment.protocol, journal.runs).groups;
    if (group === undefined) throw new Error('There is no group.');
    const fault = { is: 'output', at: null, loss: 'missing', output: 'stdout' } as const;
    const cells = [1, 4].map((cell) => ({ notebook: 0, cell }));
    const text = groupExplained(journal, 1, { ...group, fault, cells, furtherCells: 3 });
    expect(text.replaceAll(/\s+/g, ' ')).toContain('It struck at cells 1, 4 and 3 more. ');
    expect(text).not.toContain('ended at');
  });

  test('needs a run or a group that there is, and not both', async () => {
    await expect(explained('--group', '19')).rejects.toMatchObject({ code: 'unknown-group' });
    await expect(explained()).rejects.toMatchObject({ code: 'bad-usage' });
    await expect(explained('b2-control', '--group', '1')).rejects.toMatchObject({ code: 'bad-usage' });
  });

  test('names runs that there are when there is none of that name', async () => {
    await expect(explained('b042-control')).rejects.toMatchObject({
      code: 'unknown-run',
      remedy: expect.stringMatching(/b00\d-/),
    });
  });

  test('knows a run that was begun and never recorded', async () => {
    await expect(explained('b009-fix')).rejects.toThrow(/started but never recorded/);
  });

  test('says so where there is no report', async () => {
    const program = new Command('soak').exitOverride();
    registerExplain(program, () => {});
    await expect(
      program.parseAsync(['node', 'soak', 'explain', join(folder, 'nothing'), 'b000-fix']),
    ).rejects.toMatchObject({ name: 'SoakError' });
  });
});
