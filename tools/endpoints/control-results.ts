import { clopperPearson } from '../../harness/stats/intervals.ts';
import { FAULT_ROWS, type FaultRow } from './fault-rows.ts';
import type { RepeatArm, RepeatResult } from './repeat.ts';

/** The probabilities with which a fault is committed; an A/A pair stands beside each repeat of `AA_CHANCE`. */
export const CHANCES = [0.05, 0.2, 0.6] as const;
export const AA_CHANCE = 0.2;
/** The probabilities of fault and competing fault where competing events are checked. */
export const COMPETING_CHANCES = { chance: 0.3, competingChance: 0.3 } as const;
export const SEEDS = 20;
export const COMPETING_SEEDS = 3;
export const RUNS = 60;
/** What must hold: repeats covered, of `SEEDS`; A/A pairs that decide, of `SEEDS`; the share covered of all repeats. */
export const LEAST_COVERED = 16;
export const MOST_DECIDED = 3;
export const LEAST_SHARE = 0.93;

/** One repeat that is to be made. */
export interface Plan {
  readonly row: string;
  readonly chance: number;
  readonly competingChance: number;
  readonly seed: number;
  readonly arms: 1 | 2;
}

/** One repeat that was made: a line of the results. */
export interface MadeRepeat extends Omit<Plan, 'arms'>, RepeatResult {
  readonly runs: number;
}

/** All repeats, seed by seed, so that a part of them says something of every endpoint. */
export function plans(rows: readonly FaultRow[] = FAULT_ROWS): Plan[] {
  const made: Plan[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    for (const row of rows) {
      for (const chance of CHANCES) {
        made.push({ row: row.name, chance, competingChance: 0, seed, arms: chance === AA_CHANCE ? 2 : 1 });
      }
      if (row.competing !== null && seed <= COMPETING_SEEDS) {
        made.push({ row: row.name, ...COMPETING_CHANCES, seed, arms: 1 });
      }
    }
  }
  return made;
}

/** Two repeats with the same key are the same repeat. */
export function planKey({ row, chance, competingChance, seed }: Omit<Plan, 'arms'>): string {
  return [row, chance, competingChance, seed].join('/');
}

/** The rate that the kernel was made to have among the runs in which the endpoint is observed. */
export function trueRate({ chance, competingChance }: Pick<Plan, 'chance' | 'competingChance'>): number {
  return chance / (1 - competingChance);
}

export function isCovered(repeat: MadeRepeat): boolean {
  const [low, high] = firstArm(repeat).clopperPearson95;
  const rate = trueRate(repeat);
  return low <= rate && rate <= high;
}

/** Whether the experiment counted what its kernels committed: no more, no less, and nothing left out. */
export function isCountedRight({ arms }: MadeRepeat, row: FaultRow): boolean {
  return arms.every((arm) => {
    const committed = row.faults.reduce((sum, fault) => sum + (arm.drawn[fault] ?? 0), 0);
    const competing = row.competing === null ? 0 : (arm.drawn[row.competing] ?? 0);
    return arm.events === committed && arm.competing === competing && arm.invalid === 0;
  });
}

export function firstArm({ arms }: MadeRepeat): RepeatArm {
  const [arm] = arms;
  if (arm === undefined) throw new Error('A repeat has no arm.');
  return arm;
}

/** How many of the repeats cover, with the 95 % interval of that share. */
export function coverage(repeats: readonly MadeRepeat[]): {
  readonly covered: number;
  readonly made: number;
  readonly interval: readonly [number, number];
} {
  const covered = repeats.filter(isCovered).length;
  const [low, high] = clopperPearson({ wedged: covered, runs: repeats.length });
  return { covered, made: repeats.length, interval: [low, high] };
}
