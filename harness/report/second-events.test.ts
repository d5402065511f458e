import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { openDisplay } from '../commands/display.ts';
import { CLIENT_COUNTERS, type ClientCounters, type Stall } from '../model/client.ts';
import type { RunRecord } from '../model/journal.ts';
import { plainLine } from './document.ts';
import { evidenceMarkdown } from './evidence.ts';
import { assertCanFail, failRules, failures, failureWords } from './fail-on.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { judgedExit } from './judged-exit.ts';
import { buildReport } from './report.ts';
import { verdictLines } from './sections/verdict.ts';
import { summary, summaryLine } from './summary.ts';

const [CONTROL] = FIVE_ARMS as [SyntheticArm];
const STREAM: SyntheticArm = { name: 'stream', role: 'treatment', hazard: 0 };
const client = { name: 'nbclient' as const, cellTimeoutMs: 6_000, versions: { nbclient: '0.11.0' } };
const counters = Object.fromEntries(CLIENT_COUNTERS.map((name) => [name, 0])) as ClientCounters;
const STALL: Stall = {
  cell: 3,
  request: 'execute_request',
  waitedMs: 1_000,
  replies: 5,
  taken: 4,
  cpuShare: 0,
  look: null,
  end: 'time-out',
  endedAfterMs: 6_000,
};

/** Twelve blocks of control, which wedges in every run, and stream, in so many of whose runs the client stalls. */
function journal(stalled: number, stream: SyntheticArm = STREAM) {
  const arms = [{ ...CONTROL, hazard: 0.3 }, stream];
  const change = (run: RunRecord): RunRecord => ({
    ...run,
    clientCounters: counters,
    ...(run.arm === 'stream' && run.block < stalled ? { stalls: [STALL, STALL] } : {}),
  });
  return syntheticJournal({ blocks: 12, arms, protocol: { client }, change });
}

test('a change that cures the kernel is said with the stalls that it leaves, in the headline', () => {
  const report = buildReport(journal(9));
  expect(report.analysis.arms.map(({ name, secondEvents }) => [name, secondEvents])).toEqual([
    ['control', { stalled: 0, runs: 12 }],
    ['stream', { stalled: 9, runs: 12 }],
  ]);
  const [headline = '', second = ''] = verdictLines(report).map(plainLine);
  expect(headline).toMatch(
    /^stream fixes the wedge, but nbclient still stalls in 9 of 12 runs: it wedged in 0 of 12 runs/,
  );
  expect(second).toMatch(/^nbclient stalled in 9 of 12 runs of stream: /);
  expect(summaryLine(report)).toContain('client stalled 9/12 in stream');
  expect(summary(report).arms[1]).toMatchObject({ secondEvents: { stalled: 9, runs: 12 } });
  const lead = evidenceMarkdown(report).split('\n## ')[0];
  expect(lead).toMatch(/\| Client stalled \|/);
  expect(lead).toMatch(/`stream` .*\| +9\/12 \|/);
  // The runs keep their outcomes.
  expect(report.analysis.arms[1]?.counts).toMatchObject({ completed: 12, wedged: 0, invalid: 0 });
});

test('where the client did not stall nothing is said of it', () => {
  const report = buildReport(journal(0));
  expect(verdictLines(report).map(plainLine).join()).not.toMatch(/stall/);
  expect(evidenceMarkdown(report)).not.toContain('Client stalled');
  expect(plainLine(verdictLines(report)[0] ?? [])).toMatch(/^stream fixes it: /);
});

test('a rule of --fail-on looks at them, of the treatments or of one arm', async () => {
  const report = buildReport(journal(9));
  const reasons = (rules: string) => failures(failRules(rules), report).map(failureWords);
  expect(reasons('stalled>0')).toEqual(['stalled>0: nbclient stalled in 9 of 12 runs of stream.']);
  expect(reasons('stalled:stream>0.5')).toHaveLength(1);
  expect(reasons('stalled>0.8,stalled:control>0,treatment-event,worse')).toEqual([]);
  const { protocol } = journal(9).experiment;
  assertCanFail(failRules('stalled>0'), protocol);
  const { client: _client, ...ours } = protocol;
  const refusal = (frozen: Parameters<typeof assertCanFail>[1]) =>
    soakErrorOf(() => assertCanFail(failRules('stalled>0'), frozen));
  expect((await refusal(ours)).message).toContain('the harness is the client');
  expect((await refusal({ ...protocol, endpoint: 'stalled' })).message).toContain(
    'is the event that is counted',
  );
});

test('without a rule the exit code stays, and the last line names them', () => {
  const report = buildReport(journal(9));
  const written: string[] = [];
  const exit = (rules: string | null, of = report) => {
    written.length = 0;
    return judgedExit(of, rules === null ? [] : failRules(rules), (text) => written.push(text));
  };
  expect(exit(null)).toBe(0);
  expect(written.at(-1)).toBe(
    "Second event: nbclient stalled in 9 of 12 runs of stream. This does not change the exit code. To make it fail, give --fail-on 'stalled>0'.\n",
  );
  expect(exit('stalled>0')).toBe(1);
  expect(written).toEqual(['Failed by --fail-on stalled>0: nbclient stalled in 9 of 12 runs of stream.\n']);
  expect(exit(null, buildReport(journal(0)))).toBe(0);
  expect(written).toEqual([]);
});

test('the live rows count them', () => {
  const { experiment, runs } = journal(9);
  const lines: string[] = [];
  const display = openDisplay(experiment.protocol, [], (text) => lines.push(text), { isTerminal: false });
  for (const run of runs) display.events.onRun?.(run);
  display.close();
  expect(lines.filter((line) => / stream: completed .*; 2 stalls of the client/.test(line))).toHaveLength(9);
});
