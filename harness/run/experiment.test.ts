import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealSurroundings, realSurroundings } from '../../tools/testing/real-experiment.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { parsedNotebook } from '../frontend/notebook.ts';
import { experimentRecord } from '../journal/journal.fixture.ts';
import { readJournal } from '../journal/read.ts';
import { JournalWriter } from '../journal/write.ts';
import { DeadlinePassed } from '../model/deadlines.ts';
import { RunFault } from '../model/errors.ts';
import type { Protocol } from '../model/protocol.ts';
import type { Shard } from '../model/shard.ts';
import { type ExperimentEnd, runExperiment, type Turns } from './experiment.ts';
import type { Subject } from './subject.ts';

// No kernel is launched: each run ends at its launch, as a harness fault, and the experiment goes on.

let surroundings: RealSurroundings;
beforeAll(async () => {
  surroundings = await realSurroundings();
}, 300_000);
afterAll(() => surroundings.close());

const notebook = parsedNotebook(
  Buffer.from(
    '{"nbformat":4,"nbformat_minor":4,"metadata":{},"cells":[{"cell_type":"code","source":"x","metadata":{},"outputs":[]}]}',
  ),
  'a.ipynb',
);
const { protocol } = experimentRecord();
const undecided: Protocol = {
  ...protocol,
  decision: { stopping: 'until-decided', test: 'e-process', alpha: 0.001, p0: null },
};

/** One session; each launch takes `launchMs`. */
async function session(
  writer: JournalWriter,
  parts: {
    protocol: Protocol;
    maxMs?: number;
    shard?: Shard;
    launchMs: number;
    faultsInARow?: number;
    fault?: () => Error;
    turns?: Turns;
  },
): Promise<ExperimentEnd> {
  const arm: Subject = {
    overlay: undefined as never,
    makeCommand: () => {
      throw new Error('Nothing is launched.');
    },
  };
  const launch = async () => {
    await new Promise((resolve) => setTimeout(resolve, parts.launchMs));
    throw parts.fault?.() ?? new DeadlinePassed('launcher-fork', undefined);
  };
  return runExperiment({
    faultsInARow: Number.POSITIVE_INFINITY,
    ...parts,
    arms: new Map(protocol.arms.map(({ name }) => [name, arm])),
    notebooks: [notebook],
    context: { ...surroundings.context, launch },
    writer,
    recorded: (await readJournal(writer.folder)).journal.runs,
    comparison: null,
    notebookFolder: null,
    signal: new AbortController().signal,
  });
}

async function begun(): Promise<JournalWriter> {
  return JournalWriter.create(`${temporaryFolder()}/report`, experimentRecord());
}

async function blocksOf(writer: JournalWriter): Promise<number[]> {
  const { runs } = (await readJournal(writer.folder)).journal;
  for (const { outcome } of runs) expect(outcome.kind).toBe('harness-fault');
  return [...new Set(runs.map(({ block }) => block))];
}

describe('a time limit', () => {
  test.each<[string, { protocol: Protocol; shard?: Shard; first: number; last: number }]>([
    ['of a fixed number of runs', { protocol, first: 0, last: 19 }],
    ['of one that goes until it is decided', { protocol: undecided, first: 0, last: 19 }],
    ['of a shard', { protocol, shard: { index: 2, count: 2 }, first: 10, last: 19 }],
  ])('%s is over after a whole block, and the next session goes on', async (_, { first, last, ...parts }) => {
    const writer = await begun();
    // It is over at once, and one block is begun all the same, in each session.
    expect((await session(writer, { ...parts, maxMs: 0, launchMs: 1 })).event).toBe('time-over');
    expect(await blocksOf(writer)).toEqual([first]);
    expect((await session(writer, { ...parts, maxMs: 0, launchMs: 1 })).event).toBe('time-over');
    expect(await blocksOf(writer)).toEqual([first, first + 1]);
    expect((await session(writer, { ...parts, launchMs: 0 })).event).toBe('finished');
    expect((await blocksOf(writer)).at(-1)).toBe(last);
    await writer.close();
  });
});

test('with turns, a block begins at its turn, which ends when the block is recorded', async () => {
  const writer = await begun();
  const log: string[] = [];
  const runs = async () => (await readJournal(writer.folder)).journal.runs.length;
  const turns: Turns = {
    take: async () => {
      if (log.length === 2) return { mayBegin: false, reason: 'enough' };
      log.push(`begins after ${await runs()}`);
      return { mayBegin: true, end: () => log.push('ends') };
    },
  };
  const end = await session(writer, { protocol, launchMs: 1, turns: { take: async () => turns.take() } });
  expect(end).toEqual({ event: 'ended-early', reason: 'enough' });
  expect(log).toEqual(['begins after 0', 'ends']);
  expect(await runs()).toBe(protocol.arms.length);
  await writer.close();
});

test('several harness faults in a row stop it with the last one’s reason, and the next session goes on', async () => {
  const writer = await begun();
  const stopped = await soakErrorOf(() => session(writer, { protocol, launchMs: 0, faultsInARow: 3 }));
  expect(stopped).toMatchObject({ code: 'harness-faults', exitCode: 4 });
  expect(stopped.message).toMatch(
    /^(\d+) runs in a row could not be observed. The reason for the last one: /,
  );
  const recorded = (await readJournal(writer.folder)).journal.runs.length;
  expect(recorded).toBe(3 + protocol.concurrency);
  expect(stopped.remedy).toContain('--resume');
  expect((await session(writer, { protocol, launchMs: 0 })).event).toBe('finished');
  expect((await readJournal(writer.folder)).journal.runs).toHaveLength(
    protocol.blocks * protocol.arms.length,
  );
  await writer.close();
});

test('a full disk stops it at once, and the run is not recorded but made again', async () => {
  const writer = await begun();
  const fault = () =>
    new RunFault('no-temporary-folder', 'ENOSPC: no space left on device, mkdtemp', { remedy: 'x' });
  const stopped = await soakErrorOf(() => session(writer, { protocol, launchMs: 0, fault }));
  expect(stopped).toMatchObject({ code: 'disk-full', exitCode: 4 });
  expect(stopped.remedy).toMatch(/TMPDIR.*--resume/s);
  const { runs, abandoned } = (await readJournal(writer.folder)).journal;
  expect(runs).toEqual([]);
  expect(abandoned.length).toBeGreaterThan(0);
  expect((await session(writer, { protocol, launchMs: 0 })).event).toBe('finished');
  await writer.close();
});
