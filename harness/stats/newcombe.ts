import type { Count, Interval } from './counts.ts';
import { wilson } from './intervals.ts';

/**
 * Newcombe's hybrid score interval (1998, Statistics in Medicine 17:873, method 10) for the difference of
 * wedge probabilities, treatment minus reference: −1 to 1, below 0 when the treatment wedges less. [−1, 1]
 * when an arm has no run.
 */
export function newcombeInterval(reference: Count, treatment: Count, level = 0.95): Interval {
  if (reference.runs === 0 || treatment.runs === 0) return [-1, 1];
  const p1 = treatment.wedged / treatment.runs;
  const p2 = reference.wedged / reference.runs;
  const [low1, high1] = wilson(treatment, level);
  const [low2, high2] = wilson(reference, level);
  const difference = p1 - p2;
  return [
    Math.max(-1, difference - Math.hypot(p1 - low1, high2 - p2)),
    Math.min(1, difference + Math.hypot(high1 - p1, p2 - low2)),
  ];
}
