import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { sha256 } from '../model/canonical.ts';
import type { JournalRecord } from '../model/journal.ts';
import { protocolHash } from '../model/protocol.ts';
import { begunRun, experimentRecord, journalBytes, runRecord } from './journal.fixture.ts';
import { parseJournal, readJournal } from './read.ts';

const RECORDS: readonly JournalRecord[] = [
  experimentRecord(),
  ...begunRun(0, 'fix', 0),
  ...begunRun(0, 'control', 1),
];
const BYTES = journalBytes(RECORDS);

const refused = (bytes: Buffer) => soakErrorOf(() => parseJournal(bytes, 'the-journal'));

describe('a sound journal', () => {
  test('is read whole, in block order whatever order the runs ended in', () => {
    const bytes = journalBytes([
      experimentRecord(),
      ...begunRun(1, 'control', 0),
      ...begunRun(0, 'fix', 1),
      ...begunRun(0, 'control', 0),
      { type: 'session', at: 'now', event: 'finished', reason: 'all runs are recorded', abandoned: [] },
    ]);
    const { journal, wholeBytes } = parseJournal(bytes, 'j');
    expect(journal.runs.map(({ run }) => run)).toEqual(['b000-control', 'b000-fix', 'b001-control']);
    expect(journal.experiment).toEqual(experimentRecord());
    expect(journal.sessions).toHaveLength(1);
    expect(journal).toMatchObject({ abandoned: [], torn: false, sha256: sha256(bytes) });
    expect(wholeBytes).toBe(bytes.length);
  });

  test('may be of schema 1, or of schema 2 with what was done to the kernel and what it executed', () => {
    const exposure = { cells: 2, executed: '1*2', requests: { comm_msg: '0,3' }, outputs: { stdout: '1' } };
    const run = { ...runRecord(0, 'fix'), exposure, change: { notCalled: ['a.py f'] } };
    const begin: JournalRecord = { type: 'begin', run: run.run, at: run.at };
    for (const schema of [1, 2] as const) {
      const bytes = journalBytes([{ ...experimentRecord(), schema }, begin, run]);
      expect(parseJournal(bytes, 'j').journal.runs).toEqual([run]);
    }
  });

  test('is refused where counts by cell are none', async () => {
    const run = { ...runRecord(0, 'fix'), exposure: { cells: 2, requests: { comm_msg: '1**2' } } };
    const begin: JournalRecord = { type: 'begin', run: run.run, at: run.at };
    const error = await refused(journalBytes([experimentRecord(), begin, run]));
    expect(error.message).toContain('comm_msg');
  });

  test('may have runs that were begun and never recorded, and begun again', () => {
    const begin: JournalRecord = { type: 'begin', run: 'b000-control', at: 'now' };
    expect(parseJournal(journalBytes([experimentRecord(), begin]), 'j').journal.abandoned).toEqual([
      'b000-control',
    ]);
    const again = journalBytes([experimentRecord(), begin, ...begunRun(0, 'control')]);
    expect(parseJournal(again, 'j').journal).toMatchObject({
      abandoned: [],
      runs: [runRecord(0, 'control')],
    });
  });

  test('may hold no run yet', () => {
    expect(parseJournal(journalBytes([experimentRecord()]), 'j').journal.runs).toEqual([]);
  });
});

test('a last record cut short at any byte is set aside and said to be torn', () => {
  const last = journalBytes(RECORDS.slice(-1));
  const before = BYTES.length - last.length;
  for (let kept = 0; kept < last.length; kept += 1) {
    const { journal, wholeBytes } = parseJournal(BYTES.subarray(0, before + kept), 'j');
    expect(wholeBytes).toBe(before);
    expect(journal.torn).toBe(kept > 0);
    expect(journal.runs.map(({ run }) => run)).toEqual(['b000-fix']);
    expect(journal.abandoned).toEqual(['b000-control']);
    expect(journal.sha256).toBe(sha256(BYTES.subarray(0, before)));
  }
  expect(parseJournal(BYTES, 'j').journal.runs).toHaveLength(2);
});

describe('a journal that cannot be used', () => {
  test('any single digit of the protocol changed', async () => {
    const [first = ''] = BYTES.toString().split('\n');
    const from = first.indexOf('"protocol":');
    const to = first.indexOf('"protocolSha256"');
    const digits = [...first.slice(from, to).matchAll(/\d/g)].map(({ index }) => from + index);
    expect(digits.length).toBeGreaterThan(20);
    for (const at of digits) {
      const altered = Buffer.from(BYTES);
      // Of the names alone, digits may be anything; of numbers, the changed one must be another.
      altered[at] = altered[at] === 0x31 ? 0x32 : 0x31;
      const error = await refused(altered);
      expect(error.code).toBe('bad-journal');
      expect(error.message).toContain('the-journal');
    }
  });

  test.each<[string, JournalRecord[], RegExp]>([
    [
      'a run recorded twice',
      [...RECORDS, runRecord(0, 'fix', 0)],
      /line 6 records the run b000-fix a second time/,
    ],
    ['a run never begun', [experimentRecord(), runRecord(0, 'fix')], /line 2 .*never begun/],
    ['a second experiment', [...RECORDS, experimentRecord()], /line 6 is a second experiment/],
    ['no experiment first', begunRun(0, 'fix'), /does not begin with the experiment/],
    [
      'an arm that was not planned',
      [experimentRecord(), ...begunRun(0, 'sham')],
      /line 3 is of the arm sham/,
    ],
    [
      'a notebook that was not planned',
      [experimentRecord(), ...begunRun(0, 'fix').map((r) => (r.type === 'run' ? { ...r, notebook: 1 } : r))],
      /line 3 is of notebook 1/,
    ],
  ])('%s', async (_what, records, message) => {
    const error = await refused(journalBytes(records));
    expect(error.code).toBe('bad-journal');
    expect(error.message).toMatch(message);
  });

  test.each([
    ['empty', ''],
    ['only a torn first line', BYTES.toString().slice(0, 100)],
    ['an empty line', `${BYTES}\n`],
    ['a line in the middle cut short', BYTES.toString().replace('"type":"begin"', '"type":"beg\n')],
    ['a record of no known type', `${BYTES}{"type":"note"}\n`],
    ['a list', `${BYTES}[]\n`],
    ['null', `${BYTES}null\n`],
    ['an outcome that there is not', BYTES.toString().replaceAll('"completed"', '"fine"')],
    ['a negative time', BYTES.toString().replace('"startMs":400', '"startMs":-400')],
  ])('%s', async (_what, text) => {
    const error = await refused(Buffer.from(text));
    expect(error.code).toBe('bad-journal');
    expect(error.remedy).not.toBe('');
  });

  test('one of a newer schema says which it is and what reads it', async () => {
    const error = await refused(Buffer.from(BYTES.toString().replace('"schema":1', '"schema":3')));
    expect(error.message).toContain('schema 3');
    expect(error.remedy).toMatch(/newer/);
  });

  test('whatever bytes: read or refused, never another error', async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...RECORDS.map((record) => journalBytes([record]))),
      fc.json().map((json) => Buffer.from(`${json}\n`)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const bytes = Buffer.concat([journalBytes([experimentRecord()]), ...pieces]);
        try {
          parseJournal(bytes, 'j');
        } catch {
          expect((await refused(bytes)).code).toBe('bad-journal');
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('a folder without a journal says where it looked', async () => {
  const folder = temporaryFolder();
  const error = await soakErrorOf(() => readJournal(folder));
  expect(error.code).toBe('no-journal');
  expect(error.message).toContain(join(folder, 'journal.jsonl'));
});

describe('the patches that a journal holds', () => {
  const patch = '--- a/ipykernel/a.py\n+++ b/ipykernel/a.py\n';
  const base = experimentRecord();
  const arms = base.protocol.arms.map((arm) =>
    arm.name === 'fix' ? { ...arm, patchSha256: sha256(patch) } : arm,
  );
  const protocol = { ...base.protocol, arms };
  const record = { ...base, protocol, protocolSha256: protocolHash(protocol) };

  test('are those of its arms, by their hashes', () => {
    const patches = { [sha256(patch)]: patch };
    expect(parseJournal(journalBytes([{ ...record, patches }]), 'j').journal.experiment.patches).toEqual(
      patches,
    );
  });

  test('are refused where one was changed, or is of no arm', async () => {
    const changed = await refused(journalBytes([{ ...record, patches: { [sha256(patch)]: `${patch} ` } }]));
    expect(changed.message).toContain(`a patch that does not have the hash ${sha256(patch)}`);
    const strange = await refused(journalBytes([{ ...base, patches: { [sha256(patch)]: patch } }]));
    expect(strange.message).toContain('which no arm of its protocol has');
  });
});
