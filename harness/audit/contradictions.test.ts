import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readJournal } from '../journal/read.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { writeJournal } from '../report/fixtures/journal-text.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { verifyReport } from '../report/verify.ts';
import { writeReport } from '../report/write-report.ts';
import { contradictions } from './contradictions.ts';

// Each journal is changed together with every document beside it, by whom knows how they are made: the documents
// follow from the journal, and what is left to find it by is that the journal contradicts its protocol or itself.

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-audit-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const HONEST = syntheticJournal({ blocks: 8, seed: 5 });

async function differencesOf(journal: Journal): Promise<string[]> {
  await writeJournal(folder, journal);
  await writeReport(folder, (await readJournal(folder)).journal);
  const { differences } = await verifyReport(folder);
  expect(differences.every(({ file }) => file === 'journal.jsonl')).toBe(true);
  return differences.map(({ place, found, recomputed }) => `${place}: ${found}, ${recomputed}`);
}

const isWedged = ({ outcome }: RunRecord) => outcome.kind === 'wedged-stranded';
const isComplete = ({ outcome }: RunRecord) => outcome.kind === 'completed';

/** The journal with its first such run changed. */
function withRun(which: (run: RunRecord) => boolean, change: (run: RunRecord) => RunRecord): Journal {
  const index = HONEST.runs.findIndex(which);
  expect(index).toBeGreaterThanOrEqual(0);
  return { ...HONEST, runs: HONEST.runs.map((run, at) => (at === index ? change(run) : run)) };
}

const withOutcome = (run: RunRecord, outcome: Partial<RunRecord['outcome']>): RunRecord => ({
  ...run,
  outcome: { ...run.outcome, ...outcome },
});

test('a journal as it was written has none', async () => {
  expect(await differencesOf(HONEST)).toEqual([]);
});

test('a client that received its own requests, since its kernel never had the port, has none', async () => {
  const nothing = { delivered: 0, begun: 0, ended: 0, replies: 0, streamSends: 0 };
  const journal = withRun(isComplete, (run) => ({
    ...run,
    outcome: { ...run.outcome, kind: 'start-failed', source: 'client', reason: 'the kernel died' },
    kernel: run.kernel === null ? null : { ...run.kernel, ...nothing },
    client: { ...run.client, sent: 5, replies: 4, idles: 0, byType: { kernel_info_request: 5 } },
    cellMs: [],
  }));
  expect(await differencesOf(journal)).toEqual([]);
});

const completedKind = {
  kind: 'completed',
  source: null,
  reason: 'every request was answered',
  cell: null,
} as const;

describe.each<[string, Journal, RegExp]>([
  [
    'whose treatment ran first in every block',
    {
      ...HONEST,
      runs: HONEST.runs.map((run) => ({ ...run, position: (run.position + 1) % 5 })),
    },
    /run b000-\w+, position in its block: \d, \d/,
  ],
  [
    'in which two runs of a block changed their seeds',
    withRun(isComplete, (run) => ({ ...run, seed: run.seed + 1 })),
    /, seed: /,
  ],
  [
    'in which a run had another traffic than its block',
    withRun(isComplete, (run) => ({ ...run, traffic: 'sequential' })),
    /, traffic: sequential, widgets/,
  ],
  [
    'in which a run was interrupted under a traffic that does not interrupt',
    withRun(isComplete, (run) => ({ ...run, interrupts: { by: 'signal', sent: [] } })),
    /, interrupts: recorded, none/,
  ],
  [
    'in which a completed run owes the reply to an interrupted cell',
    withRun(isComplete, (run) => ({
      ...run,
      interrupts: {
        by: 'signal',
        sent: [{ cell: 0, afterMs: 1, afterBusyMs: null, result: 'unanswered', answeredMs: null }],
      },
    })),
    /interrupts of a completed run: one without a reply, a reply to each/,
  ],
  [
    'in which two arms of a block changed names, so that a wedge is the other’s',
    {
      ...HONEST,
      runs: HONEST.runs.map((run) => {
        const other =
          run.block === 0
            ? ({ control: 'fix', fix: 'control' } as Record<string, string>)[run.arm]
            : undefined;
        return other === undefined ? run : { ...run, arm: other };
      }),
    },
    /run b000-fix, name: b000-fix, b000-control/,
  ],
  [
    'in which a run completed with 6 replies of 26',
    withRun(isComplete, (run) => ({ ...run, client: { ...run.client, replies: 6 } })),
    /replies of a completed run: 6, 26/,
  ],
  [
    'in which a completed run answered fewer cells than its notebook has',
    withRun(isComplete, (run) => ({ ...run, cellMs: run.cellMs.slice(0, 6) })),
    /cells answered of a completed run: 6, 25/,
  ],
  [
    'in which a completed run sent fewer cells, and its account was made to agree',
    withRun(isComplete, (run) => ({
      ...run,
      client: {
        sent: 6,
        replies: 6,
        idles: 6,
        rejected: 0,
        byType: { kernel_info_request: 1, execute_request: 5 },
      },
    })),
    /cells sent of a completed run: 5, 25/,
  ],
  [
    'in which a completed run’s kernel was given fewer requests than it answered',
    withRun(isComplete, (run) => ({
      ...run,
      kernel: run.kernel === null ? null : { ...run.kernel, delivered: 3, begun: 3, ended: 3 },
    })),
    /requests delivered of a completed run: 3, at least 26/,
  ],
  [
    'in which a kernel sent fewer replies than came',
    withRun(isComplete, (run) => ({
      ...run,
      kernel: run.kernel === null ? null : { ...run.kernel, replies: 2 },
    })),
    /replies by the kernel's own count: 2, at least 26/,
  ],
  [
    'in which the counts by type do not add up',
    withRun(isComplete, (run) => ({ ...run, client: { ...run.client, sent: run.client.sent + 4 } })),
    /requests sent, summed by type: 26, 30/,
  ],
  [
    'in which a wedge was called completed',
    withRun(isWedged, (run) => withOutcome(run, completedKind)),
    /outcome: completed, wedged-stranded, by its observations/,
  ],
  [
    'in which a wedge was called completed, its observations gone',
    withRun(isWedged, (run) => withOutcome(run, { ...completedKind, observations: null })),
    /cells answered of a completed run: \d+, 25/,
  ],
  [
    'in which a wedge was excluded as a fault of the harness',
    withRun(isWedged, (run) => withOutcome(run, { kind: 'harness-fault', source: 'harness' })),
    /outcome by its observations: harness-fault, wedged-stranded/,
  ],
  [
    'in which a wedge was excluded as a lost reply',
    withRun(isWedged, (run) => withOutcome(run, { kind: 'lost-reply' })),
    /outcome by its observations: lost-reply, wedged-stranded/,
  ],
  [
    'in which a completed run was called a wedge',
    withRun(isComplete, (run) => withOutcome(run, { kind: 'wedged-mute', source: 'kernel', cell: 25 })),
    /observations: none, one, since it is wedged-mute/,
  ],
  [
    'in which a wedge has the certificate of a socket with nothing in it',
    withRun(isWedged, (run) => {
      const { observations } = run.outcome;
      if (observations?.look == null) throw new Error('The run has no look.');
      return withOutcome(run, {
        observations: { ...observations, look: { ...observations.look, pollin: false } },
      });
    }),
    /outcome by its observations: wedged-stranded, wedged-mute/,
  ],
  [
    'in which a wedge was moved to another cell',
    withRun(isWedged, (run) => withOutcome(run, { cell: (run.outcome.cell ?? 0) + 1 })),
    /cell of the outcome: \d+, \d+/,
  ],
  [
    'that finished without its last block',
    { ...HONEST, runs: HONEST.runs.filter(({ block }) => block < 7) },
    /session that finished: 35 runs, 40, 8 blocks of 5 arms/,
  ],
])('a journal %s', (_what, journal, words) => {
  test('is found and named', async () => {
    const differences = await differencesOf(journal);
    expect(
      differences.some((each) => words.test(each)),
      differences.join('\n'),
    ).toBe(true);
  });
});

test('a journal of schema 1 whose line between busy and mute was drawn otherwise is no contradiction', () => {
  const old = withRun(isWedged, (run) => {
    const { observations } = run.outcome;
    return observations == null
      ? run
      : withOutcome(run, { kind: 'busy', observations: { ...observations, look: null } });
  });
  expect(contradictions(old)).toEqual([]);
});
