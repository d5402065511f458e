import { expect, test } from 'vitest';
import { TRAFFIC_PROFILES } from '../model/traffic.ts';
import { seededUniform } from '../stats/random.ts';
import { openCandidates } from './allocation.ts';
import type { Candidate } from './candidates.ts';
import { tuningResults } from './results.ts';
import { type TuningSession, tune } from './session.ts';
import { tallies } from './tally.ts';

// A kernel whose hazard per reply is known, on a clock that only runs move.

const MEANS = [0, 0.5, 1, 2.5, 5, 10];
const CELLS = 30;
const candidates: Candidate[] = [CELLS, CELLS / 2].flatMap((cells) =>
  TRAFFIC_PROFILES.flatMap((traffic) =>
    MEANS.map((meanMs) => ({
      traffic,
      latency: { spec: `uniform:0-${2 * meanMs}ms`, sha256: null, meanMs },
      notebook: 0,
      cells,
    })),
  ),
);

function trueHazard({ traffic, latency }: Candidate): number {
  return traffic === 'widgets' ? Math.min(0.06, latency.meanMs * 0.02) : 0;
}

interface Simulation {
  readonly hazard: (candidate: Candidate) => number;
  readonly seed: number;
  readonly minutes?: number;
  /** Aborts before this run. */
  readonly abortAt?: number;
}

async function simulated({ hazard, seed, minutes = 3, abortAt = Number.POSITIVE_INFINITY }: Simulation) {
  let nowMs = 0;
  const abort = new AbortController();
  const session: TuningSession = {
    candidates,
    seed,
    alpha: 0.001,
    budgetMs: minutes * 60_000,
    signal: abort.signal,
    nowMs: () => nowMs,
    onRun: async () => {},
    tryCandidate: async (candidate, runSeed, number) => {
      if (number >= abortAt) {
        abort.abort('SIGINT');
        return null;
      }
      const uniform = seededUniform(runSeed, 'simulated kernel');
      let replies = 1;
      let wedged = false;
      while (replies <= candidate.cells && !wedged) {
        replies += 1;
        wedged = uniform() < hazard(candidate);
      }
      const seconds = 0.8 + 0.02 * replies + (wedged ? 1.2 : 0);
      nowMs += seconds * 1000;
      return {
        kind: wedged ? 'wedged-stranded' : 'completed',
        reason: 'simulated',
        cell: wedged ? replies - 1 : null,
        replies,
        startMs: 400,
        notebookMs: seconds * 1000 - 400,
        seconds,
        loopStallMs: 1,
        load: 0,
      };
    },
  };
  const result = await tune(session);
  return { ...result, elapsedMs: nowMs, results: tuningResults({ ...result, candidates, alpha: 0.001 }) };
}

test('every whole notebook has a run, and most runs go where wedges come', async () => {
  const { runs, end } = await simulated({ hazard: trueHazard, seed: 1 });
  expect(end).toBe('finished');
  const screened = runs.filter(({ phase }) => phase === 'screen').map(({ candidate }) => candidate);
  expect([...screened].sort((a, b) => a - b)).toEqual(
    candidates.flatMap(({ cells }, index) => (cells === CELLS ? [index] : [])),
  );
  const searched = runs.filter(({ phase }) => phase === 'search');
  const hazardous = searched.filter(({ candidate }) => trueHazard(candidates[candidate] as Candidate) > 0);
  // By chance alone it would be 5 of 24.
  expect(hazardous.length / searched.length).toBeGreaterThan(0.5);
});

test('over many seeds the choice is a setting that wedges in most runs, and fresh runs say so without bias', async () => {
  let [fresh, wedged, expected] = [0, 0, 0];
  const rates: number[] = [];
  for (let seed = 1; seed <= 40; seed += 1) {
    const { results } = await simulated({ hazard: trueHazard, seed });
    const candidate = results.chosen?.candidate as Candidate;
    const rate = 1 - (1 - trueHazard(candidate)) ** candidate.cells;
    rates.push(rate);
    const { tally } = results.confirmation as NonNullable<typeof results.confirmation>;
    fresh += tally.runs;
    wedged += tally.wedged;
    expected += rate * tally.runs;
  }
  // Three settings of 24 wedge in more than half of their runs.
  expect(rates.every((rate) => rate > 0.5)).toBe(true);
  // Four standard deviations of a count with those rates.
  expect(Math.abs(wedged - expected)).toBeLessThan(4 * Math.sqrt(fresh * 0.25));
});

test('the leading curve is measured at its low end too', async () => {
  const { runs } = await simulated({ hazard: trueHazard, seed: 3, minutes: 5 });
  const low = candidates.findIndex(({ traffic, latency }) => traffic === 'widgets' && latency.meanMs === 0);
  expect(runs.filter(({ candidate }) => candidate === low).length).toBeGreaterThanOrEqual(3);
});

test('the budget holds but for the run under way and the fewest fresh runs', async () => {
  for (const minutes of [0.5, 1, 3]) {
    const { elapsedMs, runs } = await simulated({ hazard: trueHazard, seed: 4, minutes });
    expect(elapsedMs).toBeLessThan(minutes * 60_000 + 4 * 3_000);
    expect(runs.length).toBeGreaterThan(10);
  }
});

test('the same seed gives the same runs', async () => {
  const [first, again, other] = await Promise.all(
    [7, 7, 8].map((seed) => simulated({ hazard: trueHazard, seed })),
  );
  expect(again?.runs).toEqual(first?.runs);
  expect(other?.runs).not.toEqual(first?.runs);
});

test('interrupted: what was recorded is kept, and the choice follows from it', async () => {
  const { runs, end, chosen, results } = await simulated({ hazard: trueHazard, seed: 1, abortAt: 40 });
  expect(end).toBe('interrupted');
  expect(runs).toHaveLength(40);
  expect(chosen).toBe(results.chosen?.index);
  expect(chosen).not.toBeNull();
});

test('interrupted before the first run: nothing chosen, nothing invented', async () => {
  const { runs, chosen, results } = await simulated({ hazard: trueHazard, seed: 1, abortAt: 0 });
  expect(runs).toEqual([]);
  expect(chosen).toBeNull();
  expect(results.total.runs).toBe(0);
});

test('nothing wedges: nothing is chosen and no fresh run is spent', async () => {
  const { runs, chosen, results } = await simulated({ hazard: () => 0, seed: 5, minutes: 2 });
  expect(chosen).toBeNull();
  expect(runs.some(({ phase }) => phase === 'confirm')).toBe(false);
  expect(results.ranked[0]?.hazard).toBe(0);
  expect(results.ranked[0]?.cost).toBeNull();
});

test('a shorter notebook is tried only where the longer one wedged in most of four runs or more', () => {
  const run = (candidate: number, kind: 'completed' | 'wedged-stranded') => ({
    ...{ candidate, phase: 'search' as const, seed: 0, kind, reason: '', cell: null, replies: 10 },
    ...{ startMs: 1, notebookMs: 1, seconds: 1, loopStallMs: 0, load: 0 },
  });
  const shorter = candidates.length / 2;
  const opened = (wedged: number, completed: number) =>
    openCandidates(
      candidates,
      tallies(candidates.length, [
        ...Array.from({ length: wedged }, () => run(0, 'wedged-stranded')),
        ...Array.from({ length: completed }, () => run(0, 'completed')),
      ]),
    ).includes(shorter);
  expect(opened(3, 0)).toBe(false);
  expect(opened(2, 2)).toBe(false);
  expect(opened(3, 1)).toBe(true);
});
