import { isObserved, type OutcomeStatus } from '../model/run-status.ts';
import type { Count } from './counts.ts';
import { countOf } from './decision-table.ts';
import { fisherTwoSided } from './fisher.ts';

/** Whether one arm's wedge rate changed during the experiment. */
export interface Drift {
  readonly arm: string;
  readonly firstHalf: Count;
  readonly secondHalf: Count;
  /** Fisher's two-sided p; 1 when a half has no valid run. */
  readonly fisherTwoSided: number;
}

/**
 * Compares the first half of the arm's valid runs with the second, in block order. With an odd number, the
 * middle run goes to the second half. With several strata, the halves of each are added up, so a host with
 * another rate affects both halves alike.
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
