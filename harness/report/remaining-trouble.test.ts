import { expect, test } from 'vitest';
import type { Endpoint } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import { OUTCOME_KINDS, type OutcomeKind } from '../model/outcome.ts';
import { plainLine } from './document.ts';
import { evidenceMarkdown } from './evidence.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { githubAnnotations } from './github.ts';
import { buildReport, type Report } from './report.ts';
import { nextWay } from './sections/other-ways.ts';
import { verdictLines } from './sections/verdict.ts';
import { summary, summaryLine } from './summary.ts';

const [CONTROL, , FIX, FLUSH] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm, SyntheticArm];
const BLOCKS = 24;
const WEDGES = ['wedged-stranded', 'wedged-mute'] as const;

function as(run: RunRecord, kind: OutcomeKind): RunRecord {
  return { ...run, outcome: { ...run.outcome, kind, cell: 0, reason: 'As seen.', observations: null } };
}

interface Ends {
  readonly endpoint?: Endpoint;
  readonly event: OutcomeKind;
  readonly other: OutcomeKind;
  readonly arms?: readonly SyntheticArm[];
}

/** Control shows the event in half of its runs. In both arms, a quarter of the runs end in another kind. */
function report({ endpoint = 'wedged', event, other, arms = [CONTROL, FIX] }: Ends): Report {
  const change = (run: RunRecord): RunRecord => {
    if (run.block % 4 === 0) return as(run, other);
    return as(run, run.arm === 'control' && run.block % 4 !== 1 ? event : 'completed');
  };
  return buildReport(
    syntheticJournal({
      blocks: BLOCKS,
      cells: 3,
      arms,
      change,
      ...(endpoint === 'wedged' ? {} : { protocol: { endpoint } }),
    }),
  );
}

const headline = (of: Report) => plainLine(verdictLines(of)[0] ?? []);

const OTHERS = OUTCOME_KINDS.filter(
  (kind) => kind !== 'completed' && kind !== 'harness-fault' && !WEDGES.some((wedge) => wedge === kind),
);

test.each(OTHERS)('runs of the treatment that end in %s stand in the sentence that says "fixes"', (other) => {
  const seen = report({ event: 'wedged-stranded', other });
  expect(seen.analysis.verdicts.map(({ word }) => word)).toEqual(['fixes']);
  expect(headline(seen)).toMatch(
    /^fix fixes the wedge, but runs would still [a-z -]+: 6 of 24( \(in the client\))?\. It wedged in 0 of 18 runs \(0 %\)\. control wedged in 12 of 18 runs \(66\.7 %; .*6 of 24/,
  );
  expect(headline(seen)).not.toContain('fixes it');
  expect(summaryLine(seen)).toContain(`fix 0/18 (6 ${other}) fixes the wedge, p `);
  expect(summary(seen).verdicts[0]?.stillMet).toEqual([{ what: other, runs: 6, of: 24 }]);
  expect(githubAnnotations(seen).at(-1)).toMatch(/^::warning /);
});

test.each(WEDGES)('a wedge (%s) stands there where another event is counted', (other) => {
  const seen = report({ endpoint: 'died', event: 'died', other });
  expect(headline(seen)).toMatch(
    /^fix fixes the death, but runs would still wedge: 6 of 24\. It died in 0 of 18/,
  );
});

test('a wedge is one thing there, with a certificate or without', () => {
  const change = (run: RunRecord): RunRecord => {
    if (run.block % 4 === 0) return as(run, WEDGES[run.block % 8 === 0 ? 0 : 1]);
    return as(run, run.arm === 'control' ? 'died' : 'completed');
  };
  const protocol = { endpoint: 'died' as const };
  const seen = buildReport(
    syntheticJournal({ blocks: BLOCKS, cells: 5, arms: [CONTROL, FIX], change, protocol }),
  );
  expect(headline(seen)).toContain('but runs would still wedge: 6 of 24. It died');
});

test('a kernel that starts and dies later is no cure of failed starts alone', () => {
  const seen = report({ endpoint: 'start-failed', event: 'start-failed', other: 'died' });
  expect(seen.analysis.arms[1]).toMatchObject({ competing: { wedged: 0 }, endedLaterByKind: { died: 6 } });
  expect(headline(seen)).toMatch(
    /^fix fixes the failed start, but runs would still die: 6 of 24\. It failed to start in 0 of 24 runs/,
  );
});

test('without other endings the word stands alone, and nothing is added to the summary', () => {
  const seen = report({ event: 'wedged-stranded', other: 'completed' });
  expect(headline(seen)).toMatch(/^fix fixes it: it wedged in 0 of 24 runs \(0 %\)\. /);
  expect(summaryLine(seen)).toContain('fix 0/24 fixes, p ');
  expect(summary(seen).verdicts[0]).not.toHaveProperty('stillMet');
  expect(githubAnnotations(seen).at(-1)).toMatch(/^::notice /);
});

test('of several treatments each is named with its own trouble', () => {
  const arms = [CONTROL, FIX, FLUSH];
  const change = (run: RunRecord): RunRecord => {
    if (run.arm === 'flush' && run.block % 12 === 0) return as(run, 'died');
    return as(run, run.arm === 'control' ? 'wedged-mute' : 'completed');
  };
  const seen = buildReport(syntheticJournal({ blocks: BLOCKS, cells: 5, arms, change }));
  expect(headline(seen)).toMatch(
    /^fix and flush fix the wedge, but runs of flush would still die: 2 of 24\. fix wedged in 0 of 24/,
  );
});

test('a treatment that still wedges, rarely, says what else is left too', () => {
  const change = (run: RunRecord): RunRecord => {
    if (run.block % 4 === 0) return as(run, 'died');
    return as(run, run.arm === 'control' || run.block === 1 ? 'wedged-mute' : 'completed');
  };
  const seen = buildReport(syntheticJournal({ blocks: BLOCKS, cells: 5, arms: [CONTROL, FIX], change }));
  expect(headline(seen)).toMatch(
    /^fix reduces the wedge rate but does not end it, and runs would still die: 6 of 24\. It wedged in 1 of 18 runs/,
  );
});

test('an event of --also that does not end a run is named with its own words', () => {
  const change = (run: RunRecord): RunRecord => ({
    ...as(run, run.arm === 'control' ? 'wedged-mute' : 'completed'),
    losses: run.block < 7 && run.arm === 'fix' ? [{ loss: 'missing', cell: 3, output: 'stdout' }] : [],
  });
  const protocol = {
    also: ['lost-output', 'died'] as Endpoint[],
    expected: { kind: 'saved', rulesSha256: '' } as const,
  };
  const seen = buildReport(
    syntheticJournal({ blocks: BLOCKS, cells: 5, arms: [CONTROL, FIX], change, protocol }),
  );
  expect(headline(seen)).toMatch(
    /^fix fixes the wedge, but runs would still lose output: 7 of 24\. It wedged in 0 of 24/,
  );
  expect(summaryLine(seen)).toContain('fix 0/24 (lost-output 7/24) fixes the wedge');
});

const RELEASES = ['7.2.0', '7.4.0'].map(
  (version, index): SyntheticArm => ({
    name: `ipykernel-${version}`,
    role: index === 0 ? 'control' : 'treatment',
    hazard: index === 0 ? 0.1 : 0,
  }),
);

/** Two releases of ipykernel, the first of which wedges. */
function releases(protocol: NonNullable<Parameters<typeof syntheticJournal>[0]>['protocol'] = {}): Report {
  const journal = syntheticJournal({ arms: RELEASES, blocks: 12, protocol });
  const environment = (version: string) => ({
    key: version,
    python: 'CPython 3.11.9',
    kernelLibzmq: '4.3.5',
    eventLoop: '_UnixSelectorEventLoop',
    ipykernel: version,
    packages: { ipykernel: version },
  });
  const { experiment } = journal;
  const arms = experiment.protocol.arms.map((arm) => ({
    ...arm,
    environment: {
      requirements: [arm.name.replace('ipykernel-', 'ipykernel==')],
      python: null,
      lockSha256: 'lock',
      versions: {},
    },
  }));
  return buildReport({
    ...journal,
    experiment: {
      ...experiment,
      protocol: { ...experiment.protocol, arms },
      armEnvironments: Object.fromEntries(RELEASES.map(({ name }) => [name, environment(name.slice(10))])),
    },
  });
}

test('a comparison of releases by one way names the ways that were not tried', () => {
  const direct = releases();
  const notShown = (of: Report) => evidenceMarkdown(of).split('## What was not shown')[1]?.split('\n## ')[0];
  expect(notShown(direct)).toContain('every run was executed by the harness, straight to the kernel');
  expect(notShown(direct)).toMatch(
    /with `nbclient`, as CI .*`--client nbclient`.* or through a Jupyter Server/,
  );
  expect(nextWay(direct)).toBe(
    'Every run was executed by the harness, straight to the kernel. CI executes notebooks with nbclient, which can stall with every kernel. Try it: give --client nbclient too.',
  );
  const server = releases({ transport: { name: 'server', versions: {} } });
  expect(notShown(server)).toMatch(/with `nbclient`, .* or straight to the kernel/);
  const client = releases({ client: { name: 'nbclient', cellTimeoutMs: null, versions: {} } });
  expect(notShown(client)).toMatch(
    /executed by `nbclient`, not straight to the kernel or through a Jupyter Server/,
  );
  expect(nextWay(client)).toBeNull();
  const patches = report({ event: 'wedged-stranded', other: 'completed' });
  expect(notShown(patches)).not.toContain('Other ways');
  expect(nextWay(patches)).toBeNull();
});
