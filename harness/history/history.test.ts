import { describe, expect, it } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { shardBlocks } from '../model/shard.ts';
import { figureFiles } from '../report/figures/svg.ts';
import { xmlElements } from '../report/fixtures/markup.ts';
import { FIVE_ARMS, type SyntheticArm, syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { historyOf } from './history.ts';
import { historyDocument } from './history-document.ts';
import { historyPlans } from './history-figures.ts';

const [CONTROL, SHAM, FIX] = FIVE_ARMS as [SyntheticArm, SyntheticArm, SyntheticArm];

interface NightOptions {
  readonly hazard?: number;
  readonly fix?: number;
  readonly seed?: number;
  readonly pyzmq?: string;
  readonly shards?: number;
}

/** The journals of one night: begun on that day, runs of their own times. */
function night(
  day: number,
  { hazard = 0.02, fix = 0, seed = 1, pyzmq = '27.1.0', shards }: NightOptions = {},
) {
  const at = (hour: number) => new Date(Date.UTC(2026, 0, 1 + day, 2 + hour)).toISOString();
  const whole = syntheticJournal({
    arms: [
      { ...CONTROL, hazard },
      { ...SHAM, hazard },
      { ...FIX, hazard: fix },
    ],
    seed,
    change: (run: RunRecord): RunRecord => ({
      ...run,
      at: `${at(0)}${run.run}`,
      cellMs: [...run.cellMs, day],
    }),
  });
  const environment = {
    ...whole.experiment.environment,
    packages: { ...whole.experiment.environment.packages, pyzmq },
  };
  const made = (journal: Journal, index: number, shard?: { index: number; count: number }): Journal => ({
    ...journal,
    experiment: {
      ...journal.experiment,
      at: at(index / 100),
      environment,
      ...(shard === undefined ? {} : { shard }),
    },
  });
  if (shards === undefined) return [made(whole, 0)];
  return Array.from({ length: shards }, (_, i) => {
    const shard = { index: i + 1, count: shards };
    const { first, end } = shardBlocks(20, shard);
    return made(
      { ...whole, runs: whole.runs.filter(({ block }) => block >= first && block < end) },
      i,
      shard,
    );
  });
}

const named = (journals: readonly Journal[]) => journals.map((journal, i) => ({ name: `j${i}`, journal }));

describe('a history', () => {
  const journals = [
    ...night(0),
    ...night(1, { seed: 2, shards: 4 }),
    ...[2, 3, 4].flatMap((day) => night(day, { seed: day })),
    ...[5, 6, 7, 8].flatMap((day) => night(day, { seed: day, hazard: 0, pyzmq: '27.2.0' })),
  ];
  const history = historyOf(named(journals), 0.05);

  it('has a night for what began together, shards and all, whatever the order given', () => {
    expect(history.nights).toHaveLength(9);
    expect(history.nights[1]).toMatchObject({ strata: 1, label: '2026-01-02' });
    expect(history.nights[1]?.sources).toHaveLength(4);
    expect(history.nights[1]?.arms[0]?.runs).toBe(20);
    expect(historyOf(named([...journals].reverse()), 0.05)).toEqual(history);
  });

  it('flags the night from which on the wedge is gone, and says what else changed then', () => {
    const control = history.arms.find(({ arm }) => arm === 'control');
    expect(control?.changes.found.map(({ after }) => after)).toEqual([4]);
    expect(history.arms.find(({ arm }) => arm === 'fix')?.changes.found).toEqual([]);
    expect(history.nights.map(({ changes }) => changes)).toEqual([
      [],
      [],
      [],
      [],
      [],
      ['pyzmq: 27.1.0, then 27.2.0'],
      [],
      [],
      [],
    ]);
    const text = markdownDocument(historyDocument(history), []);
    expect(text).toContain('**changed** after `2026-01-05`');
    expect(text).toContain('`2026-01-06`: `pyzmq: 27.1.0, then 27.2.0`');
  });

  it('multiplies E from night to night', () => {
    let sum = 0;
    for (const { evidence } of history.nights) {
      const pair = evidence.find(({ reference }) => reference === 'control');
      sum += pair?.logE ?? Number.NaN;
      expect(pair?.accumulatedLogE).toBeCloseTo(sum, 9);
    }
    expect(sum).toBeGreaterThan(Math.log(1e6));
    // Nights without a wedge say nothing, and take nothing away.
    expect(history.nights.at(-1)?.evidence[0]?.logE).toBe(0);
  });

  it('counts a journal given twice once', () => {
    expect(historyOf(named([...journals, ...night(0)]), 0.05)).toEqual(history);
  });

  it('draws both figures as well-formed documents that nothing runs in', () => {
    const figures = figureFiles(historyPlans(history));
    expect(figures.map(({ path }) => path)).toEqual([
      'figures/history-rates-light.svg',
      'figures/history-rates-dark.svg',
      'figures/history-evidence-light.svg',
      'figures/history-evidence-dark.svg',
    ]);
    for (const { content } of figures) {
      const names = new Set(xmlElements(content).map(({ name }) => name));
      expect(names.has('script')).toBe(false);
      expect(content).not.toContain('NaN');
    }
    expect(figureFiles(historyPlans(history))).toEqual(figures);
  });

  it('refuses two protocols in one night, and names what differs', async () => {
    const error = await soakErrorOf(() => historyOf(named([...night(0), ...night(0, { seed: 2 })]), 0.05));
    expect(error.code).toBe('mixed-night');
    expect(error.message).toContain('seed (1 and 2)');
  });
});

describe('the endpoint of a history', () => {
  const named = (day: number, protocol: Partial<Protocol>) => ({
    name: `night-${day}`,
    journal: syntheticJournal({
      arms: [CONTROL, FIX],
      protocol,
      experiment: { at: new Date(Date.UTC(2026, 0, 1 + day)).toISOString() },
      change: (run) => ({ ...run, outcome: { ...run.outcome, kind: 'died' }, cellMs: [...run.cellMs, day] }),
    }),
  });

  it('gives it its words', () => {
    const history = historyOf([named(0, { endpoint: 'died' }), named(2, { endpoint: 'died' })], 0.05);
    const text = markdownDocument(historyDocument(history), []) + JSON.stringify(historyPlans(history));
    expect(text).toContain('# Kernel deaths by night');
    expect(text).toContain('`control` died in 40/40 over all nights');
    expect(text).toContain('Death rate of each arm by night');
    expect(text).not.toMatch(/wedg/i);
  });

  it('is one, with one limit: rates of different events are no series', async () => {
    const refused = async (first: Partial<Protocol>, second: Partial<Protocol>) =>
      (await soakErrorOf(() => historyOf([named(0, first), named(2, second)], 0.05))).message;
    expect(await refused({}, { endpoint: 'died' })).toBe(
      'night-0 counts wedged, and night-2 counts died: their rates are no series.',
    );
    expect(
      await refused({ endpoint: 'slow', slowAfterMs: 5_000 }, { endpoint: 'slow', slowAfterMs: 6_000 }),
    ).toContain('slow (5 s or longer)');
    // Another limit is another event of any, too.
    expect(
      await refused({ endpoint: 'any', slowAfterMs: 5_000 }, { endpoint: 'any', slowAfterMs: 6_000 }),
    ).toContain('counts any (slow: 5 s or longer), and night-2 counts any (slow: 6 s or longer)');
  });
});
