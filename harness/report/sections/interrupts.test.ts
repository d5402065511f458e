import { expect, test } from 'vitest';
import type { SentInterrupt } from '../../model/interrupt.ts';
import type { RunRecord } from '../../model/journal.ts';
import type { Protocol } from '../../model/protocol.ts';
import { plainLine } from '../document.ts';
import { evidenceMarkdown } from '../evidence.ts';
import { FIVE_ARMS, syntheticJournal } from '../fixtures/synthetic-journal.ts';
import { buildReport } from '../report.ts';
import { runExplained } from '../run-explained.ts';
import { runSigns } from '../run-signs.ts';

const sent = (cell: number, afterMs: number, result: SentInterrupt['result']): SentInterrupt => ({
  cell,
  afterMs,
  afterBusyMs: afterMs - 1,
  result,
  answeredMs: result === 'unanswered' ? null : 12,
});

/** Control loses the reply of the third cell in every run, and the treatment answers all. */
function journalOf(protocol: Partial<Protocol> = {}) {
  const arms = FIVE_ARMS.filter(({ name }) => ['control', 'fix'].includes(name)).map((arm) => ({
    ...arm,
    hazard: 0,
  }));
  const change = (run: RunRecord): RunRecord => {
    const early = [sent(0, 1.5, 'interrupted'), sent(1, 2.5, 'ignored')];
    const interrupts = { by: 'signal', spared: 2 } as const;
    if (run.arm === 'fix') {
      return { ...run, interrupts: { ...interrupts, sent: [...early, sent(2, 2.6, 'raised')] } };
    }
    const outcome = { ...run.outcome, kind: 'lost-reply' as const, cell: 2 };
    const lost = { ...interrupts, sent: [...early, sent(2, 2.6, 'unanswered')] };
    return { ...run, outcome, cellMs: [1, 1], interrupts: lost };
  };
  return syntheticJournal({
    blocks: 10,
    arms,
    protocol: { endpoint: 'interrupt', traffic: ['interrupt'], interruptAfter: '0-10ms', ...protocol },
    change: (run) => change({ ...run, traffic: 'interrupt' }),
  });
}

const textOf = (protocol: Partial<Protocol> = {}) =>
  evidenceMarkdown(buildReport(journalOf(protocol))).replace(/ +/g, ' ');

test('the report counts interrupts by arm, and by arm and moment', () => {
  const text = textOf();
  expect(text).toContain('Each cell is interrupted once, `0-10ms` after the request of its cell, by signal');
  // Spared, sent, interrupted, ignored, raised, passed on, unanswered.
  expect(text).toMatch(/\| `control` \| 20 \| 30 \| 10 \| 10 \| 0 \| 0 \| 10 \| 17\.3 to 52\.8 % \|/);
  expect(text).toMatch(/\| `fix` \| 20 \| 30 \| 10 \| 10 \| 10 \| 0 \| 0 \| 0 to 11\.6 % \|/);
  expect(text).toMatch(/\| `control` \| 1 to 2 ms \| 10 \| 10 \| 0 \| 0 \| 0 \| 0 \| 0 to 30\.8 % \|/);
  expect(text).toMatch(/\| `control` \| 2 to 3 ms \| 20 \| 0 \| 10 \| 0 \| 0 \| 10 \| 27\.2 to 72\.8 % \|/);
  expect(text).toContain('interrupts `0-10ms`');
  expect(text).toContain('it missed an answer after an interrupt in 0 of 10 runs');
});

test('moments are counted from the busy status where interrupts wait for it', () => {
  const text = textOf({ interruptAfter: 'busy+0-10ms' });
  expect(text).toContain('`busy+0-10ms` after the busy status of its cell');
  expect(text).toMatch(/\| `control` \| 0\.5 to 1 ms \| 10 \|/);
});

test('the story of a run says what became of its interrupts', () => {
  const journal = journalOf();
  const run = journal.runs.find(({ arm }) => arm === 'control') as RunRecord;
  const seen = runSigns(run)
    .filter(({ of }) => of === 'interrupt')
    .map((sign) => plainLine(sign.line));
  expect(seen).toEqual([
    '3 cells interrupted by signal: interrupted 1, ignored 1, unanswered 1; 2 cells over before',
    'the last one: cell 2, 2.6 ms after its request, 1.6 ms after its busy status: unanswered, no reply',
  ]);
  const story = runExplained(journal, run).replace(/\s+/g, ' ');
  expect(story).toContain('What the experiment asks: A run missed an answer after an interrupt if');
  expect(story).toContain('The run counts as one that missed an answer after an interrupt.');
});
