import type { KernelCounter } from '../model/arm.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { VerdictAnalysis } from '../stats/analysis.ts';
import type { Drift } from '../stats/drift.ts';
import type { EngagementSummary } from '../stats/engagement.ts';
import { code, enumeration, type Inline, type Line, line, text } from './document.ts';
import { eventWords } from './endpoint-words.ts';
import { counted, pValue } from './format-number.ts';
import type { Report } from './report.ts';

/** Phrases that several parts of a report share, so that they say the same thing in the same words. */

/** A formatted number among words. */
export function num(formatted: string): Inline {
  return text(formatted);
}

/** `6/20`. */
export function ratio(of: { readonly wedged: number; readonly runs: number }): Inline {
  return text(`${of.wedged}/${of.runs}`);
}

/** Names of arms, `a`, `b` and `c`. */
export function armNames(names: readonly string[], conjunction = 'and'): Line {
  return enumeration(
    names.map((name) => [code(name)]),
    conjunction,
  );
}

/** What followed a reply where the change acted. */
const COUNTER_WORDS: Partial<Record<KernelCounter, string>> = {
  rearms: 'made the stream look for requests',
  callbacks: 'ran its callback',
  flushes: 'flushed the stream',
  streamSends: 'sent through the stream',
};

/** `made the stream look for requests at 551 of 551 replies`, or why nothing was counted. */
export function engagementWords(engagement: EngagementSummary): string {
  if (engagement.client !== undefined) return clientEngagementWords(engagement, engagement.client);
  if (engagement.runsWithCounters === 0) return 'not counted';
  const { totals, counter } = engagement;
  const replies = counted(totals.replies, 'reply', 'replies');
  if (counter === null && engagement.isPatched)
    return `no counter for this patch; ${changeWords(engagement)}`;
  if (counter === null) return `no patch; ${replies}`;
  const what = COUNTER_WORDS[counter] ?? counter;
  const lost = totals.missing + totals.mismatched;
  const without = lost === 0 ? '' : `; its stream was missing or another one at ${lost}`;
  return `${what} at ${totals[counter]} of ${replies}${without}`;
}

/** `all 20 kernels loaded its files`: what kernels reported about the change of an arm without a counter. */
function changeWords({ change, runsWithCounters }: EngagementSummary): string {
  if (change === undefined) {
    return `not recorded whether ${counted(runsWithCounters, 'kernel')} executed it`;
  }
  const { runs, loaded, executed, neverCalled } = change;
  const of = (part: number) => (part === runs ? `all ${runs}` : `${part} of ${runs}`);
  const uncalled = neverCalled.length === 0 ? '' : `; never called: ${neverCalled.length} changed functions`;
  return `${of(loaded)} kernels loaded its files, ${of(executed)} executed the change${uncalled}`;
}

/** The same of a client, whose change acts when it sends. */
const CLIENT_COUNTER_WORDS = {
  rearms: 'made the socket look for replies',
  callbacks: 'ran its callback',
} as const;

function clientEngagementWords(
  { counter, isPatched }: EngagementSummary,
  { totals, runs }: NonNullable<EngagementSummary['client']>,
): string {
  if (runs === 0) return 'not counted';
  const sends = counted(totals.sends, 'send');
  if (counter !== 'callbacks' && counter !== 'rearms') {
    return `${isPatched ? 'no counter for this patch' : 'no patch'}; ${sends}`;
  }
  return `${CLIENT_COUNTER_WORDS[counter]} after ${totals[counter]} of ${sends}`;
}

const KIND_WORDS: Record<OutcomeKind, string> = {
  completed: 'completed',
  'wedged-stranded': 'wedged, certified: the request lies unread in the shell socket',
  'wedged-mute': 'wedged, without a certificate',
  stalled: 'the client left a reply unread until its own poll timed out',
  'lost-reply': 'request finished, but its reply never came',
  'lost-request': 'request lost on its way to the kernel',
  'no-answer': 'no answer through a server; whose fault it was cannot be told',
  'lost-idle': 'reply received without its idle status',
  late: 'answered after the deadline',
  busy: 'unanswered at the deadline, while the kernel used processor time',
  hung: 'begun but unanswered at the deadline, while the kernel used no processor time',
  aborted: 'a cell was not executed',
  'cell-error': 'a cell raised',
  died: 'the kernel process ended',
  'start-failed': 'the kernel never became ready',
  'harness-fault': 'the harness could not observe the run',
};

export function kindWords(kind: OutcomeKind): string {
  return KIND_WORDS[kind];
}

/** `2 cell-error, 1 died`, in the order of the model; `none` when there are none. */
export function kindCounts(kinds: Partial<Record<OutcomeKind, number>>): string {
  const known = Object.keys(KIND_WORDS) as OutcomeKind[];
  const parts = known.flatMap((kind) => (kinds[kind] ? [`${kinds[kind]} ${kind}`] : []));
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** The test that decides, in words. */
export function testWords(test: 'boschloo' | 'e-process'): string {
  return test === 'boschloo' ? "Boschloo's exact test (one-sided)" : 'e-process for two proportions';
}

/** `it wedged in 8/10 runs of its first half and in 7/10 of its second (…)`, of the arm that was just named. */
export function driftWords({ firstHalf, secondHalf, fisherTwoSided }: Drift, rule: EndpointRule): Line {
  return line`it ${text(eventWords(rule).past)} in ${ratio(firstHalf)} runs of its first half and in ${ratio(secondHalf)} of its second (Fisher's exact test, two-sided ${num(pValue(fisherTwoSided))})`;
}

/**
 * Whether the endpoint's events prefer a cell, as a clause: `wanders`, or `too few deaths to tell`. The analysis has the
 * words for wedges.
 */
export function innocenceWords({ analysis, protocol }: Pick<Report, 'analysis' | 'protocol'>): string {
  const { innocence } = analysis;
  return innocence.p === null ? `too few ${eventWords(protocol).nouns} to tell` : innocence.words;
}

/** A hash short enough to read, long enough to compare. */
export function shortHash(hash: string): Inline {
  return code(hash.slice(0, 16));
}

/**
 * The p-value that a verdict rests on, after Holm; `null` without a verdict. Of `worse`, that of a higher rate. Else that of
 * a lower rate: a claim needs the event alone, and the event or another ending, and rests on the weaker one.
 */
export function verdictP({ word, pHolm, pWorseHolm, composite }: VerdictAnalysis): number | null {
  if (word === 'worse') return pWorseHolm;
  return pHolm === null ? null : Math.max(pHolm, composite?.pHolm ?? 0);
}

/** How blocks and cells are numbered in every sentence, table, file and name. A document or a story says it once. */
export const COUNTING = 'Blocks and cells are counted from 0.';
