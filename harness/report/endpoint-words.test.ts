import { describe, expect, test } from 'vitest';
import { ENDPOINTS, type Endpoint } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { plainLine } from './document.ts';
import { eventWords } from './endpoint-words.ts';
import { commentMarkdown, evidenceHtml, evidenceMarkdown } from './evidence.ts';
import { figureTexts } from './figures/figures.ts';
import { EVENT_LIMITS, NAMED, type Named, watchedRun } from './fixtures/endpoint-events.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { githubAnnotations } from './github.ts';
import { junitXml } from './junit.ts';
import { buildReport, type Report } from './report.ts';
import { verdictLines } from './sections/verdict.ts';
import { summary, summaryLine } from './summary.ts';

const [CONTROL, , FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

/** Nine of 20 control runs show the event, and none of the treatment's. */
function reportOf(endpoint: Named, more: Partial<Protocol> = {}, events = 9): Report {
  const arms = [CONTROL, FIX].map((arm) => ({ ...arm, hazard: 0 }));
  const change = (run: RunRecord): RunRecord =>
    watchedRun(run, endpoint, run.arm === 'control' && (run.block * 7) % 20 < events);
  const protocol = { endpoint, ...EVENT_LIMITS, ...more };
  return buildReport(syntheticJournal({ arms, protocol, change }));
}

const RENDERINGS: Readonly<Record<string, (report: Report) => string>> = {
  'evidence.md': evidenceMarkdown,
  'comment.md': (report) => commentMarkdown(report),
  'evidence.html': (report) => evidenceHtml(report).replace(/<style>[\s\S]*?<\/style>/g, ''),
  'junit.xml': junitXml,
  'the figures’ texts': (report) => JSON.stringify(figureTexts(report)),
  'the summary’s sentences': (report) => {
    const { line, verdict, warnings, innocence } = summary(report);
    return JSON.stringify([line, verdict, warnings, innocence.words]);
  },
  'the annotations': (report) => githubAnnotations(report).join('\n'),
};

describe.each(NAMED)('a report about %s', (endpoint) => {
  const reports = {
    'with a cure': reportOf(endpoint),
    'without an event': reportOf(endpoint, {}, 0),
    'with too few events': reportOf(endpoint, {}, 1),
  };
  for (const [what, report] of Object.entries(reports)) {
    test.each(Object.keys(RENDERINGS))(`${what}: no wedge in %s`, (rendering) => {
      const words = RENDERINGS[rendering]?.(report) ?? '';
      expect(words.length).toBeGreaterThan(20);
      expect(words.match(/.{0,80}wedg.{0,40}/gi) ?? []).toEqual([]);
    });
  }

  test('says in its scope when a run shows the event', () => {
    expect(evidenceMarkdown(reports['with a cure'])).toContain(
      eventWords(reports['with a cure'].protocol).definition.replace(/\.$/, ''),
    );
  });
});

test.each<[Named, string]>([
  ['hung', 'fix fixes it: it hung in 0 of 20 runs (0 %). control hung in 9 of 20 runs (45.0 %)'],
  ['lost-answer', 'it lost an answer in 0 of 20 runs (0 %). control lost an answer in 9 of 20 runs'],
  ['lost-output', 'it lost output in 0 of 20 runs (0 %). control lost output in 9 of 20 runs'],
  ['lost-output', '0/20 still allows a rate of lost output of up to 13.9 %'],
  ['cell-error', 'it raised an error in 0 of 20 runs (0 %). control raised an error in 9 of 20 runs'],
  ['cell-error', '0/20 still allows an error rate of up to 13.9 %'],
  ['died', 'it died in 0 of 20 runs (0 %). control died in 9 of 20 runs'],
  ['died', '0/20 still allows a death rate of up to 13.9 %'],
  ['start-failed', 'it failed to start in 0 of 20 runs (0 %). control failed to start in 9 of 20 runs'],
  ['slow', 'it had a slow cell in 0 of 20 runs (0 %). control had a slow cell in 9 of 20 runs'],
  ['memory', 'it passed 2 GiB in 0 of 20 runs (0 %). control passed 2 GiB in 9 of 20 runs'],
  ['any', 'it had an event in 0 of 20 runs (0 %). control had an event in 9 of 20 runs'],
])('the verdict about %s: %s', (endpoint, sentence) => {
  expect(verdictLines(reportOf(endpoint)).map(plainLine).join(' ')).toContain(sentence);
});

test.each<[Named, string]>([
  ['lost-output', 'Use a notebook that repeats the cells whose output is lost, or many more runs.'],
  ['died', 'Use a notebook that repeats what ends the kernel, or many more runs.'],
  ['start-failed', 'Start more kernels at once, with a notebook of one short cell'],
  ['slow', 'a lower --slow-after'],
])('the advice about %s is its own', (endpoint, advice) => {
  const verdict = verdictLines(reportOf(endpoint, {}, 0))
    .map(plainLine)
    .join(' ');
  expect(verdict).toContain(advice);
  expect(verdict).not.toContain('other traffic');
});

test('the summary names the endpoint with its limits', () => {
  expect(summary(reportOf('died')).endpoint).toMatchObject({ name: 'died' });
  expect(summary(reportOf('slow')).endpoint).toMatchObject({ name: 'slow', slowAfterMs: 5_000 });
  expect(summary(buildReport(syntheticJournal())).endpoint).toEqual({ name: 'wedged' });
  expect(summaryLine(reportOf('died'))).toMatch(/^died: control 9\/20, fix 0\/20 fixes, /);
  expect(summaryLine(reportOf('memory'))).toMatch(/^memory \(above 2 GiB\): control 9\/20, /);
  expect(summaryLine(reportOf('any'))).toMatch(/^any \(slow: 5 s or longer, memory: above 2 GiB\): control/);
  expect(evidenceMarkdown(reportOf('any'))).toContain(
    '; a cell that took 5 s or longer; memory above 2 GiB.',
  );
  expect(summaryLine(buildReport(syntheticJournal()))).toMatch(/^control /);
});

test('the deadline makes no event of an endpoint that it does not decide', () => {
  const slowest = (run: RunRecord) => (run.block < 5 ? { ...run, cellMs: [9_000] } : run);
  const journal = (endpoint: Endpoint) =>
    syntheticJournal({
      arms: [CONTROL, FIX].map((arm) => ({ ...arm, hazard: 0 })),
      protocol: { endpoint },
      change: slowest,
    });
  expect(evidenceMarkdown(buildReport(journal('died')))).toContain(
    'At half the deadline, 10 runs would have ended late instead of completing',
  );
  expect(evidenceMarkdown(buildReport(journal('hung')))).toContain(
    '10 runs would count as an event instead of completed',
  );
});

test('an event on the way is told beside the ending, and fails a treatment’s test case', () => {
  const journal = reportOf('lost-output');
  expect(evidenceMarkdown(journal)).toContain('completed; lost output (1 missing; first at cell 3)');
  expect(junitXml(journal)).toContain(
    'lost output in a reference arm: lost output (1 missing; first at cell 3)',
  );
  const alone = reportOf('lost-output', {
    arms: journal.protocol.arms.map((arm) => ({ ...arm, role: 'control' })),
  });
  expect(junitXml(alone)).toContain('<failure type="lost-output" message="lost output (1 missing');
});

test('one noun, one rate: every endpoint has words of its own', () => {
  const rules = ENDPOINTS.map((endpoint) => eventWords({ endpoint, memoryAboveBytes: 3 * 2 ** 29 }));
  for (const form of ['title', 'column', 'past', 'present', 'infinitive', 'noun', 'rate'] as const) {
    expect(new Set(rules.map((words) => words[form])).size).toBe(ENDPOINTS.length);
  }
  expect(rules.map(({ past }) => past)).toContain('passed 1.5 GiB');
});
