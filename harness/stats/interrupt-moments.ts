import type { SentInterrupt } from '../model/interrupt.ts';
import type { Interval } from './counts.ts';
import { clopperPearson } from './intervals.ts';

/** Where a moment's range ends, milliseconds: finer where cells begin and end. The last range has no end. */
const EDGES_MS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 100, 200, 500, 1_000, 10_000] as const;

/** The interrupts that were sent at one range of moments. */
export interface MomentCounts {
  /** Range of the moment, milliseconds: from the first, below the second. `null`: no end. */
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly sent: number;
  readonly interrupted: number;
  readonly ignored: number;
  readonly raised: number;
  readonly passedOn: number;
  readonly unanswered: number;
  /** Clopper–Pearson 95 % interval of the share that is unanswered. [0, 1] without an interrupt. */
  readonly unanswered95: Interval;
}

/** The moment of an interrupt, milliseconds: from the busy status where interrupts wait for it, else from the request. */
export function momentMs({ afterMs, afterBusyMs }: SentInterrupt, from: 'sent' | 'busy'): number {
  return from === 'busy' ? (afterBusyMs ?? 0) : afterMs;
}

/** All interrupts together. */
export function interruptCounts(sent: readonly SentInterrupt[]): Omit<MomentCounts, 'fromMs' | 'toMs'> {
  const of = (result: SentInterrupt['result']) => sent.filter((each) => each.result === result).length;
  const unanswered = of('unanswered');
  return {
    sent: sent.length,
    interrupted: of('interrupted'),
    ignored: of('ignored'),
    raised: of('raised'),
    passedOn: of('passed-on'),
    unanswered,
    unanswered95: clopperPearson({ wedged: unanswered, runs: sent.length }),
  };
}

/** The interrupts by their moment: a dose-response table. Ranges without an interrupt are left out. */
export function interruptsByMoment(sent: readonly SentInterrupt[], from: 'sent' | 'busy'): MomentCounts[] {
  return [...EDGES_MS, null].flatMap((toMs, index) => {
    const fromMs = EDGES_MS[index - 1] ?? 0;
    const here = sent.filter((each) => {
      const ms = momentMs(each, from);
      return ms >= fromMs && (toMs === null || ms < toMs);
    });
    return here.length === 0 ? [] : [{ fromMs, toMs, ...interruptCounts(here) }];
  });
}
