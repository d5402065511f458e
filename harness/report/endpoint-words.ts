import type { Endpoint, EndpointRule } from '../model/endpoint.ts';
import { duration, memorySize } from './format-number.ts';

/**
 * The forms that sentences about an endpoint's event need. Every sentence of a report takes its words from here, so
 * that a report about deaths never speaks of wedges.
 */
export interface EventWords {
  /** What is counted, for the title of a document: `Kernel deaths`. */
  readonly title: string;
  /** Title of a column of counts: `Died`. */
  readonly column: string;
  /** After a name, one or several: `it … in 3 of 20 runs`. */
  readonly past: string;
  /** After one name: `whether it …`. */
  readonly present: string;
  /** After `may` or `does not`. */
  readonly infinitive: string;
  readonly noun: string;
  readonly nouns: string;
  /** `death rate`, or `rate of lost output`. */
  readonly rate: string;
  /** After `counts as`. */
  readonly counted: string;
  /** With a capital: `Runs that died`. */
  readonly runsThat: string;
  /** The same before what they are a part of: `Wedged runs of`, `Runs that died, of`. */
  readonly runsOf: string;
  /** After `runs`, at some time: `without a death so far`. */
  readonly notYet: string;
  /** When a run shows the event, as a whole sentence. */
  readonly definition: string;
  /** What to do when the references show the event too rarely, as a whole sentence. */
  readonly advice: string;
  /** What shows the event more often than this notebook, after `Give`: `a longer notebook`. */
  readonly notebook: string;
  /** Whether the front end's traffic and latency bear on how often the event happens. */
  readonly isProvoked: boolean;
  /** What one release brings and another cures, after `the`. */
  readonly fault: string;
  /** Whether the event ends the run, so that the replies before it say something about its rate. */
  readonly endsRun: boolean;
}

type Derived = 'counted' | 'runsThat' | 'runsOf' | 'notYet' | 'advice' | 'isProvoked' | 'fault';
type OwnWords = Omit<EventWords, Derived> & Partial<Pick<EventWords, Derived>>;

const LONGER = {
  notebook: 'a longer notebook',
  advice: 'Use a longer notebook or other traffic, or many more runs.',
} as const;

/** The words for an endpoint and its limits. A protocol is a rule. */
export function eventWords(rule: EndpointRule): EventWords {
  const own = OWN_WORDS[rule.endpoint ?? 'wedged'](rule);
  return {
    counted: 'an event',
    runsThat: `Runs that ${own.past}`,
    runsOf: `Runs that ${own.past}, of`,
    notYet: `without ${withArticle(own.noun)} so far`,
    advice: `Use ${own.notebook}, or many more runs.`,
    isProvoked: true,
    fault: 'fault',
    ...own,
  };
}

const OWN_WORDS: Readonly<Record<Endpoint, (rule: EndpointRule) => OwnWords>> = {
  wedged: () => ({
    title: 'Kernel wedges',
    column: 'Wedged',
    past: 'wedged',
    present: 'wedges',
    infinitive: 'wedge',
    noun: 'wedge',
    nouns: 'wedges',
    rate: 'wedge rate',
    counted: 'wedged',
    runsThat: 'Wedged runs',
    runsOf: 'Wedged runs of',
    notYet: 'not yet wedged',
    fault: 'wedge',
    definition:
      'The kernel wedged in a run if it was alive and idle all the time, but never began a request.',
    ...LONGER,
    endsRun: true,
  }),
  stalled: () => ({
    title: 'Client stalls',
    column: 'Stalled',
    past: 'stalled',
    present: 'stalls',
    infinitive: 'stall',
    noun: 'stall',
    nouns: 'stalls',
    rate: 'stall rate',
    counted: 'stalled',
    runsThat: 'Stalled runs',
    runsOf: 'Stalled runs of',
    notYet: 'not yet stalled',
    definition:
      'The client stalled in a run if it left a reply unread, although the kernel had sent it and both were idle.',
    ...LONGER,
    endsRun: true,
  }),
  hung: () => ({
    title: 'Kernel hangs',
    column: 'Hung',
    past: 'hung',
    present: 'hangs',
    infinitive: 'hang',
    noun: 'hang',
    nouns: 'hangs',
    rate: 'hang rate',
    definition:
      'The kernel hung in a run if it began a request, did not answer it by the deadline, and used no processor time.',
    notebook: 'a notebook that repeats the cell that hangs',
    endsRun: true,
  }),
  'lost-answer': () => ({
    title: 'Lost answers',
    column: 'Lost an answer',
    past: 'lost an answer',
    present: 'loses an answer',
    infinitive: 'lose an answer',
    noun: 'lost answer',
    nouns: 'lost answers',
    rate: 'rate of lost answers',
    definition:
      'A run lost an answer if the kernel finished a request, but its reply or its idle status never came.',
    ...LONGER,
    endsRun: true,
  }),
  'lost-output': () => ({
    title: 'Lost output',
    column: 'Lost output',
    past: 'lost output',
    present: 'loses output',
    infinitive: 'lose output',
    noun: 'loss of output',
    nouns: 'losses of output',
    rate: 'rate of lost output',
    definition:
      'A run lost output if an expected output was missing, doubled, cut short or under another cell. Output that only differs in content is no event.',
    notebook: 'a notebook that repeats the cells whose output is lost',
    endsRun: false,
  }),
  'cell-error': () => ({
    title: 'Errors in cells',
    column: 'Raised an error',
    past: 'raised an error',
    present: 'raises an error',
    infinitive: 'raise an error',
    noun: 'error',
    nouns: 'errors',
    rate: 'error rate',
    definition: 'A run raised an error if a cell raised that is not marked “raises-exception”.',
    notebook: 'a notebook that repeats the cell that raises',
    endsRun: true,
  }),
  died: () => ({
    title: 'Kernel deaths',
    column: 'Died',
    past: 'died',
    present: 'dies',
    infinitive: 'die',
    noun: 'death',
    nouns: 'deaths',
    rate: 'death rate',
    definition:
      'The kernel died in a run if its process ended or was replaced, and nobody had asked it to end.',
    notebook: 'a notebook that repeats what ends the kernel',
    endsRun: true,
  }),
  'start-failed': () => ({
    title: 'Failed starts',
    column: 'Failed to start',
    past: 'failed to start',
    present: 'fails to start',
    infinitive: 'fail to start',
    noun: 'failed start',
    nouns: 'failed starts',
    rate: 'rate of failed starts',
    definition:
      'The kernel failed to start in a run if it ended before it was ready, or was not ready by the start deadline.',
    notebook: 'a notebook of one short cell',
    advice: 'Start more kernels at once, with a notebook of one short cell, so that each run costs little.',
    isProvoked: false,
    endsRun: false,
  }),
  slow: ({ slowAfterMs }) => ({
    title: 'Slow runs',
    column: 'Slow',
    past: 'had a slow cell',
    present: 'has a slow cell',
    infinitive: 'have a slow cell',
    noun: 'slow run',
    nouns: 'slow runs',
    rate: 'rate of slow runs',
    definition: `A run was slow if one of its cells took ${slowAfterMs === undefined ? 'its limit' : duration(slowAfterMs)} or longer.`,
    notebook: 'a longer notebook, a lower --slow-after',
    advice: 'Use a longer notebook, or a lower --slow-after, or many more runs.',
    endsRun: false,
  }),
  memory: ({ memoryAboveBytes }) => {
    const limit = memoryAboveBytes === undefined ? 'its memory limit' : memorySize(memoryAboveBytes);
    return {
      title: `Memory above ${limit}`,
      column: `Passed ${limit}`,
      past: `passed ${limit}`,
      present: `passes ${limit}`,
      infinitive: `pass ${limit}`,
      noun: `run above ${limit}`,
      nouns: `runs above ${limit}`,
      rate: `rate of runs above ${limit}`,
      definition: `A run passed ${limit} if the kernel's processes together used more memory than that.`,
      notebook: 'a longer notebook, a lower --memory-above',
      advice: 'Use a longer notebook, or a lower --memory-above, or many more runs.',
      endsRun: false,
    };
  },
  interrupt: () => ({
    title: 'Answers missed after an interrupt',
    column: 'Missed an answer',
    past: 'missed an answer after an interrupt',
    present: 'misses an answer after an interrupt',
    infinitive: 'miss an answer after an interrupt',
    noun: 'missed answer',
    nouns: 'missed answers',
    rate: 'rate of missed answers',
    definition:
      'A run missed an answer after an interrupt if the reply to the request that was interrupted, or to the next one, came after its deadline or never. An interrupt that a cell ignored is no event.',
    notebook: 'a longer notebook, another --interrupt-after',
    advice: 'Use a longer notebook, or another --interrupt-after, or many more runs.',
    isProvoked: false,
    endsRun: true,
  }),
  any: (rule) => ({
    title: 'Events of any kind',
    column: 'Had an event',
    past: 'had an event',
    present: 'has an event',
    infinitive: 'have an event',
    noun: 'event',
    nouns: 'events',
    rate: 'event rate',
    definition: `A run had an event if the kernel, the client or the server failed in any way: a request that was never begun, a lost answer, a stall, a death, a failed start; lost output where outputs are compared${limitsOfAny(rule)}. An error or a hang in the code of the notebook itself is no event.`,
    ...LONGER,
    endsRun: false,
  }),
};

/** What else is an event of `any` because of a limit or of the traffic: `; a cell that took 5 s or longer`. */
function limitsOfAny({ slowAfterMs, memoryAboveBytes, interruptAfter }: EndpointRule): string {
  return [
    ...(interruptAfter === undefined ? [] : ['; an answer that came late or never after an interrupt']),
    ...(slowAfterMs === undefined ? [] : [`; a cell that took ${duration(slowAfterMs)} or longer`]),
    ...(memoryAboveBytes === undefined ? [] : [`; memory above ${memorySize(memoryAboveBytes)}`]),
  ].join('');
}

/** `a wedge`, `an error`. */
export function withArticle(words: string): string {
  return `${/^[aeiou]/i.test(words) ? 'an' : 'a'} ${words}`;
}

/** With a small first letter. */
export function uncapital(words: string): string {
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

/** With a capital first letter. */
export function capital(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** Whether an experiment is about wedges: only then do certificates and what revives a wedge matter. */
export function isAboutWedges({ endpoint }: EndpointRule): boolean {
  return endpoint === undefined || endpoint === 'wedged';
}

/** The endpoint with its limits, as a user gives them: `slow (5 s or longer)`. */
export function endpointName({ endpoint = 'wedged', slowAfterMs, memoryAboveBytes }: EndpointRule): string {
  const isAny = endpoint === 'any';
  const limits = [
    ...(slowAfterMs !== undefined && (isAny || endpoint === 'slow')
      ? [`${isAny ? 'slow: ' : ''}${duration(slowAfterMs)} or longer`]
      : []),
    ...(memoryAboveBytes !== undefined && (isAny || endpoint === 'memory')
      ? [`${isAny ? 'memory: ' : ''}above ${memorySize(memoryAboveBytes)}`]
      : []),
  ];
  return limits.length === 0 ? endpoint : `${endpoint} (${limits.join(', ')})`;
}

/** The options of a run that asks for the endpoint: `--endpoint slow --slow-after 5000ms`. Empty for the default one. */
export function endpointOptions({ endpoint, slowAfterMs, memoryAboveBytes }: EndpointRule): string {
  if (endpoint === undefined) return '';
  return [
    `--endpoint ${endpoint}`,
    ...(slowAfterMs === undefined ? [] : [`--slow-after ${slowAfterMs}ms`]),
    ...(memoryAboveBytes === undefined ? [] : [`--memory-above ${exactSize(memoryAboveBytes)}`]),
    ...(endpoint === 'stalled' ? ['--client nbclient'] : []),
    ...(endpoint === 'interrupt' ? ['--traffic interrupt'] : []),
  ].join(' ');
}

/** A limit as `--memory-above` takes it, without rounding. */
function exactSize(bytes: number): string {
  const [unit = 'KiB', power = 10] =
    bytes % 2 ** 30 === 0 ? ['GiB', 30] : bytes % 2 ** 20 === 0 ? ['MiB', 20] : [];
  return `${bytes / 2 ** power}${unit}`;
}
