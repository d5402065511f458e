import { describe, expect, it } from 'vitest';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { evidenceMarkdown } from './evidence.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { summaryLine, verdictParagraph } from './summary.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

/** Exactly `counts[arm]` wedges in each arm of 20 blocks, spread so that no half has more than its share. */
function exactly(counts: Readonly<Record<string, number>>): (run: RunRecord) => RunRecord {
  const wedged = syntheticJournal({ arms: [{ ...CONTROL, hazard: 1 }], blocks: 1 }).runs[0] as RunRecord;
  return (run) =>
    (run.block * 7) % 20 < (counts[run.arm] ?? 0) ? { ...run, outcome: wedged.outcome, cellMs: [] } : run;
}

function journalOf(
  counts: Readonly<Record<string, number>>,
  options: Parameters<typeof syntheticJournal>[0] = {},
) {
  const arms = (options.arms ?? [CONTROL, SHAM, FIX]).map((arm) => ({ ...arm, hazard: 0 }));
  return syntheticJournal({ ...options, arms, change: exactly(counts) });
}

function leadOf(journal: Journal): string {
  return evidenceMarkdown(buildReport(journal)).split('\n## ')[0] ?? '';
}

describe('the table of PR #1529', () => {
  const journal = journalOf({ control: 6, sham: 5, fix: 0 });
  const evidence = evidenceMarkdown(buildReport(journal));

  it('says first that it fixes, with its numbers and what 0/20 still allows', () => {
    expect(evidence.split('\n')[2]).toBe(
      "**`fix` fixes it**: it wedged in 0 of 20 runs (0 %). `control` wedged in 6 of 20 runs (30.0 %), `sham` in 5 of 20 runs (25.0 %). Against `control` and `sham`, Boschloo's exact test (one-sided) gives p = 0.0113 (α = 0.05). 0/20 still allows a wedge rate of up to 13.9 % (one-sided 95 %).",
    );
  });

  it('prints the binomial tail beside Fisher and Boschloo, and says that the tail takes p0 as known', () => {
    const row = evidence.split('\n').find((each) => /^\| `fix` against `control`.*8\.0e-4/.test(each));
    expect(row?.split('|').map((cell) => cell.trim())).toEqual(
      expect.arrayContaining(['8.0e-4', '0.0101', '0.0202', '0.00487', '0.00974']),
    );
    expect(evidence).toContain('It takes p0 as known');
  });

  it('counts engagement', () => {
    expect(evidence).toContain('made the stream look for requests at 520 of 520 replies');
  });

  it('fits a commit message', () => {
    expect(summaryLine(buildReport(journal))).toMatch(
      /^control 6\/20, sham 5\/20, fix 0\/20 fixes, p 0\.0113, protocol [0-9a-f]{12}$/,
    );
  });
});

describe('what must not be claimed', () => {
  it('is inconclusive when control never wedged, and says so first', () => {
    const lead = leadOf(journalOf({}));
    expect(lead).toMatch(/^# .*\n\n\*\*Inconclusive for `fix`\*\*: the control never wedged/);
    expect(lead).not.toContain('fixes it');
  });

  it('names what a small experiment could have seen and what is missing', () => {
    const paragraph = verdictParagraph(buildReport(journalOf({ control: 2, sham: 2 })));
    expect(paragraph).toMatch(/^Inconclusive for fix/);
    expect(paragraph).toMatch(/\d+ more runs of each arm are needed/);
  });

  it.each([
    ['start-failed', '`fix` has no run that shows whether it wedges, since 20 of 20 did not start.'],
    ['harness-fault', '`fix` has no valid run in the counted blocks.'],
  ] as const)('gives no verdict when every run of an arm is %s, and says so once', (kind, reason) => {
    const journal = journalOf({ control: 6 });
    const runs = journal.runs.map((run) =>
      run.arm === 'fix' ? { ...run, outcome: { ...run.outcome, kind } } : run,
    );
    const lead = leadOf({ ...journal, runs });
    expect(lead).toContain(`**No verdict for \`fix\`**: ${reason}`);
    expect(lead.match(/No verdict/g)).toHaveLength(1);
  });

  it('says first that it was interrupted', () => {
    const journal = journalOf({ control: 6, sham: 5 });
    const partial: Journal = {
      ...journal,
      runs: journal.runs.slice(0, 3 * 12 + 1),
      sessions: [
        {
          type: 'session',
          at: journal.experiment.at,
          event: 'interrupted',
          reason: 'SIGINT',
          abandoned: ['b012-sham'],
        },
      ],
      abandoned: ['b012-sham'],
    };
    const evidence = evidenceMarkdown(buildReport(partial));
    expect(evidence.split('\n')[2]).toMatch(/^> \*\*Interrupted\*\*: 12 of 20 planned blocks are counted/);
    expect(evidence).toContain('Begun and never recorded: `b012-sham`');
    expect(evidence).toContain('Not counted, because incomplete or after a gap: 1 recorded block.');
  });

  it('says first that the treatment did not act on every reply', () => {
    const journal = journalOf({ control: 6, sham: 5 });
    const runs = journal.runs.map((run) =>
      run.run === 'b003-fix' && run.kernel !== null ? { ...run, kernel: { ...run.kernel, rearms: 0 } } : run,
    );
    expect(leadOf({ ...journal, runs })).toContain('> **`fix` did not act on every reply**: in 1 run');
  });

  it('says without a sham that scheduling was not separated from the change', () => {
    const evidence = evidenceMarkdown(buildReport(journalOf({ control: 12 }, { arms: [CONTROL, FIX] })));
    expect(evidence).toContain('there was no sham arm');
  });

  it('calls out a sham that differs before any verdict', () => {
    expect(leadOf(journalOf({ control: 18, sham: 2 }))).toMatch(
      /^# .*\n\n> \*\*`sham` differs from `control`\*\*/,
    );
  });

  it('says that a changed protocol is not the frozen one', () => {
    const journal = journalOf({ control: 6 });
    const experiment = { ...journal.experiment, protocolSha256: '0'.repeat(64) };
    expect(leadOf({ ...journal, experiment })).toContain('The protocol is not the one that was frozen');
  });
});

it('gives the upper bound of the arm with the fewest runs, and says that count', () => {
  const FLUSH = FIVE_ARMS.find(({ name }) => name === 'flush') as SyntheticArm;
  const journal = journalOf({ control: 15, sham: 15 }, { arms: [CONTROL, SHAM, FIX, FLUSH] });
  const oneDied = journal.runs.find(({ arm }) => arm === 'flush');
  const runs = journal.runs.map((run) =>
    run === oneDied ? { ...run, outcome: { ...run.outcome, kind: 'died' as const } } : run,
  );
  // 1 - 0.05 ** (1 / 19): the closed form of the Clopper–Pearson bound of 0/19.
  expect(leadOf({ ...journal, runs })).toContain('0/19 still allows a wedge rate of up to 14.6 %');
  expect(leadOf(journal)).toContain('0/20 still allows a wedge rate of up to 13.9 %');
});

describe('one arm alone', () => {
  const decision = { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: 0.3 } as const;

  it('reports 0/20 with its tail for the p0 given, and that nothing was interleaved', () => {
    const lead = leadOf(journalOf({}, { arms: [FIX], protocol: { decision } }));
    expect(lead).toContain('**`fix` wedged in 0 of 20 runs (0 %)**');
    expect(lead).toContain(
      'P(0/20 or fewer \\| p0 = 0.3) = 8.0e-4. This takes p0 as known, and as the rate of this notebook, traffic, launch and machine',
    );
    expect(lead).toContain('Nothing was interleaved');
  });

  const CITED = {
    wedged: 6,
    runs: 20,
    source: 'ipython/ipykernel PR #1529',
    conditions: 'Windows, elsewhere',
  };
  const citing = { ...FIX, citedReference: CITED };
  const fixed = { ...decision, p0: null };

  it('takes the rate that the arm cites where nothing else gives one, and says what that is worth', () => {
    const report = buildReport(journalOf({}, { arms: [citing], protocol: { decision: fixed } }));
    // DOMAIN: 0.70^20 is 8e-4, and Fisher's exact test of 6/20 against 0/20 gives one-sided 0.0101.
    expect(report.loneTail?.p).toBeCloseTo(0.7 ** 20, 12);
    expect(report.loneTail?.fisherLess).toBeCloseTo(0.0100980100980101, 12);
    expect(report.analysis.verdicts.map(({ word }) => word)).toEqual(['no-verdict']);
    const [lead = ''] = evidenceMarkdown(report).split('\n## ');
    expect(lead).toContain(
      'P(0/20 or fewer \\| p0 = 0.3) = 8.0e-4. This takes p0 as known, but p0 is only the 6/20 that',
    );
    expect(lead).toContain("Fisher's exact test against that count, one-sided: p = 0.0101");
    expect(lead).toContain('`Windows, elsewhere`');
    expect(lead).toContain('`npm run soak -- --arms control,sham,fix --runs 20`');
    expect(lead).toContain('Nothing was interleaved');
    expect(lead).not.toMatch(/fixes it|reduces/);
  });

  it.each([
    ['a rate that was given goes before it', { decision: { ...decision, p0: 0.5 } }, [citing], 0.5],
    ['beside a control it is not used', { decision: fixed }, [CONTROL, citing], null],
    ['a control cites none', { decision: fixed }, [{ ...citing, role: 'control' as const }], null],
  ])('%s', (_what, protocol, arms, p0) => {
    const report = buildReport(journalOf({}, { arms, protocol }));
    expect(report.loneTail?.p0 ?? null).toBe(p0);
    expect(report.loneTail?.cited).toBeUndefined();
  });

  it('says what would give it something to compare with', () => {
    const lead = leadOf(journalOf({}, { arms: [FIX], protocol: { decision: fixed } }));
    expect(lead).toContain('run a control beside it, or give a rate that you take as known: `--p0 RATE`');
  });

  it("sets it against an earlier report's control without resting a verdict on it", () => {
    const baseline = {
      protocolSha256: 'f'.repeat(64),
      at: '2026-11-22T20:00:00.000Z',
      arm: 'control',
      wedged: 6,
      runs: 20,
    };
    const lead = (differences?: { what: string; earlier: string; here: string }[]) => {
      const experiment = { baseline: differences === undefined ? baseline : { ...baseline, differences } };
      const report = buildReport(journalOf({}, { arms: [FIX], experiment }));
      expect(report.analysis.verdicts.map(({ word }) => word)).toEqual(['no-verdict']);
      const [first = '', ...rest] = evidenceMarkdown(report).split('\n## ');
      expect(first).toContain('Nothing was interleaved');
      return { first, rest: rest.join('') };
    };
    const alike = lead([]);
    expect(alike.first).toContain(
      "Fisher's exact test (one-sided) gives p = 0.0101 and Boschloo's gives p = 0.00487",
    );
    expect(alike.first).toContain('Of all that is recorded, only the arm differs between the two.');
    // What differs is named, and no p-value is in the headline: it would be one of all these differences.
    const other = lead([
      { what: 'notebook', earlier: 'many-cells.ipynb', here: 'widgets.ipynb' },
      { what: 'launch', earlier: 'fork', here: 'spawn' },
    ]);
    expect(other.first).toContain('**Not comparable with the baseline**, `control`');
    expect(other.first).toContain('`notebook` and `launch` differ');
    expect(other.first).not.toMatch(/p = 0\.0101|0\.00487/);
    expect(other.rest).toContain('`launch`: `fork` in the baseline, `spawn` here');
    expect(other.rest).toContain('0.0101');
    // A journal of before this was looked at.
    const unknown = lead();
    expect(unknown.first).toContain('what else differs was not recorded');
    expect(unknown.first).not.toContain('0.0101');
  });
});

describe('two controls', () => {
  const bare: SyntheticArm = { name: 'bare', role: 'control', hazard: 0 };

  it('says of an A/A pair that no difference was found', () => {
    const lead = leadOf(journalOf({ control: 6, bare: 7 }, { arms: [CONTROL, bare] }));
    expect(lead).toContain(
      '**The A/A check found no difference**, as it should be: `bare` against `control`, difference +5.0 points',
    );
  });

  it('calls a control without counters a check of observation', () => {
    const journal = journalOf({ control: 6, bare: 7 }, { arms: [CONTROL, bare] });
    const runs = journal.runs.map((run) => (run.arm === 'bare' ? { ...run, kernel: null } : run));
    const evidence = evidenceMarkdown(buildReport({ ...journal, runs }));
    expect(evidence).toContain('**No effect of observation shown**: `bare` against `control`');
    expect(evidence).not.toContain('Whether watching changes the rate');
  });
});

describe('an experiment that stops when it is decided', () => {
  const decision = { stopping: 'until-decided', test: 'e-process', alpha: 0.05, p0: null } as const;

  it('is not partial, and says after which block it was decided', () => {
    const journal = journalOf({ control: 18, sham: 18 }, { protocol: { decision, blocks: 200 } });
    const report = buildReport(journal);
    expect(report.progress.state).toBe('decided');
    const evidence = evidenceMarkdown(report);
    expect(evidence).toMatch(/^# .*\n\n\*\*`fix` fixes it\*\*/);
    expect(evidence).toMatch(/Decided after \d+ blocks\./);
  });

  it('stays valid when it is interrupted by hand, and says so', () => {
    const journal = journalOf({ control: 18, sham: 18 }, { protocol: { decision, blocks: 200 } });
    const sessions = [{ ...journal.sessions[0], event: 'interrupted' }] as Journal['sessions'];
    expect(leadOf({ ...journal, sessions })).toContain(
      'E is valid whenever the experiment stops, even by hand.',
    );
  });
});

it('lists harness faults and runs that ended otherwise with their reasons, apart from each other', () => {
  const arms = [{ ...CONTROL, invalid: 0.2, competing: 0.2 }, SHAM, FIX];
  const evidence = evidenceMarkdown(buildReport(syntheticJournal({ arms, blocks: 20 })));
  expect(evidence).toMatch(/<summary>\d+ harness faults?: \d+ harness-fault<\/summary>/);
  expect(evidence).toMatch(/<summary>\d+ runs? that ended otherwise: \d+ cell-error<\/summary>/);
  expect(evidence).toContain('`ValueError: no such column`');
});

describe('runs that ended otherwise', () => {
  /** Every run of `fix` that a sham of the same seed has wedged ends in a raising cell instead. */
  const traded = () => {
    const journal = journalOf({ control: 14, sham: 14, fix: 14 });
    const runs = journal.runs.map((run) =>
      run.arm === 'fix' && run.outcome.kind !== 'completed'
        ? { ...run, outcome: { ...run.outcome, kind: 'died' as const } }
        : run,
    );
    return { ...journal, runs };
  };

  it('stand next to the wedges, and say why a claim is withheld', () => {
    const lead = leadOf(traded());
    expect(lead).toContain('**Inconclusive for `fix`**: it wedged in 0 of 6 runs (0 %; 14 of 20 died).');
    expect(lead).toContain('`control` wedged in 14 of 20 runs (70.0 %)');
    expect(lead).toContain(
      'If they count as events in all arms, `fix` has 14/20, `control` 14/20, `sham` 14/20',
    );
    expect(lead).toContain('Its runs ended otherwise more often than those of the references: 14 of 20 died');
    expect(lead).not.toContain('fixes it');
  });

  it('are no exclusions: nothing rests on any where there is none', () => {
    const evidence = evidenceMarkdown(buildReport(traded()));
    expect(evidence).toContain('**Exclusions**: none');
    expect(evidence).not.toContain('rests on the exclusions');
    expect(evidence).toContain('The worst case does not decide.');
  });

  it('that are all there is of an arm give one sentence without a verdict, not two', () => {
    const journal = traded();
    const runs = journal.runs.map((run) =>
      run.arm === 'fix' ? { ...run, outcome: { ...run.outcome, kind: 'died' as const } } : run,
    );
    const verdict = verdictParagraph(buildReport({ ...journal, runs }));
    expect(verdict.match(/No verdict/g)).toHaveLength(1);
    expect(verdict).toContain('fix has no run that shows whether it wedges, since 20 of 20 died');
  });
});

it('fits into one comment on GitHub however many runs there are', () => {
  expect(evidenceMarkdown(buildReport(syntheticJournal({ blocks: 2_000 }))).length).toBeLessThan(65_536);
});

describe('how the sockets were guarded', () => {
  const evidenceOf = (protocol: Partial<Protocol>) =>
    evidenceMarkdown(buildReport(syntheticJournal({ arms: [CONTROL, FIX], protocol })));

  it('is said where they were not as everywhere, and what was seen of it', () => {
    expect(evidenceOf({})).not.toContain('- Sockets:');
    const encrypted = evidenceOf({ sockets: { encryption: 'curve' } });
    expect(encrypted).toMatch(
      /- Sockets: the harness and the kernels use TCP on loopback\. CurveZMQ encrypts all five channels/,
    );
    expect(encrypted).toContain(
      'refused two peers on every channel: one without keys, and one with the key of another server',
    );
    const ipc = evidenceOf({ sockets: { transport: 'ipc' } });
    expect(ipc).toMatch(/- Sockets: .* use Unix sockets, .* on a TCP port\. Messages are not encrypted\./);
    expect(evidenceOf({ sockets: { transport: 'ipc', encryption: 'curve' } })).toMatch(
      /- Sockets: .* use Unix sockets, .* CurveZMQ encrypts all five channels/,
    );
    const versions = { 'jupyter-server': '2.21.1' };
    expect(
      evidenceOf({ sockets: { encryption: 'curve' }, transport: { name: 'server', versions } }),
    ).toContain('Sockets: the server and the kernels use');
  });
});

describe('how kernels came about', () => {
  const evidenceOf = (launch: 'spawn' | 'fork', change?: (run: RunRecord) => RunRecord) =>
    evidenceMarkdown(
      buildReport(
        syntheticJournal({
          arms: [CONTROL, FIX],
          protocol: { launch },
          ...(change === undefined ? {} : { change }),
        }),
      ),
    );

  it('is said where they were forked, with how many were spawned instead', () => {
    expect(evidenceOf('spawn')).not.toContain('- Launch:');
    expect(evidenceOf('fork')).toContain('- Launch: kernels of every arm were forked from');
    const some = evidenceOf('fork', (run) => (run.block < 3 ? { ...run, launched: 'spawn' } : run));
    expect(some).toMatch(/- Launch: .*\. 6 of 40 runs were spawned instead/);
  });
});
