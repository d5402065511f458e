import { describe, expect, it } from 'vitest';
import { protocolOf, runOf } from '../../tools/testing/stats.ts';
import type { OutcomeStatus } from '../model/run-status.ts';
import { analyseExperiment } from './analysis.ts';
import { boschlooLess } from './boschloo.ts';
import { claimPower } from './claim-power.ts';
import { competingShare } from './competing.ts';
import { fisherLess } from './fisher.ts';
import { seededUniform } from './random.ts';
import { sequentialStart, sequentialStep } from './sequential-decision.ts';
import { treatmentVerdicts } from './verdict.ts';
import type { Withholding } from './withholding.ts';

const THREE = [
  ['control', 'control'],
  ['sham', 'sham'],
  ['fix', 'treatment'],
] as const;

/** Events first, then competing events, then completed runs. */
function statuses([events, competing, runs]: readonly [number, number, number]): OutcomeStatus[] {
  return Array.from({ length: runs }, (_, run) =>
    run < events ? 'wedged' : run < events + competing ? 'competing' : 'completed',
  );
}

type Arms = Readonly<Record<string, readonly [events: number, competing: number, runs: number]>>;

function outcomesOf(arms: Arms) {
  return {
    byArm: new Map(Object.entries(arms).map(([name, arm]) => [name, statuses(arm)])),
    wedgesAnywhere: new Map(Object.entries(arms).map(([name, [events]]) => [name, events])),
  };
}

/** The verdict of `fix` in a fixed-size experiment. */
function verdictOf(arms: Arms, withholdings?: ReadonlyMap<string, readonly Withholding[]>) {
  const roles = THREE.filter(([name]) => name in arms);
  const [verdict] = treatmentVerdicts(protocolOf(roles), outcomesOf(arms), withholdings);
  if (verdict === undefined) throw new Error('fix has a verdict');
  return verdict;
}

describe('competing events', () => {
  it('take the word from a change that kills the kernel where it would have wedged', () => {
    const verdict = verdictOf({ control: [7, 0, 10], sham: [7, 0, 10], fix: [0, 7, 10] });
    expect(verdict.word).toBe('inconclusive');
    // The three runs that are left do not even carry the claim on the endpoint: 0/3 against 7/10.
    expect(verdict.p).toBeCloseTo(boschlooLess({ wedged: 7, runs: 10 }, { wedged: 0, runs: 3 }), 12);
    const larger = verdictOf({ control: [28, 0, 40], sham: [28, 0, 40], fix: [0, 28, 40] });
    expect(larger).toMatchObject({
      word: 'inconclusive',
      withheld: [{ reason: 'competing-events', failed: ['composite', 'share'] }],
      conditions: { claimHolds: true, compositeHolds: false, competingNotAbove: false },
      composite: { wedged: 28, runs: 40 },
      competing: { treatment: { wedged: 28, runs: 40 }, references: { wedged: 0, runs: 80 } },
    });
    expect(larger.composite?.p).toBeCloseTo(
      boschlooLess({ wedged: 28, runs: 40 }, { wedged: 28, runs: 40 }),
      12,
    );
  });

  it('leave a cure its word where they are as frequent in every arm, and it states both bounds', () => {
    const verdict = verdictOf({ control: [14, 1, 40], sham: [13, 2, 40], fix: [0, 2, 40] });
    expect(verdict).toMatchObject({ word: 'fixes', withheld: [], composite: { wedged: 2, runs: 40 } });
    // One-sided 95 %: 0/38 in closed form, and 2/40 as the root of its binomial tail.
    expect(verdict.upper95).toBeCloseTo(1 - 0.05 ** (1 / 38), 10);
    const upper = verdict.composite?.upper95 ?? 0;
    const tail = [1, 40, 780].reduce((sum, ways, k) => sum + ways * upper ** k * (1 - upper) ** (40 - k), 0);
    expect(tail).toBeCloseTo(0.05, 8);
  });

  it('take the word where there are more of them than on the references, though the composite still falls', () => {
    const verdict = verdictOf({ control: [36, 0, 40], sham: [36, 0, 40], fix: [0, 6, 40] });
    expect(verdict).toMatchObject({
      word: 'inconclusive',
      withheld: [{ reason: 'competing-events', failed: ['share'] }],
    });
    // Fisher: all six of 120 on the treatment, 40 · 39 · … / (120 · 119 · …).
    const exact = [0, 1, 2, 3, 4, 5].reduce((p, i) => p * ((40 - i) / (120 - i)), 1);
    expect(verdict.competing?.p).toBeCloseTo(exact, 12);
  });

  it('are the references’ together: a sham that dies as often excuses the treatment', () => {
    const arms = { control: [36, 0, 40], sham: [30, 6, 40], fix: [0, 6, 40] } as const;
    const share = competingShare(outcomesOf(arms), ['control', 'sham'], 'fix');
    expect(share.p).toBeCloseTo(fisherLess({ wedged: 6, runs: 40 }, { wedged: 6, runs: 80 }), 12);
    expect(verdictOf(arms).word).toBe('fixes');
  });

  it('withhold alike in the sequential test, which stops for both E of both pairs alone', () => {
    const arms = { control: [30, 0, 60], sham: [30, 0, 60], fix: [0, 12, 60] } as const;
    // Spread, so that every block order is a fair one.
    const spread = (of: readonly [number, number, number]) => {
      const all = statuses(of);
      return all.map((_, i) => all[(i * 7) % all.length] as OutcomeStatus);
    };
    const outcomes = {
      byArm: new Map(Object.entries(arms).map(([name, arm]) => [name, spread(arm)])),
      wedgesAnywhere: new Map([
        ['control', 30],
        ['sham', 30],
        ['fix', 0],
      ] as const),
    };
    const protocol = protocolOf(THREE, { test: 'e-process', alpha: 0.01, bets: 'cure' });
    const [verdict] = treatmentVerdicts(protocol, outcomes);
    expect(verdict?.conditions).toMatchObject({ claimHolds: true, competingNotAbove: false });
    expect(verdict?.word).toBe('inconclusive');
  });

  it('are compared within each host of a merged experiment', () => {
    // On one host every arm dies often; the treatment ran there more. Added up it would look guilty.
    const host = (arms: Arms) => outcomesOf(arms).byArm;
    const strata = [
      host({ control: [5, 4, 10], fix: [0, 16, 40] }),
      host({ control: [18, 0, 40], fix: [0, 0, 10] }),
    ];
    const byArm = new Map(
      ['control', 'fix'].map((name) => [name, strata.flatMap((each) => each.get(name) ?? [])]),
    );
    const wedgesAnywhere = new Map([
      ['control', 23],
      ['fix', 0],
    ] as const);
    const stratified = competingShare({ byArm, strata, wedgesAnywhere }, ['control'], 'fix');
    const added = competingShare({ byArm, wedgesAnywhere }, ['control'], 'fix');
    expect(added.p).toBeLessThan(0.05);
    expect(stratified.p).toBeGreaterThan(0.5);
  });

  it('leave nothing to compare where every run of an arm ends so', () => {
    expect(verdictOf({ control: [7, 0, 10], sham: [7, 0, 10], fix: [0, 10, 10] })).toMatchObject({
      word: 'no-verdict',
      gate: { reason: 'no-valid-run', arms: ['fix'] },
    });
  });
});

describe('what else withholds a word', () => {
  const cured = { control: [14, 0, 20], sham: [13, 0, 20], fix: [0, 0, 20] } as const;
  const reduced = { control: [18, 0, 20], sham: [18, 0, 20], fix: [4, 0, 20] } as const;
  const short: Withholding = {
    reason: 'exposure',
    kinds: [{ kind: 'comm_msg', reference: 'control', referencePerRun: 54, treatmentPerRun: 0, p: null }],
  };
  const partly: Withholding = { reason: 'not-engaged', engaged: 10, opportunities: 20, of: 'replies' };
  const never: Withholding = { reason: 'never-in', why: 'counter-zero' };
  it.each([
    ['fixes', cured, []],
    ['inconclusive', cured, [short]],
    ['inconclusive', cured, [partly]],
    ['no-verdict', cured, [never]],
    ['reduces', reduced, []],
    ['inconclusive', reduced, [short]],
    ['reduces', reduced, [partly]],
    ['no-verdict', reduced, [never]],
  ] as const)('%s', (word, arms, withheld) => {
    expect(verdictOf(arms, new Map([['fix', withheld]]))).toMatchObject({ word, withheld });
  });
});

describe('worse', () => {
  it('asks the sham too', () => {
    expect(verdictOf({ control: [1, 0, 20], sham: [13, 0, 20], fix: [14, 0, 20] }).word).not.toBe('worse');
    expect(verdictOf({ control: [1, 0, 20], sham: [2, 0, 20], fix: [14, 0, 20] })).toMatchObject({
      word: 'worse',
      conditions: { aboveReferences: true },
    });
  });

  it('is each at α, and its p the larger one', () => {
    const { pWorseHolm } = verdictOf({ control: [1, 0, 20], sham: [4, 0, 20], fix: [14, 0, 20] });
    expect(pWorseHolm).toBeCloseTo(boschlooLess({ wedged: 14, runs: 20 }, { wedged: 4, runs: 20 }), 12);
  });
});

describe('the power of the whole claim', () => {
  it('makes 8/20, 0/20, sham 3/20 inconclusive', () => {
    const verdict = verdictOf({ control: [8, 0, 20], sham: [3, 0, 20], fix: [0, 0, 20] });
    expect(verdict.word).toBe('inconclusive');
    // Beside 0/20 Boschloo's test needs four events of 20: P(X ≥ 4) at 0.4 times P(X ≥ 4) at 0.15.
    expect(boschlooLess({ wedged: 4, runs: 20 }, { wedged: 0, runs: 20 })).toBeLessThanOrEqual(0.05);
    expect(boschlooLess({ wedged: 3, runs: 20 }, { wedged: 0, runs: 20 })).toBeGreaterThan(0.05);
    const tail = (p: number) =>
      1 - [1, 20, 190, 1140].reduce((sum, ways, k) => sum + ways * p ** k * (1 - p) ** (20 - k), 0);
    expect(verdict.powerToZero).toBeCloseTo(tail(0.4) * tail(0.15), 10);
  });

  it('is that of one contrast where there is no sham', () => {
    const { powerToZero } = verdictOf({ control: [8, 0, 20], fix: [1, 0, 20] });
    const tail = 1 - [1, 20, 190, 1140].reduce((sum, ways, k) => sum + ways * 0.4 ** k * 0.6 ** (20 - k), 0);
    expect(powerToZero).toBeCloseTo(tail, 10);
  });

  it('says how many runs the whole claim needs, sham at its own rate', () => {
    const arms = { control: [8, 0, 20], sham: [3, 0, 20], fix: [0, 0, 20] } as const;
    const runs = Object.entries(arms).flatMap(([arm, [events, , many]]) =>
      Array.from({ length: many }, (_, block) =>
        runOf(arm, block, { kind: block < events ? 'wedged-mute' : 'completed' }),
      ),
    );
    const needed = analyseExperiment(protocolOf(THREE), runs).verdicts[0]?.couldSee.runsNeeded ?? 0;
    const power = (many: number) =>
      claimPower(
        [
          {
            references: [
              { runs: many, event: 0.4, competing: 0 },
              { runs: many, event: 0.15, competing: 0 },
            ],
            treatment: { runs: many, event: 0, competing: 0 },
          },
        ],
        { test: 'boschloo', alpha: 0.05, seed: 1 },
      );
    expect(power(needed)).toBeGreaterThanOrEqual(0.8);
    expect(power(needed - 1)).toBeLessThan(0.8);
  });

  it('is found by simulation as exactly, where nothing competes', () => {
    const arm = (event: number, competing: number) => ({ runs: 20, event, competing });
    const rule = { test: 'boschloo', alpha: 0.05, seed: 3 } as const;
    const exact = claimPower([{ references: [arm(0.4, 0), arm(0.3, 0)], treatment: arm(0, 0) }], rule);
    // A competing share too small to come up forces the simulation.
    const tiny = claimPower([{ references: [arm(0.4, 1e-12), arm(0.3, 0)], treatment: arm(0, 0) }], rule);
    expect(Math.abs(tiny - exact)).toBeLessThan(0.035);
    const often = claimPower([{ references: [arm(0.4, 0.2), arm(0.3, 0.2)], treatment: arm(0, 0.2) }], rule);
    expect(often).toBeLessThan(exact - 0.05);
  });
});

describe('`no-difference`', () => {
  const binomial = (runs: number, p: number) =>
    Array.from({ length: runs + 1 }, (_, k) => {
      let ways = 1;
      for (let i = 0; i < k; i += 1) ways = (ways * (runs - i)) / (i + 1);
      return ways * p ** k * (1 - p) ** (runs - k);
    });

  it('is never said of a perfect cure at a true rate of 0.3 and 20 runs, whatever control and sham show', () => {
    // Exact: every count of both references, with its probability. By control alone it was 6.3 %.
    const mass = binomial(20, 0.3);
    let said = 0;
    let total = 0;
    for (let control = 0; control <= 20; control += 1) {
      for (let sham = 0; sham <= 20; sham += 1) {
        const p = (mass[control] ?? 0) * (mass[sham] ?? 0);
        total += p;
        const { word } = verdictOf({ control: [control, 0, 20], sham: [sham, 0, 20], fix: [0, 0, 20] });
        if (word === 'no-difference') said += p;
      }
    }
    expect(total).toBeCloseTo(1, 10);
    expect(said).toBeLessThan(0.002);
  });

  it('is still said of a change that does nothing where both references could have told', () => {
    expect(verdictOf({ control: [12, 0, 20], sham: [11, 0, 20], fix: [11, 0, 20] }).word).toBe(
      'no-difference',
    );
  });
});

describe('the decision while it runs', () => {
  it('is what the verdict says afterwards: the same E, with competing events and harness faults among the runs', () => {
    const uniform = seededUniform(17, 'live and after');
    let decided = 0;
    for (const bets of ['neutral', 'cure'] as const) {
      const protocol = protocolOf(THREE, { test: 'e-process', stopping: 'until-decided', alpha: 0.01, bets });
      for (let experiment = 0; experiment < 8; experiment += 1) {
        const rate = { control: 0.6, sham: 0.6, fix: experiment % 4 === 0 ? 0.5 : 0.02 };
        const runs: Record<string, OutcomeStatus[]> = { control: [], sham: [], fix: [] };
        let state = sequentialStart(protocol);
        for (let block = 0; block < 80 && !state.isDecided; block += 1) {
          const statusOf = (arm: keyof typeof rate): OutcomeStatus => {
            const kind = uniform();
            if (kind < 0.05) return 'competing';
            if (kind < 0.08) return 'invalid';
            return uniform() < rate[arm] ? 'wedged' : 'completed';
          };
          const row = new Map(
            (['control', 'sham', 'fix'] as const).map((arm) => [arm as string, statusOf(arm)]),
          );
          for (const [arm, status] of row) runs[arm]?.push(status);
          state = sequentialStep(protocol, state, row);
        }
        const byArm = new Map(Object.entries(runs));
        const wedgesAnywhere = new Map(
          [...byArm].map(([arm, all]) => [arm, all.filter((status) => status === 'wedged').length]),
        );
        const [verdict] = treatmentVerdicts(protocol, { byArm, wedgesAnywhere });
        const isBelow = state.decisions[0]?.decision === 'below';
        if (isBelow) decided += 1;
        expect(verdict?.conditions?.claimHolds === true && verdict.conditions.compositeHolds).toBe(isBelow);
        expect(verdict?.p).toBeCloseTo(
          Math.max(...state.pairs.map(({ less }) => Math.exp(-less.maxLogE))),
          12,
        );
        expect(verdict?.composite?.p).toBeCloseTo(
          Math.max(...state.pairs.map(({ composite }) => Math.exp(-composite.maxLogE))),
          12,
        );
      }
    }
    expect(decided).toBeGreaterThan(6);
  });
});
