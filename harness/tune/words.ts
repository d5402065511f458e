import type { EndpointRule } from '../model/endpoint.ts';
import { eventWords } from '../report/endpoint-words.ts';

/** What a tuning that saw no event needs, after `Give`: `more minutes, a longer notebook, or other latencies`. */
export function moreEventsWords(rule: EndpointRule): string {
  const { notebook, isProvoked } = eventWords(rule);
  return `more minutes, ${isProvoked ? `${notebook}, or other latencies` : `or ${notebook}`}`;
}
