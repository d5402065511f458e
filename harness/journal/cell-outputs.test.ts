import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { contradictions } from '../audit/contradictions.ts';
import { type CellListing, cellOutputsRecord, listingHash } from '../model/cell-outputs.ts';
import type { ExperimentRecord, Journal, JournalRecord } from '../model/journal.ts';
import { protocolHash } from '../model/protocol.ts';
import { experimentRecord, journalBytes, runRecord } from './journal.fixture.ts';
import { mergedJournal } from './merge.ts';
import { parseJournal } from './read.ts';

const listing = (text: string): CellListing => ({
  outputs: text === '' ? [] : [{ type: 'stream', name: 'stdout', parts: { 'text/plain': text } }],
});
const USUAL = [listing('a line\n'), listing('another line\n')];
const LATE = [listing(''), listing('a line\nanother line\n')];
const SHORT = [listing('a line\n'), listing('another')];
const MOVED = [{ loss: 'moved', cell: 0, output: 'stdout', at: 1 }];

function experimentOf(kind: 'saved' | 'reference', host: string): ExperimentRecord {
  const base = experimentRecord();
  const expected = {
    kind,
    rulesSha256: 'a'.repeat(64),
    ...(kind === 'saved' ? { outputs: [USUAL.map(listingHash)] } : {}),
  };
  const protocol = { ...base.protocol, expected };
  return {
    ...base,
    protocol,
    protocolSha256: protocolHash(protocol),
    environment: { ...base.environment, platform: host },
  };
}

/** One run of control for each, in which the cells showed this. */
function journalOf(kind: 'saved' | 'reference', host: string, ...shown: CellListing[][]): Journal {
  const records: JournalRecord[] = [experimentOf(kind, host)];
  const written = new Set<string>();
  const write = (cells: CellListing[]) => {
    for (const record of cells.map(cellOutputsRecord)) {
      if (!written.has(record.sha256)) records.push(record);
      written.add(record.sha256);
    }
  };
  if (kind === 'saved') write(USUAL);
  for (const [block, cells] of shown.entries()) {
    write(cells);
    const run = runRecord(block, 'control');
    const losses = kind === 'saved' ? { losses: cells === LATE ? (MOVED as never) : [] } : {};
    const outputs = cells.map(listingHash);
    records.push({ type: 'begin', run: run.run, at: run.at }, { ...run, at: host, ...losses, outputs });
  }
  return parseJournal(journalBytes(records), 'journal').journal;
}

function merged(...journals: Journal[]): Buffer {
  const { experiment, records } = mergedJournal(journals.map((journal) => ({ name: 'journal', journal })));
  return journalBytes([experiment, ...records()]);
}

const aboutOutputs = (journal: Journal) =>
  contradictions(journal).filter(({ place }) => /losses|outputs/.test(place));

test('losses are recomputed from the outputs, also after a merge in any order', () => {
  const [one, other] = [journalOf('saved', 'linux', USUAL, LATE), journalOf('saved', 'win32', LATE)];
  const both = merged(one, other);
  expect(merged(other, one).equals(both)).toBe(true);
  const { journal } = parseJournal(both, 'merged');
  expect(journal.runs).toHaveLength(3);
  expect(aboutOutputs(journal)).toEqual([]);
  const changed = journal.runs.map((run) => ({ ...run, losses: [] }));
  expect(aboutOutputs({ ...journal, runs: changed }).map(({ found }) => found)).toEqual(['[]', '[]']);
});

test('outputs that are gone, that are not those of the hash, or that are too few are named', async () => {
  const journal = journalOf('saved', 'linux', LATE);
  expect(aboutOutputs({ ...journal, outputs: new Map() })[0]?.found).toContain('no outputs of');
  const fewer = journal.runs.map((run) => ({ ...run, outputs: run.outputs?.slice(0, 1) }));
  expect(aboutOutputs({ ...journal, runs: fewer }).map(({ place }) => place)).toContainEqual(
    expect.stringContaining('cells whose outputs are recorded'),
  );
  const record = { ...cellOutputsRecord(listing('x')), sha256: listingHash(listing('y')) };
  const error = await soakErrorOf(() =>
    parseJournal(journalBytes([experimentOf('saved', 'linux'), record]), 'journal'),
  );
  expect(error.message).toContain('line 2 holds outputs of a cell that do not have the hash');
});

test('by reference, what more than half of control’s runs show is expected, of all merged journals together', () => {
  const usual = journalOf('reference', 'linux', USUAL, USUAL, LATE);
  expect(usual.runs.map(({ losses }) => losses)).toEqual([[], [], MOVED]);
  // Here the late ones are the majority, until the other host's runs are known.
  const late = journalOf('reference', 'win32', LATE, LATE, USUAL);
  expect(late.runs[0]?.losses).toEqual([]);
  const all = parseJournal(merged(usual, late, journalOf('reference', 'darwin', USUAL)), 'merged').journal;
  const lost = all.runs.filter(({ losses }) => (losses ?? []).length > 0);
  expect(lost).toHaveLength(3);
  for (const { losses, outputs } of lost) {
    expect(losses).toEqual(MOVED);
    expect(outputs).toEqual(LATE.map(listingHash));
  }
  expect(aboutOutputs(all)).toEqual([]);
});

test('by reference, a cell without a majority is not compared', () => {
  const { runs } = journalOf('reference', 'linux', USUAL, SHORT);
  expect(runs.map(({ losses }) => losses)).toEqual([[], []]);
});
