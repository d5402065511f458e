import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { sha256 } from '../model/canonical.ts';
import type { ExperimentRecord, Journal, JournalRecord, RunRecord } from '../model/journal.ts';
import { protocolHash } from '../model/protocol.ts';
import { type Shard, shardBlocks } from '../model/shard.ts';
import { sourceId } from '../model/source.ts';
import { experimentRecord, journalBytes, runRecord } from './journal.fixture.ts';
import { mergedJournal } from './merge.ts';
import { parseJournal } from './read.ts';

interface Place {
  readonly host?: string;
  readonly night?: number;
  readonly shard?: Shard;
  /** Blocks of it that were recorded; default: all. */
  readonly blocks?: number;
}

/** The journal that one `soak run` of 4 blocks would have left. */
function journalOf({ host = 'linux', night = 1, shard, blocks = 99 }: Place): Journal {
  const base = experimentRecord();
  const at = `2026-01-0${night}T02:0${shard?.index ?? 0}:00.000Z`;
  const experiment: ExperimentRecord = {
    ...base,
    at,
    environment: { ...base.environment, platform: host },
    ...(shard === undefined ? {} : { shard }),
  };
  const { first, end } = shardBlocks(4, shard);
  const records: JournalRecord[] = [experiment];
  for (let block = first; block < Math.min(end, first + blocks); block += 1) {
    for (const [position, arm] of ['control', 'fix'].entries()) {
      const run: RunRecord = {
        ...runRecord(block, arm, position),
        at: `2026-01-0${night}T02:0${shard?.index ?? 0}:${10 + block}.${position}00Z`,
        cellMs: [host.charCodeAt(0) + block / 7, night],
      };
      records.push({ type: 'begin', run: run.run, at: run.at }, run);
    }
  }
  if (blocks === 99) {
    records.push({ type: 'session', at, event: 'finished', reason: 'all blocks', abandoned: [] });
  } else records.push({ type: 'begin', run: `b00${first + blocks}-fix`, at });
  return parseJournal(journalBytes(records), 'journal').journal;
}

function merge(...journals: readonly Journal[]): Journal {
  return parseJournal(textOf(...journals), 'merged').journal;
}

function textOf(...journals: readonly Journal[]): Buffer {
  const merged = mergedJournal(journals.map((journal, i) => ({ name: `journal ${i}`, journal })));
  return journalBytes([merged.experiment, ...merged.records()]);
}

const quarter = (index: number): Shard => ({ index, count: 4 });

describe('merging', () => {
  const PLACES: readonly Place[] = [
    { shard: quarter(1) },
    { shard: quarter(2) },
    { shard: quarter(2), blocks: 0 },
    { shard: quarter(3), night: 2 },
    { shard: quarter(1), night: 2 },
    { host: 'win32', shard: quarter(4) },
    { host: 'win32' },
    { host: 'win32', night: 3, blocks: 2 },
    { host: 'darwin', blocks: 1 },
    { host: 'darwin' },
  ];

  test('gives the same bytes in whatever order and grouping, merged journals and copies among them', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(PLACES.length - 1), { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat(1000)),
        (chosen, numbers) => {
          const journals = chosen.map((i) => journalOf(PLACES[i] as Place));
          const atOnce = textOf(...journals);
          const draw = () => (numbers.next().value as number) / 1000;
          const shuffled = (list: readonly Journal[]) =>
            list
              .map((each) => [draw(), each] as const)
              .sort(([a], [b]) => a - b)
              .map(([, each]) => each);
          const pool = shuffled([...journals, journals[0] as Journal]);
          while (pool.length > 1) {
            const size = 2 + Math.floor(draw() * (pool.length - 2));
            const group = pool.splice(0, size);
            pool.splice(Math.floor(draw() * pool.length), 0, merge(...group));
          }
          expect(textOf(...pool)).toEqual(atOnce);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('puts the shards of an experiment together as it would have been, run names included', () => {
    const whole = journalOf({});
    const merged = merge(...[3, 1, 4, 2].map((index) => journalOf({ shard: quarter(index) })));
    expect(merged.runs.map(({ run, block, position, seed }) => [run, block, position, seed])).toEqual(
      whole.runs.map(({ run, block, position, seed }) => [run, block, position, seed]),
    );
    expect(merged.experiment.protocolSha256).toBe(whole.experiment.protocolSha256);
    expect(merged.experiment.sources?.map(({ shard }) => shard?.index)).toEqual([1, 2, 3, 4]);
  });

  test('keeps both runs where hosts or nights made the same one, each with its source in its name', () => {
    const merged = merge(journalOf({}), journalOf({ host: 'win32' }), journalOf({ night: 2 }));
    expect(merged.runs).toHaveLength(24);
    for (const { run, block, arm, source } of merged.runs) expect(run).toBe(`b00${block}-${arm}@${source}`);
    expect(new Set(merged.runs.map(({ source }) => source)).size).toBe(3);
  });

  test('counts a copied run once, also of a copy that was made before the experiment went on', () => {
    const early = journalOf({ blocks: 2 });
    const late = journalOf({});
    const merged = mergedJournal([
      { name: 'early', journal: early },
      { name: 'late', journal: late },
    ]);
    expect(merged).toMatchObject({ runs: 8, duplicates: 4 });
    const journal = parseJournal(journalBytes([merged.experiment, ...merged.records()]), 'j').journal;
    expect(journal.runs).toHaveLength(8);
    // What was begun when the copy was made has been recorded since.
    expect(journal.abandoned).toEqual([]);
    expect(journal.experiment.sources?.[0]?.journals).toEqual([early.sha256, late.sha256].sort());
  });

  test('keeps the patches that any of them holds, once and in one order', () => {
    const texts = ['one', 'two'] as const;
    const arms = experimentRecord().protocol.arms.map((arm, index) => ({
      ...arm,
      patchSha256: sha256(texts[index] ?? ''),
    }));
    const having = (journal: Journal, ...held: readonly string[]): Journal => {
      const protocol = { ...journal.experiment.protocol, arms };
      const patches = Object.fromEntries(held.map((text) => [sha256(text), text]));
      const experiment = { ...journal.experiment, protocol, protocolSha256: protocolHash(protocol), patches };
      return { ...journal, experiment };
    };
    const [a, b, old] = [journalOf({ night: 1 }), journalOf({ night: 2 }), journalOf({ night: 3 })];
    const merged = merge(having(a, 'one'), having(b, 'two', 'one'), having(old));
    expect(Object.values(merged.experiment.patches ?? {}).sort()).toEqual(['one', 'two']);
    expect(merged.experiment.sources).toHaveLength(3);
    expect(JSON.stringify(merged.experiment.sources)).not.toContain('patches');
    expect(textOf(having(b, 'two', 'one'), having(old), having(a, 'one'))).toEqual(
      textOf(having(a, 'one'), having(b, 'one', 'two'), having(old)),
    );
    expect(textOf(merge(having(a, 'one'), having(old)), having(b, 'two'))).toEqual(
      textOf(having(a, 'one'), having(b, 'two'), having(old)),
    );
  });

  test('keeps what was begun and never recorded, by its source', () => {
    const cut = journalOf({ shard: quarter(1), blocks: 0 });
    const id = sourceId(cut.experiment);
    expect(merge(cut, journalOf({ shard: quarter(2) })).abandoned).toEqual([`b000-fix@${id}`]);
  });
});

describe('what cannot be merged', () => {
  const refused = (...journals: readonly Journal[]) => soakErrorOf(() => textOf(...journals));

  test('another protocol, naming what differs', async () => {
    const base = experimentRecord();
    const other = journalOf({});
    const protocol = { ...base.protocol, seed: 9, timeoutMs: 5000 };
    const changed = {
      ...other,
      experiment: { ...other.experiment, protocol, protocolSha256: 'f'.repeat(64) },
    };
    const error = await refused(journalOf({}), journalOf({ night: 2 }), changed);
    expect(error.code).toBe('different-protocols');
    expect(error.message).toContain('seed (123456 and 9), timeoutMs (10000 and 5000)');
    expect(error.message).toContain('journal 2');
  });

  test('shards of different endpoints, naming the option', async () => {
    const of = (protocol: object, hash: string) => {
      const journal = journalOf({ shard: quarter(1) });
      const { experiment } = journal;
      return {
        ...journal,
        experiment: {
          ...experiment,
          protocol: { ...experiment.protocol, ...protocol },
          protocolSha256: hash.repeat(64),
        },
      };
    };
    const error = await refused(of({}, 'a'), of({ endpoint: 'slow', slowAfterMs: 5000 }, 'b'));
    expect(error.code).toBe('different-protocols');
    expect(error.message).toContain('--endpoint (wedged and slow), --slow-after, ms (none and 5000)');
  });

  test('one run of one source that two journals record differently', async () => {
    const journal = journalOf({});
    const runs = journal.runs.map((run) => (run.run === 'b002-fix' ? { ...run, startMs: 401 } : run));
    const error = await refused(journal, { ...journal, runs });
    expect(error.code).toBe('merge-conflict');
    expect(error.message).toContain('b002-fix');
  });

  test('the very same runs under the name of another source: nights cannot be made by copying', async () => {
    const journal = journalOf({});
    const copied = { ...journal, experiment: { ...journal.experiment, at: '2026-01-02T02:00:00.000Z' } };
    const error = await refused(journal, copied);
    expect(error.code).toBe('merge-conflict');
    expect(error.message).toContain('very same record');
  });

  test('a merged journal whose source was changed afterwards', async () => {
    const merged = merge(journalOf({}), journalOf({ host: 'win32' }));
    const [first, ...others] = merged.experiment.sources ?? [];
    if (first === undefined) throw new Error('no source');
    const sources = [{ ...first, at: '2027-01-01T00:00:00.000Z' }, ...others];
    const error = await refused({ ...merged, experiment: { ...merged.experiment, sources } });
    expect(error.code).toBe('bad-journal');
    expect(error.message).toContain(first.id);
  });
});
