import type { OutcomeKind } from '../model/outcome.ts';
import type { ArmAnalysis, KindCounts } from '../stats/arm-summary.ts';
import { count } from './format-number.ts';

/** What a run did that ended otherwise, after "1 of 20". */
const ENDING_WORDS: Readonly<Record<OutcomeKind, string>> = {
  completed: 'completed',
  'wedged-stranded': 'ended wedged-stranded',
  'wedged-mute': 'ended wedged-mute',
  stalled: 'ended in a client that left a reply unread',
  'lost-reply': 'lost a reply',
  'lost-request': 'lost a request',
  'no-answer': 'had no answer through the server',
  'lost-idle': 'lost an idle status',
  late: 'answered late',
  busy: 'used the processor at the deadline',
  hung: 'hung',
  aborted: 'left a cell unexecuted',
  'cell-error': 'raised in a cell',
  died: 'died',
  'start-failed': 'did not start',
  'harness-fault': 'could not be observed',
};

/** The same after "runs would still": `die`. */
const ENDING_VERBS: Readonly<Record<OutcomeKind, string>> = {
  completed: 'complete',
  'wedged-stranded': 'wedge',
  'wedged-mute': 'wedge',
  stalled: 'stall',
  'lost-reply': 'lose a reply',
  'lost-request': 'lose a request',
  'no-answer': 'get no answer through the server',
  'lost-idle': 'lose an idle status',
  late: 'answer late',
  busy: 'use the processor at the deadline',
  hung: 'hang',
  aborted: 'leave a cell unexecuted',
  'cell-error': 'raise in a cell',
  died: 'die',
  'start-failed': 'not start',
  'harness-fault': 'not be observed',
};

export function endingWords(kind: OutcomeKind): string {
  return ENDING_WORDS[kind];
}

export function endingVerb(kind: OutcomeKind): string {
  return ENDING_VERBS[kind];
}

/** `1 of 20 died, 2 of 20 raised in a cell`; empty where there are none. */
export function endingsOf(kinds: KindCounts, runs: number): string {
  return (Object.keys(ENDING_WORDS) as OutcomeKind[])
    .flatMap((kind) => {
      const many = kinds[kind] ?? 0;
      return many === 0 ? [] : [`${count(many)} of ${count(runs)} ${ENDING_WORDS[kind]}`];
    })
    .join(', ');
}

type CountedArm = Pick<ArmAnalysis, 'competing' | 'competingByKind'>;

/** How an arm's counted runs ended otherwise than by the event; empty where none did. */
export function armEndings({ competing, competingByKind }: CountedArm): string {
  return endingsOf(competingByKind, competing.runs);
}
