import { isObserved, type OutcomeStatus } from '../model/outcome.ts';
import type { Count } from './counts.ts';
import { countOf } from './decision-table.ts';
import { fisherTwoSided } from './fisher.ts';

/** Whether one arm's wedge rate moved during the experiment. */
export interface Drift {
  readonly arm: string;
  readonly firstHalf: Count;
  readonly secondHalf: Count;
  /** Fisher's two-sided p; 1 when a half has no valid run. */
  readonly fisherTwoSided: number;
}

/**
 * The arm's first half of valid runs against its second, in block order; the middle run of an odd number goes
 * to the second. Of several strata the halves of each are added: a host of another rate is in both alike.
 */
export function drift(arm: string, strata: readonly (readonly OutcomeStatus[])[]): Drift {
  const halves = strata.map((statuses) => {
    const valid = statuses.filter(isObserved);
    const middle = Math.floor(valid.length / 2);
    return { first: valid.slice(0, middle), second: valid.slice(middle) };
  });
  const firstHalf = countOf(halves.flatMap(({ first }) => first));
  const secondHalf = countOf(halves.flatMap(({ second }) => second));
  return { arm, firstHalf, secondHalf, fisherTwoSided: fisherTwoSided(firstHalf, secondHalf) };
}
