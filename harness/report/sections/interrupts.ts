import { median } from 'simple-statistics';
import { type InterruptWay, interruptMoment, type SentInterrupt } from '../../model/interrupt.ts';
import { interruptCounts, interruptsByMoment, type MomentCounts } from '../../stats/interrupt-moments.ts';
import { type Block, code, type Line, line, list, paragraph, strong, table, text } from '../document.ts';
import { count, duration, percentInterval } from '../format-number.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** How an interrupt reached the kernel, after `interrupted`. */
export const WAY_WORDS: Readonly<Record<InterruptWay, string>> = {
  signal: 'by signal',
  message: 'by a message on control',
  rest: 'by a request to the server',
};

const COLUMNS =
  '>Sent | >Interrupted | >Ignored | >Another error | >Struck the next cell | >No reply in time | >No reply, 95 % interval';

/** What was interrupted by arm and by moment, and what became of it. Nothing where no traffic interrupts. */
export function interruptBlocks(report: Report): Block[] {
  const { protocol } = report;
  const { interruptAfter } = protocol;
  if (interruptAfter === undefined) return [];
  const from = interruptMoment(interruptAfter)?.from ?? 'sent';
  const arms = interruptsByArm(report);
  const origin = from === 'busy' ? 'the busy status of its cell' : 'the request of its cell';
  return [
    paragraph(
      line`Each cell is interrupted once, ${code(interruptAfter)} after ${text(origin)}, ${waysLine(report)}, unless it is over by then.`,
    ),
    table(
      'Interrupts by arm',
      `Arm | >Cells over before | ${COLUMNS} | >Reply after an interrupt that took effect (median, longest)`,
      arms.map(({ arm, spared, sent }): Line[] => [
        [code(arm)],
        [num(count(spared))],
        ...countCells(interruptCounts(sent)),
        [num(answeredWords(sent))],
      ]),
    ),
    table(
      `Interrupts by arm and moment, counted from ${origin}`,
      `Arm | Moment | ${COLUMNS}`,
      arms.flatMap(({ arm, sent }) =>
        interruptsByMoment(sent, from).map((moment): Line[] => [
          [code(arm)],
          [num(momentWords(moment))],
          ...countCells(moment),
        ]),
      ),
    ),
    list([
      line`${strong(text('Ignored'))}: the cell was answered as if there had been no interrupt. That is no event, since the cell may have been over.`,
      line`${strong(text('Another error'))}: whether the interrupt brought it cannot be told. It is no error of the notebook, and neither is what later cells of the run raise.`,
      line`${strong(text('Struck the next cell'))}: the cell was answered as if there had been none, and the next one was interrupted, though the harness had seen the answer of the first before it sent the next.`,
      line`${strong(text('No reply in time'))}: the run ends there. Its kind says whether the reply came late or not at all. The intervals are Clopper–Pearson.`,
    ]),
  ];
}

interface ArmInterrupts {
  readonly arm: string;
  readonly sent: readonly SentInterrupt[];
  readonly spared: number;
}

function interruptsByArm({ protocol, runs }: Report): ArmInterrupts[] {
  return protocol.arms.map(({ name }) => {
    const mine = runs.flatMap(({ arm, interrupts }) =>
      arm === name && interrupts !== undefined ? [interrupts] : [],
    );
    return {
      arm: name,
      sent: mine.flatMap(({ sent }) => sent),
      spared: mine.reduce((sum, { spared = 0 }) => sum + spared, 0),
    };
  });
}

function waysLine({ runs }: Report): Line {
  const ways = [...new Set(runs.flatMap(({ interrupts }) => interrupts?.by ?? []))].sort();
  return [text(ways.map((way) => WAY_WORDS[way]).join(' or ') || 'by whatever the kernel asks for')];
}

function countCells(counts: Omit<MomentCounts, 'fromMs' | 'toMs'>): Line[] {
  const { sent, interrupted, ignored, raised, passedOn, unanswered, unanswered95 } = counts;
  return [
    ...[sent, interrupted, ignored, raised, passedOn, unanswered].map((many): Line => [num(count(many))]),
    [num(sent === 0 ? 'n/a' : percentInterval(unanswered95))],
  ];
}

function momentWords({ fromMs, toMs }: MomentCounts): string {
  return toMs === null ? `${fromMs} ms or later` : `${fromMs} to ${toMs} ms`;
}

function answeredWords(sent: readonly SentInterrupt[]): string {
  const after = sent.flatMap(({ result, answeredMs }) =>
    result === 'interrupted' ? (answeredMs ?? []) : [],
  );
  return after.length === 0 ? 'n/a' : `${duration(median(after))}, ${duration(Math.max(...after))}`;
}
