import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bisectProtocol, emptyBisect, simulatedBisect } from '../../tools/testing/simulated-bisect.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { bisectDocument } from '../bisect/document.ts';
import { posteriorPlan } from '../bisect/figure.ts';
import { BISECT_JOURNAL, type BisectJournal, parseBisectJournal } from '../bisect/journal.ts';
import { bisectState } from '../bisect/results.ts';
import { resultLine } from '../bisect/words.ts';
import { tunedOptions } from '../experiment/tuned.ts';
import { localisation, type PathName } from '../locate/localisation.ts';
import { locateMarkdown } from '../locate/locate-document.ts';
import { ENDPOINTS, type Endpoint, type EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import { isWedge } from '../model/outcome.ts';
import { packageRoot } from '../model/package-root.ts';
import { parsedRunOptions } from '../options/run-options.ts';
import { lengthsText, planText } from '../planning/plan-text.ts';
import { notebookLengths, runPlan, soonestLength } from '../planning/run-plan.ts';
import { plainLine } from '../report/document.ts';
import { eventWords } from '../report/endpoint-words.ts';
import { figureFiles } from '../report/figures/svg.ts';
import { EVENT_LIMITS, NAMED, type Named, watchedRun } from '../report/fixtures/endpoint-events.ts';
import { FIVE_ARMS, syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { parsedRecord, recordText, sealedRecord, type TuningRecord } from '../tune/record.ts';
import { tuningResults } from '../tune/results.ts';
import { tuningText } from '../tune/tuning-text.ts';
import { tuningFiles } from '../tune/write-tuning.ts';
import { posteriorText } from './bisect-display.ts';

const folder = temporaryFolder();
const ruleOf = (endpoint: Endpoint): EndpointRule => ({ endpoint, ...EVENT_LIMITS });

// One bisect of wedges, whose runs then show the event of each endpoint in their place.
const wedges = bisectProtocol();
const simulated = await simulatedBisect(emptyBisect(wedges), {
  outcomeOf: ({ arm, seed }) => {
    const release = wedges.releases.indexOf(arm);
    return release >= 2 && release < 6 && seed % 10 < 8 ? 'wedged-stranded' : 'completed';
  },
});
const bisected = parseBisectJournal(
  Buffer.from(
    [emptyBisect(wedges).bisect, ...simulated.entries].map((each) => `${JSON.stringify(each)}\n`).join(''),
  ),
  BISECT_JOURNAL,
).journal;

/** The bisect of an endpoint, with its event where the simulated one has a wedge, or without an event. */
function bisectOf(endpoint: Endpoint, hasEvents: boolean): BisectJournal {
  const changed = (run: RunRecord): RunRecord => {
    const isEvent = isWedge(run.outcome.kind);
    const completed = {
      ...run,
      outcome: { ...run.outcome, kind: 'completed' as const, reason: 'It ended.' },
    };
    if (endpoint === 'wedged') return hasEvents ? run : completed;
    return watchedRun(completed, endpoint, isEvent && hasEvents);
  };
  return {
    ...bisected,
    bisect: {
      ...bisected.bisect,
      protocol: { ...bisected.bisect.protocol, ...(endpoint === 'wedged' ? {} : ruleOf(endpoint)) },
    },
    batches: bisected.batches.map(({ plan, runs }) => ({ plan, runs: runs.map(changed) })),
    sessions: hasEvents
      ? bisected.sessions
      : [{ type: 'session', at: '', event: 'finished', reason: 'not-reproduced', abandoned: [] }],
  };
}

function bisectTexts(endpoint: Endpoint): string[] {
  return [true, false].flatMap((hasEvents) => {
    const journal = bisectOf(endpoint, hasEvents);
    const state = bisectState(journal);
    const { protocol } = journal.bisect;
    const plan = posteriorPlan(protocol, state);
    return [
      markdownDocument(bisectDocument(journal, state), [plan]),
      ...figureFiles([plan]).map(({ content }) => String(content)),
      posteriorText(protocol, state),
      ...['found', 'not-reproduced', 'no-control', 'max-runs'].map((end) =>
        plainLine(resultLine(protocol, state, end)),
      ),
    ];
  });
}

test('a bisect that names a cure says what else became of the cured releases’ runs', () => {
  const journal = bisectOf('wedged', true);
  const { protocol } = journal.bisect;
  const [last = ''] = protocol.releases.slice(-1);
  const sentence = (of: typeof journal) => plainLine(resultLine(protocol, bisectState(of), 'found'));
  expect(sentence(journal)).toMatch(/cured it, with a posterior probability of [\d.]+ %, after \d+ runs\.$/);
  let changed = 0;
  const died = journal.batches.map((batch) => ({
    ...batch,
    runs: batch.runs.map((run) => {
      if (run.arm !== last || changed === 1) return run;
      changed += 1;
      return { ...run, outcome: { ...run.outcome, kind: 'died' as const } };
    }),
  }));
  expect(changed).toBe(1);
  expect(sentence({ ...journal, batches: died })).toMatch(
    new RegExp(`; but of ${last.replaceAll('.', '\\.')}, 1 of \\d+ runs? ended otherwise \\(1 died\\)\\.$`),
  );
});

const committed = parsedRecord(
  await readFile(join(packageRoot(), 'reports', 'tune-7.3.0', 'tuning.json'), 'utf8'),
  'tuning.json',
);

/** The committed tuning as one of another endpoint, with its event where the committed one has a wedge. */
function tuningOf(endpoint: Endpoint, hasEvents: boolean): TuningRecord {
  const { sha256: _, ...body } = committed;
  const runs = body.runs.map((run) => ({
    ...run,
    kind: endpoint === 'wedged' ? run.kind : ('completed' as const),
    reason: endpoint === 'wedged' ? run.reason : '',
    status: isWedge(run.kind) && hasEvents ? ('wedged' as const) : ('completed' as const),
  }));
  const rule = endpoint === 'wedged' ? {} : ruleOf(endpoint);
  const { chosen, ...unchosen } = { ...body, schema: 2 as const, ...rule, runs };
  return sealedRecord({ ...unchosen, chosen: tuningResults(unchosen).chosen?.index ?? null });
}

async function tuningTexts(endpoint: Endpoint): Promise<string[]> {
  const found = tuningOf(endpoint, true);
  const nothing = tuningOf(endpoint, false);
  const path = join(folder, `${endpoint}.json`);
  await writeFile(path, recordText(nothing));
  const options = parsedRunOptions({ tuned: path }, 'default.ipynb', () => 1);
  const refused = await tunedOptions(options, path, null).catch(
    ({ message, remedy }) => `${message} ${remedy}`,
  );
  return [
    ...[found, nothing].flatMap((record) => [
      tuningText(record, tuningResults(record), 'tuning.json'),
      ...tuningFiles(record).map(({ content }) => String(content)),
    ]),
    String(refused),
  ];
}

/** Located by paths of which one cannot place every event, then without events. */
function locateTexts(endpoint: Named): string[] {
  const journalOf = (path: PathName, events: number) =>
    syntheticJournal({
      arms: FIVE_ARMS.slice(0, 1).map((arm) => ({ ...arm, hazard: 0 })),
      protocol: {
        ...ruleOf(endpoint),
        ...(path === 'nbclient' ? { client: { name: 'nbclient', versions: {} } as never } : {}),
      },
      change: (run) => watchedRun(run, endpoint, run.block < events),
    });
  return [
    [['direct', 5] as const],
    [['nbclient', 5] as const],
    [['direct', 0] as const, ['nbclient', 0] as const],
    [['direct', 2] as const, ['nbclient', 3] as const],
  ].map((paths) =>
    locateMarkdown(localisation(paths.map(([path, events]) => ({ path, journal: journalOf(path, events) })))),
  );
}

const goal = { alpha: 0.001, alphaUntilDecided: 0.001, power: 0.9, simulations: 100, seed: 1, competing: 0 };
const plan = runPlan({ ...goal, pReference: 0.3, pTreatment: 0 });
const lengths = notebookLengths(
  0.012,
  [20, 80],
  1,
  { startSeconds: 0.5, cellSeconds: 0.03, wedgeSeconds: 1.2 },
  goal,
);

function planTexts(endpoint: Endpoint): string[] {
  return [
    lengthsText(0.012, lengths, soonestLength(lengths), goal, ruleOf(endpoint)),
    lengthsText(0.012, lengths, null, goal, ruleOf(endpoint)),
    planText(plan, [], { blockSeconds: 3 }, ruleOf(endpoint)),
  ];
}

describe.each(NAMED)('a search for %s speaks of no wedge', (endpoint) => {
  const isSilent = (texts: readonly string[]) => {
    for (const each of texts) {
      expect(each.length).toBeGreaterThan(20);
      expect(each.match(/.{0,80}wedg.{0,40}/gi) ?? []).toEqual([]);
    }
  };
  test('in a bisect', () => isSilent(bisectTexts(endpoint)));
  test('in a tuning', async () => isSilent(await tuningTexts(endpoint)));
  test('in where it is located', () => isSilent(locateTexts(endpoint)));
  test('in a plan', () => isSilent(planTexts(endpoint)));
});

test.each(ENDPOINTS)('a search for %s uses its words and gives its advice', async (endpoint) => {
  const words = eventWords(ruleOf(endpoint));
  const bisect = bisectTexts(endpoint).join('\n');
  expect(bisect).toContain(`The control never ${words.past}`.slice(4));
  expect(bisect).toContain(`brought the ${words.fault}`);
  expect(bisect).toContain(`Give ${words.notebook}`);
  const tuning = (await tuningTexts(endpoint)).join('\n');
  expect(tuning).toContain(`Nothing ${words.past}`);
  expect(tuning).toContain(`more minutes, ${words.isProvoked ? '' : 'or '}${words.notebook}`);
  expect(planTexts(endpoint).join('\n')).toContain(words.rate);
  for (const each of [bisect, tuning])
    expect(/other latenc|another latenc/.test(each)).toBe(words.isProvoked);
});

test('the words of the first endpoint are as they were', async () => {
  const [found = ''] = bisectTexts('wedged');
  expect(found).toContain('a wedge that became rarer is then not soon taken for a cured one');
  expect(found).toContain('Wedged runs of each: 6.31.0');
  expect(bisectTexts('wedged').join('\n')).toContain('wedged in none of');
  expect((await tuningTexts('wedged')).join('\n')).toContain(
    'Give more minutes, a longer notebook, or other latencies.',
  );
  expect(planTexts('wedged').join('\n')).toContain('0.012 wedges per reply');
});
