import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { openDisplay } from '../commands/display.ts';
import { CLIENT_COUNTERS, type ClientCounters, type Stall } from '../model/client.ts';
import type { RunRecord } from '../model/journal.ts';
import { comparisonDocument } from './compare.ts';
import { plainLine } from './document.ts';
import { evidenceMarkdown } from './evidence.ts';
import { assertCanFail, failRules, failures, failureWords } from './fail-on.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { judgedExit } from './judged-exit.ts';
import { junitXml } from './junit.ts';
import { markdownDocument } from './render-markdown.ts';
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
    ...(run.arm === 'stream' && run.block < stalled ? { stalls: [STALL, { ...STALL, cell: 9 }] } : {}),
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
    /^stream fixes the wedge, but runs would still stall: 9 of 12 \(in nbclient\)\. It wedged in 0 of 12 runs \(0 %\)\. control wedged in /,
  );
  expect(second).toMatch(/^nbclient stalled in 9 of 12 runs of stream: /);
  expect(summaryLine(report)).toContain(', stream 0/12 (client stalled 9/12) fixes the wedge, p ');
  expect(summary(report).verdicts[0]).toMatchObject({
    word: 'fixes',
    stillMet: [{ what: 'stalled', runs: 9, of: 12 }],
  });
  expect(summary(report).arms[1]).toMatchObject({ secondEvents: { stalled: 9, runs: 12 } });
  const lead = evidenceMarkdown(report).split('\n## ')[0];
  expect(lead).toMatch(/\| Client stalled \|/);
  expect(lead).toMatch(/`stream` .*\| +9\/12 \|/);
  // The runs keep their outcomes.
  expect(report.analysis.arms[1]?.counts).toMatchObject({ completed: 12, wedged: 0, invalid: 0 });
});

test('soak compare says what is left where it says "fixes"', () => {
  const named = (stalled: number) => ({ name: String(stalled), report: buildReport(journal(stalled)) });
  const text = markdownDocument(comparisonDocument(named(0), named(9)), []);
  expect(text).toMatch(
    /\| `stream` +\| fixes \(p [^|]*\| fixes the wedge, but runs would still stall: 9 of 12 \(in nbclient\) \(p /,
  );
  expect(text).toMatch(/\| `stream` .*0\/12 \(0 %\); nbclient stalled in 9 of 12 /);
});

test('where the client did not stall nothing is said of it', () => {
  const report = buildReport(journal(0));
  expect(verdictLines(report).map(plainLine).join()).not.toMatch(/stall/);
  expect(evidenceMarkdown(report)).not.toContain('Client stalled');
  expect(plainLine(verdictLines(report)[0] ?? [])).toMatch(/^stream fixes it: /);
  expect(summaryLine(report)).toContain(', stream 0/12 fixes, p ');
  expect(summary(report).verdicts[0]).not.toHaveProperty('stillMet');
  expect(junitXml(report)).not.toContain('stalled');
});

test('a rule of --fail-on looks at them, of the treatments or of one arm', async () => {
  const report = buildReport(journal(9));
  const reasons = (rules: string) => failures(failRules(rules), report).map(failureWords);
  expect(reasons('stalled>0')).toEqual(['stalled>0: nbclient stalled in 9 of 12 runs of stream.']);
  expect(reasons('stalled:stream>0.5')).toHaveLength(1);
  expect(reasons('stalled>0.8,stalled:control>0,treatment-wedged,event:stream>0,worse')).toEqual([]);
  expect(reasons('treatment-event')).toEqual([
    'treatment-event: nbclient stalled in 9 of 12 runs of stream.',
  ]);
  const { protocol } = journal(9).experiment;
  assertCanFail(failRules('stalled>0'), protocol);
  const { client: _client, ...ours } = protocol;
  const refusal = (frozen: Parameters<typeof assertCanFail>[1]) =>
    soakErrorOf(() => assertCanFail(failRules('stalled>0'), frozen));
  expect((await refusal(ours)).message).toContain('the harness is the client');
  expect((await refusal({ ...protocol, endpoint: 'stalled' })).message).toContain(
    'is an event that is counted',
  );
  expect((await refusal({ ...protocol, endpoint: 'any' })).message).toContain('is an event that is counted');
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
    "nbclient stalled in 9 of 12 runs of stream. This does not change the exit code. To make it fail, give --fail-on 'stalled>0'.\n",
  );
  expect(exit('treatment-wedged')).toBe(0);
  expect(written).toHaveLength(1);
  expect(exit('treatment-event')).toBe(1);
  expect(written).toEqual([
    'Failed by --fail-on treatment-event: nbclient stalled in 9 of 12 runs of stream.\n',
  ]);
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
  expect(
    lines.filter((line) => /-stream: completed .*; nbclient stalled at cells 3 and 9$/.test(line.trim())),
  ).toHaveLength(9);
});

test('JUnit fails a run of a treatment in which the client stalled, and skips one of a reference', () => {
  const { experiment, runs } = journal(9);
  const completed = runs.find((run) => run.arm === 'stream')?.outcome;
  const changed = runs.map((run) =>
    run.arm === 'control' && run.block === 0 && completed !== undefined
      ? { ...run, outcome: completed, stalls: [STALL] }
      : run,
  );
  const xml = junitXml(buildReport({ ...journal(9), experiment, runs: changed }));
  expect(
    xml.match(
      /<failure type="client-stalled" message="nbclient stalled at cells 3 and 9: the kernel had sent 5 replies/g,
    ),
  ).toHaveLength(9);
  expect(xml).toMatch(/<testsuite name="stream" tests="12" failures="9" errors="0" skipped="0"/);
  expect(xml).toContain('<skipped message="in a reference arm, nbclient stalled at cell 3: ');
});

test('a stall that ended its run is counted with those that a run outlived', () => {
  const { experiment, runs } = journal(9);
  const isEnded = (run: RunRecord) => run.arm === 'stream' && run.block >= 9 && run.block < 11;
  const changed = runs.map((run) =>
    isEnded(run)
      ? { ...run, stalls: [STALL], outcome: { ...run.outcome, kind: 'stalled' as const, cell: 3 } }
      : run,
  );
  const report = buildReport({ ...journal(9), experiment, runs: changed });
  const headline = plainLine(verdictLines(report)[0] ?? []);
  expect(headline).toContain('would still stall: 11 of 12 (in nbclient). It wedged in 0 of 10 runs');
  expect(summaryLine(report)).toContain('stream 0/10 (client stalled 11/12) fixes the wedge');
  expect(failures(failRules('stalled>0.9'), report)).toHaveLength(1);
});

test('a stall is an event of the endpoint any, also where the run outlived it', () => {
  const { experiment, runs } = journal(9);
  const asAny = { ...experiment, protocol: { ...experiment.protocol, endpoint: 'any' as const } };
  const report = buildReport({ ...journal(9), experiment: asAny });
  expect(report.analysis.arms.map(({ name, wedged }) => [name, wedged])).toEqual([
    ['control', runs.filter((run) => run.arm === 'control' && run.outcome.kind !== 'completed').length],
    ['stream', 9],
  ]);
  expect(report.analysis.arms[1]).not.toHaveProperty('secondEvents');
  const stalls = report.failures.groups.filter(
    ({ fault }) => fault.is === 'request' && fault.kind === 'stalled',
  );
  expect(stalls.map((group) => [group.status, group.runs])).toEqual([['event', 9]]);
  expect(junitXml(report)).toContain('had an event (the client stalled at cells 3 and 9)');
});
