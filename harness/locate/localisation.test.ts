import { describe, expect, test } from 'vitest';
import type { Journal, RunRecord } from '../model/journal.ts';
import { plainLine } from '../report/document.ts';
import { faultPlaces, localisation, type PathName } from './localisation.ts';
import { locateDocument, locateMarkdown } from './locate-document.ts';

type Kind = RunRecord['outcome']['kind'];

function run(arm: string, kind: Kind, source: string | null = null, stalls = 0): RunRecord {
  return {
    arm,
    outcome: { kind, source },
    ...(stalls === 0 ? {} : { stalls: Array.from({ length: stalls }, () => ({})) }),
  } as unknown as RunRecord;
}

function journal(path: PathName, runs: RunRecord[], roles: Record<string, string>): Journal {
  const versions = { [path]: '1.0' };
  return {
    experiment: {
      protocolSha256: 'a'.repeat(64),
      environment: { ipykernel: '7.3.0' },
      protocol: {
        notebooks: [{ name: 'n.ipynb' }],
        arms: Object.entries(roles).map(([name, role]) => ({ name, role })),
        ...(path === 'nbclient' ? { client: { name: path, versions } } : {}),
        ...(path === 'server' ? { transport: { name: path, versions } } : {}),
      },
    },
    runs,
  } as unknown as Journal;
}

const ARMS = { control: 'control', fix: 'treatment' };
const lead = (located: ReturnType<typeof localisation>): string => {
  const [block] = locateDocument(located).lead;
  return block?.kind === 'callout' ? plainLine(block.line) : '';
};

describe('a run’s faults are placed by what was seen of it', () => {
  test.each<[string, RunRecord, string[] | null]>([
    ['a wedge', run('a', 'wedged-stranded', 'kernel'), ['kernel']],
    ['a mute wedge', run('a', 'wedged-mute', 'kernel'), ['kernel']],
    ['a reply that the server lost', run('a', 'lost-reply', 'server'), ['server']],
    ['a request that it lost', run('a', 'lost-request', 'server'), ['server']],
    ['a reply that the kernel never sent', run('a', 'lost-reply', 'kernel'), ['kernel']],
    ['a stall', run('a', 'stalled', 'client'), ['client']],
    ['a stall that ended', run('a', 'completed', null, 2), ['client']],
    ['both', run('a', 'wedged-stranded', 'kernel', 1), ['client', 'kernel']],
    ['nothing', run('a', 'completed'), []],
    ['a cell that raised', run('a', 'cell-error', 'notebook'), null],
    ['a fault of ours', run('a', 'harness-fault', 'harness'), null],
  ])('%s', (_what, record, expected) => {
    const places = faultPlaces(record);
    expect(places === null ? null : [...places].sort()).toEqual(expected);
  });
});

test('the kernel is named where it wedges by every path and the treatment cures it', () => {
  const wedged = [run('control', 'wedged-stranded', 'kernel'), run('control', 'completed')];
  const located = localisation(
    (['direct', 'server', 'nbclient'] as const).map((path) => ({
      path,
      journal: journal(path, [...wedged, run('fix', 'completed')], ARMS),
    })),
  );
  expect(located.found).toEqual(['kernel']);
  // The treatment's runs are no evidence of the kernel without it; of server and client they are.
  expect(located.places.map(({ faults, runs }) => [faults, runs])).toEqual([
    [3, 6],
    [0, 3],
    [0, 3],
  ]);
  expect(lead(located)).toContain('The fault is in the kernel.');
  expect(lead(located)).toContain('3 of 3 were certified');
});

test('the server is named where it loses messages, and a place that was not tried is not cleared', () => {
  const runs = [run('control', 'lost-reply', 'server'), run('control', 'lost-request', 'server')];
  const located = localisation([{ path: 'server', journal: journal('server', runs, ARMS) }]);
  expect(located.found).toEqual(['server']);
  expect(lead(located)).toContain('The fault is in the server or another program on the way.');
  expect(lead(located)).toContain('Nothing is known about the client');
});

test('another endpoint is placed where its runs say, and else on the direct path alone', () => {
  const died = run('control', 'died', 'kernel');
  const slow = { ...run('control', 'completed'), cellMs: [900] };
  const located = (path: PathName, endpoint: string, runs: RunRecord[]) => {
    const made = journal(path, runs, ARMS);
    Object.assign(made.experiment.protocol, { endpoint, slowAfterMs: 500 });
    return localisation([{ path, journal: made }]);
  };
  expect(located('server', 'died', [died]).found).toEqual(['kernel']);
  expect(located('direct', 'slow', [slow]).found).toEqual(['kernel']);
  const through = located('server', 'slow', [slow]);
  const matrix = locateMarkdown(through);
  expect(matrix).toMatch(
    /\| Path +\| Arm +\| Runs \| Kernel \| Server \| Client \| Cannot be told \| Excluded \|/,
  );
  expect(matrix).toMatch(/\| `server` +\| `control` +\| +1 \| +0 \| +0 \| +\| +1 \| +0 \|/);
  expect(through.found).toEqual([]);
  expect(through.places.map(({ upper }) => upper)).toEqual([null, null, null]);
  expect(lead(through)).toContain('Slow runs were seen, and where they came from cannot be told.');
  expect(lead(through)).toContain('Whether the kernel is at fault cannot be told: 1 run had a slow cell');
  // How a run ended later says nothing about where it was slow.
  const thenStalled = { ...run('control', 'stalled', 'client'), cellMs: [900] };
  expect(located('server', 'slow', [thenStalled]).found).toEqual([]);
  // A wedge says nothing about the event that is looked for.
  expect(
    located('direct', 'died', [run('control', 'wedged-mute', 'kernel')]).paths[0]?.arms[0]?.excluded,
  ).toBe(1);
});

test('paths that differ in what control shows are named: a loss in most runs of a path is expected there', () => {
  const showing = (hash: string) => ({
    ...run('control', 'completed'),
    notebook: 0,
    cellMs: [1, 1],
    outputs: ['same', hash],
  });
  const located = (hashes: Partial<Record<PathName, string>>) =>
    localisation(
      Object.entries(hashes).map(([path, hash]) => {
        const made = journal(path as PathName, [showing(hash)], ARMS);
        Object.assign(made.experiment.protocol, {
          endpoint: 'lost-output',
          expected: { kind: 'reference', rulesSha256: '' },
          notebooks: [{ name: 'n.ipynb', codeCells: [0, 1] }],
        });
        return { path: path as PathName, journal: made };
      }),
    );
  expect(locateMarkdown(located({ direct: 'whole', nbclient: 'whole' }))).not.toContain('differ in what');
  const differing = locateMarkdown(located({ direct: 'whole', nbclient: 'lost' }));
  expect(differing).toContain('**The paths differ in what is expected**');
  expect(differing).toContain('than on another in cell 1 of `n.ipynb`.');
});

test('without a fault nothing is named, and what is still possible is said', () => {
  const runs = Array.from({ length: 10 }, () => run('control', 'completed'));
  const located = localisation([{ path: 'direct', journal: journal('direct', runs, ARMS) }]);
  expect(located.found).toEqual([]);
  expect(lead(located)).toContain('No fault was seen.');
  expect(lead(located)).toContain('up to 25.9 %');
});
