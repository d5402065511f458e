import type { OutcomeKind } from '../model/outcome.ts';
import type { ArmAnalysis, KindCounts } from '../stats/arm-summary.ts';
import { type Line, line, text } from './document.ts';
import { count, counted, percent } from './format-number.ts';
import { num } from './words.ts';

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

/** `1 of 20 died, 2 of 20 raised in a cell`; empty where there are none. */
export function endingsOf(kinds: KindCounts, runs: number): string {
  return (Object.keys(ENDING_WORDS) as OutcomeKind[])
    .flatMap((kind) => {
      const many = kinds[kind] ?? 0;
      return many === 0 ? [] : [`${count(many)} of ${count(runs)} ${ENDING_WORDS[kind]}`];
    })
    .join(', ');
}

type CountedArm = Pick<ArmAnalysis, 'wedged' | 'runs' | 'rate' | 'competing' | 'competingByKind'>;

/** How an arm's counted runs ended otherwise than by the event; empty where none did. */
export function armEndings({ competing, competingByKind }: CountedArm): string {
  return endingsOf(competingByKind, competing.runs);
}

/** `0 of 19 runs (0 %; 1 of 20 died)`: the event, and next to it how else runs ended. */
export function eventsAndEndings(arm: CountedArm): Line {
  const endings = armEndings(arm);
  return line`${num(count(arm.wedged))} of ${num(counted(arm.runs, 'run'))} (${num(percent(arm.rate))}${text(endings === '' ? '' : `; ${endings}`)})`;
}
