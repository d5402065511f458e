import { describe, expect, test } from 'vitest';
import type { ProtocolArm } from '../../model/arm.ts';
import type { RunRecord } from '../../model/journal.ts';
import { protocolHash } from '../../model/protocol.ts';
import { evidenceMarkdown } from '../evidence.ts';
import { syntheticJournal } from '../fixtures/synthetic-journal.ts';
import { buildReport, type Report } from '../report.ts';
import { summary } from '../summary.ts';

const CELLS = 25;
const WHOLE = { cells: CELLS, executed: '1*25', requests: { comm_msg: '2*25' }, outputs: { stdout: '1*25' } };

interface Made {
  readonly change?: (run: RunRecord) => RunRecord;
  readonly arm?: (arm: ProtocolArm) => ProtocolArm;
}

/** Control and sham wedge in every run of eight at cell 20, the change in none. */
function reportOf({ change = (run) => run, arm = (each) => each }: Made): Report {
  const journal = syntheticJournal({
    blocks: 8,
    cells: CELLS,
    arms: [
      { name: 'control', role: 'control', hazard: 0 },
      { name: 'sham', role: 'sham', hazard: 0 },
      { name: 'change', role: 'treatment', hazard: 0 },
    ],
    change: (run) => {
      const given = { ...run, exposure: WHOLE };
      if (run.arm === 'change') return change(given);
      const outcome = { ...run.outcome, kind: 'wedged-mute' as const, cell: 20 };
      return change({ ...given, outcome, cellMs: run.cellMs.slice(0, 20) });
    },
  });
  const protocol = { ...journal.experiment.protocol, arms: journal.experiment.protocol.arms.map(arm) };
  return buildReport({
    ...journal,
    experiment: { ...journal.experiment, protocol, protocolSha256: protocolHash(protocol) },
  });
}

const textOf = evidenceMarkdown;

const wordOf = (report: Report) => report.analysis.verdicts[0]?.word;
const only = (name: string, what: (run: RunRecord) => RunRecord) => (run: RunRecord) =>
  run.arm === name ? what(run) : run;

describe('a change under which nothing wedges', () => {
  test('fixes it where it was given what control was', () => {
    expect(wordOf(reportOf({}))).toBe('fixes');
  });

  test('has no claim where the traffic is gone, and the report says by how much', () => {
    const gone = { ...WHOLE, requests: {} };
    const report = reportOf({ change: only('change', (run) => ({ ...run, exposure: gone })) });
    expect(wordOf(report)).toBe('inconclusive');
    const words = /The change took the traffic away: 0 `?comm_msg`? a run against 40/;
    expect(summary(report).verdict).toMatch(words);
    expect(textOf(report)).toMatch(words);
    expect(textOf(report)).toContain('An arm was short of what control was given');
  });

  test('has no claim where the cells were answered and not executed', () => {
    const idle = { ...WHOLE, executed: '1' };
    const report = reportOf({ change: only('change', (run) => ({ ...run, exposure: idle })) });
    expect(wordOf(report)).toBe('inconclusive');
    expect(summary(report).verdict).toMatch(/1 cells executed a run against 20/);
  });

  test('keeps its word where nothing was recorded, and the report says so', () => {
    const report = reportOf({
      change: ({ exposure: _, ...run }) => ({ ...run, client: { ...run.client, byType: {} } }),
    });
    expect(wordOf(report)).toBe('fixes');
    expect(textOf(report)).toContain('either the journal does not record what the kernel was given, or');
  });
});

describe('a sham', () => {
  const caveat = 'What the change does beyond the scheduling it adds';

  test('that only has a comment is a negative control of patching, and the caveat stays', () => {
    expect(textOf(reportOf({}))).toMatch(new RegExp(`${caveat}: .*negative control of patching`));
  });

  test.each([{ schedules: true as const }, { engagement: 'callbacks' as const }])(
    'that schedules (%o) takes the caveat away',
    (facts) => {
      const report = reportOf({ arm: (each) => (each.role === 'sham' ? { ...each, ...facts } : each) });
      expect(textOf(report)).not.toContain(caveat);
    },
  );

  test('that is short of what control had cannot serve as a reference', () => {
    const report = reportOf({
      change: only('sham', (run) => ({ ...run, exposure: { ...WHOLE, requests: {} } })),
    });
    expect(summary(report).warnings.join(' ')).toMatch(/sham cannot serve as a reference: 0 comm_msg a run/);
  });
});
