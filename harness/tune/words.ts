import type { EndpointRule } from '../model/endpoint.ts';
import { shellWord } from '../model/shell-word.ts';
import { eventWords } from '../report/endpoint-words.ts';
import type { TuningBody } from './record.ts';

/** What a tuning that saw no event needs, after `Give`: `more minutes, a longer notebook, or other latencies`. */
export function moreEventsWords(rule: EndpointRule): string {
  const { notebook, isProvoked } = eventWords(rule);
  return `more minutes, ${isProvoked ? `${notebook}, or other latencies` : `or ${notebook}`}`;
}

/** The flags of `soak run` that expect the outputs that a tuning expected. */
export function expectFlags({ expect, sanitize }: NonNullable<TuningBody['expected']>): string {
  const rules = sanitize === null ? '' : ` --sanitize ${shellWord(sanitize)}`;
  return `--expect ${shellWord(expect)}${rules}`;
}
