import { describe, expect, test } from 'vitest';
import type { Journal, RunRecord } from '../model/journal.ts';
import { observationsSchema } from '../model/observations.ts';
import { OUTCOME_KINDS, type Outcome } from '../model/outcome.ts';
import type { TraceEvent } from '../model/trace.ts';
import { evidenceMarkdown } from './evidence.ts';
import { syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { runExplained } from './run-explained.ts';

const journal = syntheticJournal({ blocks: 2, seed: 3 });

function runWith(some: Partial<RunRecord>, outcome: Partial<Outcome> = {}): RunRecord {
  const run = journal.runs[0];
  if (run === undefined) throw new Error('The synthetic journal has no run.');
  return { ...run, ...some, outcome: { ...run.outcome, ...outcome } };
}

function story(run: RunRecord, of: Journal = journal): string {
  return runExplained(of, run);
}

const HOSTILE = 'a\u001b[2Jb\u001b]0;title\u0007c\u202ed\u0000e\nf\r\ng';

describe('a story', () => {
  test.each(OUTCOME_KINDS)('of %s says what it means for the rates', (kind) => {
    const text = story(runWith({}, { kind, reason: 'because of this' }));
    expect(text).toContain('Because of this.');
    expect(text).toMatch(/counts\s(as|in)/);
  });

  test('puts the messages on a line of time, each with the request that it belongs to', () => {
    const trace: TraceEvent[] = [
      { atMs: 9.5, what: 'sent', channel: 'shell', type: 'execute_request', request: 7, state: null },
      { atMs: 1010, what: 'oracle', channel: null, type: 'verdict', request: null, state: null },
      { atMs: 1012.25, what: 'received', channel: 'iopub', type: 'status', request: 7, state: 'busy' },
      { atMs: 1013, what: 'rejected', channel: 'shell', type: 'bad-signature', request: null, state: null },
    ];
    const text = story(runWith({ trace, startMs: 400 }, { kind: 'wedged-stranded' }));
    expect(text).toContain(
      [
        'The last messages, in milliseconds since the kernel was ready:',
        '     9.5  → shell   execute_request #7',
        '  1010.0  · verdict',
        '  1012.3  ← iopub   status #7 busy',
        '  1013.0  ✗ shell   not taken: bad-signature',
      ].join('\n'),
    );
    expect(story(runWith({ trace, startMs: null }))).toContain('milliseconds since its launch');
  });

  test('names the cell by the number that the report gives it, and the block as the name of the run does', () => {
    const cells = journal.experiment.protocol.notebooks[0]?.codeCells ?? [];
    const flat = (run: RunRecord) => story(run).replaceAll('\n', ' ');
    const run = runWith({}, { kind: 'cell-error', cell: 4 });
    expect(run.run).toMatch(/^b000-/);
    expect(flat(run)).toContain(', block 0, ');
    expect(flat(run).match(/counted from 0/g)).toHaveLength(1);
    expect(flat(run)).toContain(
      `at cell 4 of the ${cells.length} that are executed (cell ${cells[4]} of the whole notebook). Blocks and cells are counted from 0.`,
    );
    const report = evidenceMarkdown(buildReport({ ...journal, runs: [run, ...journal.runs.slice(1)] }));
    expect(report).toMatch(new RegExp(`\\| \`${run.run}\` +\\| cell-error +\\| +4 \\|`));
    expect(flat(runWith({}, { cell: cells.length }))).toContain(`after the last of ${cells.length} cells`);
  });

  test('of a run without runtime, trace and observations tells what there is', () => {
    const text = story(runWith({ kernel: null, startMs: null, notebookMs: null }, { kind: 'start-failed' }));
    expect(text).toContain('never became ready');
    expect(text).not.toContain('delivered to it');
    expect(text).not.toContain('The last messages');
  });

  test('keeps the terminal safe from everything that a kernel can say', () => {
    const observations = observationsSchema.parse({
      request: HOSTILE,
      waitedMs: 1,
      busySeen: false,
      replySeen: false,
      idleSeen: false,
      sent: 1,
      rejected: 0,
      counters: null,
      cpuShare: null,
      processState: HOSTILE,
      heartbeat: null,
      control: null,
      look: {
        fdReadable: false,
        fdRegistered: true,
        pollin: true,
        pollout: true,
        receiving: true,
        threads: { [HOSTILE]: [HOSTILE], 'no frames': [] },
      },
      revivedByRearm: null,
      revivedAfterMs: null,
      answeredLate: false,
      loopStallMs: 0,
      socketError: null,
    });
    const event = { atMs: 1, what: 'received', channel: 'iopub', request: null } as const;
    const text = story(
      runWith(
        { run: HOSTILE, trace: [{ ...event, type: HOSTILE, state: HOSTILE }] },
        { reason: HOSTILE, stderrTail: HOSTILE, observations },
      ),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(text).toContain('no frames: nowhere');
  });
});

test('a run that lost output says where each was cut, and where it is instead', () => {
  const { experiment } = journal;
  const protocol = { ...experiment.protocol, endpoint: 'lost-output' as const };
  const run = runWith({
    losses: [
      { loss: 'cut', cell: 2, output: 'stdout', at: 12 },
      { loss: 'moved', cell: 3, output: 'stdout', at: 4 },
      { loss: 'moved', cell: 3, output: 'stdout', at: 6 },
      { loss: 'missing', cell: 5, output: 'stderr' },
    ],
  });
  const runs = [run, ...journal.runs.slice(1)];
  const text = story(run, { ...journal, experiment: { ...experiment, protocol }, runs });
  expect(text).toContain('  stdout of cell 2 is cut short: 12 characters of it came (group ');
  expect(text).toContain('  stdout of cell 3 is under another cell: cell 4, cell 6 (group ');
  expect(text).toContain('  stderr of cell 5 is missing (group ');
});

test.each([
  ['wedged', 'died', 'It could not be seen whether the run would wedge, so it counts in no rate'],
  ['died', 'died', 'The run counts as one that died.'],
  ['died', 'completed', 'The run counts as one that was observed and did not die.'],
  ['died', 'wedged-mute', 'It could not be seen whether the run would die, so it counts in no rate'],
  ['died', 'harness-fault', 'The run counts in no rate.'],
] as const)('for the endpoint %s, a run that ended %s: what it counts as', (endpoint, kind, words) => {
  const { experiment } = journal;
  const of = { ...journal, experiment: { ...experiment, protocol: { ...experiment.protocol, endpoint } } };
  expect(story(runWith({}, { kind }), of).replaceAll('\n', ' ')).toContain(words);
});
