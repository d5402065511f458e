import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { clopperPearson } from '../stats/intervals.ts';
import { evidenceMarkdown } from './evidence.ts';
import { printedExploration } from './exploratory.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from './fixtures/synthetic-journal.ts';
import { buildReport } from './report.ts';
import { summary } from './summary.ts';

const [CONTROL, , FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

/** Ten control runs wedge; three runs of the treatment die, and one of its runs is a harness fault. */
function journalOf(protocol: Partial<Protocol> = {}) {
  const kindOf = ({ arm, block }: RunRecord): OutcomeKind => {
    if (arm === 'control') return block % 2 === 0 ? 'wedged-mute' : 'completed';
    return block < 3 ? 'died' : block === 3 ? 'harness-fault' : 'completed';
  };
  return syntheticJournal({
    arms: [CONTROL, FIX].map((arm) => ({ ...arm, hazard: 0 })),
    protocol,
    change: (run) => ({ ...run, outcome: { ...run.outcome, kind: kindOf(run) } }),
  });
}

describe('--also', () => {
  const report = buildReport(journalOf({ also: ['died', 'lost-output', 'stalled'] }));
  const section = evidenceMarkdown(report).split('\n## Other endpoints\n')[1]?.split('\n## ')[0] ?? '';

  test('has one line for each endpoint, with counts and intervals by arm, and no verdict', () => {
    // 1 − 0.025^(1/10), and the exact interval of 3/19.
    expect(section).toContain(
      '`died`: `control` died in 0 of 10 runs (0 %, 95 % interval 0 to 30.8 %; 10 ended otherwise), `fix` in 3 of 19 runs (15.8 %, 95 % interval 3.4 to 39.6 %; 1 not observed).',
    );
    expect(section).toContain('counted without a verdict');
    expect(section).not.toMatch(/p = |fixes|worse/);
  });

  test('says of an endpoint that the runs were not watched for why it has no count', () => {
    expect(section).toContain(
      '`lost-output`: not counted, because the outputs of the runs were not compared with expected ones.',
    );
    expect(section).toContain(
      '`stalled`: not counted, because the harness was the client, and it does not stall.',
    );
  });

  test('is in the summary', () => {
    const [died, lost] = summary(report).also ?? [];
    expect(died).toMatchObject({ name: 'died', arms: [{ wedged: 0 }, { arm: 'fix', wedged: 3, runs: 19 }] });
    expect(died?.arms[1]?.clopperPearson95).toEqual(clopperPearson({ wedged: 3, runs: 19 }));
    expect(lost).toMatchObject({ name: 'lost-output', arms: [] });
    expect(lost?.unrecorded).toContain('not compared');
  });

  test('is nothing where nobody asked for it', () => {
    const plain = buildReport(journalOf());
    expect(evidenceMarkdown(plain)).not.toContain('Other endpoints');
    expect(summary(plain)).not.toHaveProperty('also');
  });
});

describe('a journal read under another endpoint', () => {
  test('is marked, has counts with intervals, and neither verdict nor p-value', () => {
    const text = printedExploration(journalOf(), { endpoint: 'died' });
    expect(text).toMatch(
      /^# Kernel deaths by arm \(exploratory\)\n\n> \*\*Exploratory\*\*: this endpoint was chosen/,
    );
    expect(text).toMatch(/\| `fix` +\| +3\/19 \| +15\.8 % \| +3\.4 to 39\.6 % \|/);
    expect(text).toContain('- `b000-fix`: the kernel process ended');
    expect(text).toContain('`--endpoint died`');
    expect(text).not.toMatch(/p = |fixes|worse|inconclusive|wedg(?!ed`)/i);
  });

  test('slow is read from the times of the cells', () => {
    const text = printedExploration(journalOf(), { endpoint: 'slow', slowAfterMs: 20 });
    expect(text).toMatch(/had a slow cell; cell \d+: it took 4\d ms/);
    expect(text).toContain('`--endpoint slow --slow-after 20ms`');
  });

  test('any says what it could not see', () => {
    expect(printedExploration(journalOf(), { endpoint: 'any' })).toContain(
      'Not among the events: lost output (not compared), slow cells (no --slow-after), memory (no --memory-above).',
    );
  });

  test.each([
    ['lost-output', 'the outputs of the runs were not compared', '--endpoint lost-output'],
    ['memory', 'memory was not sampled', '--endpoint memory --memory-above 2GiB'],
    ['stalled', 'the harness was the client', '--endpoint stalled --client nbclient'],
  ] as const)('%s is refused where it was not recorded', async (endpoint, reason, remedy) => {
    const limit = endpoint === 'memory' ? { memoryAboveBytes: 2 ** 31 } : {};
    const error = await soakErrorOf(() => printedExploration(journalOf(), { endpoint, ...limit }));
    expect(error).toMatchObject({ code: 'not-recorded', exitCode: 2 });
    expect(error.message).toContain(reason);
    expect(error.remedy).toContain(remedy);
  });

  test('the experiment’s own endpoint is refused, but not with another limit', async () => {
    const own = journalOf({ endpoint: 'slow', slowAfterMs: 30 });
    const error = await soakErrorOf(() => printedExploration(own, { endpoint: 'slow', slowAfterMs: 30 }));
    expect(error).toMatchObject({ code: 'bad-option' });
    expect(printedExploration(own, { endpoint: 'slow', slowAfterMs: 20 })).toContain('(exploratory)');
    const any = journalOf({ endpoint: 'any', slowAfterMs: 30 });
    expect(printedExploration(any, { endpoint: 'any', slowAfterMs: 20 })).toContain(
      'any (slow: 30 ms or longer)',
    );
  });
});
