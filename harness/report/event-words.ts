import type { Endpoint, EndpointRule } from '../model/endpoint.ts';
import { duration, memorySize } from './format-number.ts';

/**
 * What happens in a run that shows the event, as a clause: `a cell took 5 s or longer`. A search that is not an
 * experiment states it once, beside its model.
 */
export function eventClause(rule: EndpointRule): string {
  return CLAUSES[rule.endpoint ?? 'wedged'](rule);
}

const CLAUSES: Readonly<Record<Endpoint, (rule: EndpointRule) => string>> = {
  wedged: () => 'an idle kernel never began a request',
  stalled: () => 'the client left a reply unread',
  hung: () => 'a request was begun and never answered, and the kernel used no processor time',
  'lost-answer': () => 'a reply or an idle status never came',
  'lost-output': () => 'an expected output was missing, doubled, cut short or under another cell',
  'cell-error': () => 'a cell raised an error',
  died: () => 'the kernel ended, and nobody had asked it to',
  'start-failed': () => 'the kernel did not become ready',
  slow: ({ slowAfterMs }) => `a cell took ${duration(slowAfterMs ?? null)} or longer`,
  memory: ({ memoryAboveBytes }) =>
    `the kernel's processes held more than ${memorySize(memoryAboveBytes ?? 0)}`,
  any: (rule) =>
    [
      'the kernel, the client or the server failed in any way',
      ...(rule.slowAfterMs === undefined ? [] : [CLAUSES.slow(rule)]),
      ...(rule.memoryAboveBytes === undefined ? [] : [CLAUSES.memory(rule)]),
    ].join(', or '),
};
