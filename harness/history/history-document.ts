import {
  type Block,
  code,
  joined,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  strong,
  table,
  text,
} from '../report/document.ts';
import { eventWords } from '../report/endpoint-words.ts';
import { counted, eValue, percent, percentInterval, significant } from '../report/format-number.ts';
import { num, ratio } from '../report/words.ts';
import type { ArmHistory, History, Night } from './history.ts';

/** Changes named for a night at most. */
const NAMED_CHANGES = 12;

/** What many nights say: what has changed, each arm's rate by night, and what E has come to. */
export function historyDocument(history: History): ReportDocument {
  const { nights } = history;
  const [first, last] = [nights[0]?.label ?? '', nights.at(-1)?.label ?? ''];
  const evidence = evidenceBlocks(history);
  const changes = nights.filter(({ changes: list }) => list.length > 0);
  const sections = [
    {
      id: 'rates',
      title: 'Rate by night',
      blocks: [{ kind: 'figure', name: 'history-rates' } as const, ratesTable(history)],
    },
    { id: 'evidence', title: 'Accumulated evidence', blocks: evidence },
    { id: 'changes', title: 'What else changed', blocks: changes.length === 0 ? [] : [changesList(changes)] },
  ];
  return {
    title: line`${text(eventWords(history.rule).title)} by night, ${code(first)}${first === last ? line`` : line` to ${code(last)}`}`,
    lead: [
      { kind: 'list', items: history.arms.map((arm) => armLine(arm, history)) },
      paragraph(
        line`${num(counted(nights.length, 'night'))}. For each arm, an e-process against “one rate in all nights” flags a change when it reaches its bound. If no rate ever changes, the chance of any flag in any arm is at most ${num(percent(history.flagAlpha))}, however many nights are added and however often one looks. A flag says that the nights differ, not why: see what else changed.`,
      ),
    ],
    sections: sections.filter(({ blocks }) => blocks.length > 0),
  };
}

function armLine({ arm, wedged, runs, changes }: ArmHistory, { nights, rule }: History): Line {
  const total = line`${code(arm)} ${text(eventWords(rule).past)} in ${ratio({ wedged, runs })} over all nights (${num(percent(runs === 0 ? null : wedged / runs))})`;
  if (changes.found.length === 0)
    return line`${total}. No change is flagged (E = ${num(eValue(changes.logE))}).`;
  const label = (night: number) => code(nights[night]?.label ?? '');
  const each = changes.found.map(
    ({ after, foundAt, before, since, logE }) =>
      line`It ${strong(text('changed'))} after ${label(after)}: ${ratio(before)} (${num(percent(before.wedged / before.runs))}) until then, and ${ratio(since)} (${num(percent(since.wedged / since.runs))}) from then to ${label(foundAt)}, when the change was found (E = ${num(eValue(logE))}).`,
  );
  return line`${total}. ${joined(each)}`;
}

function ratesTable({ nights, arms, rule }: History): Block {
  const words = eventWords(rule);
  return table(
    `${words.runsThat} by night`,
    `Night | Arm | >${words.column} | >Rate | >95 % interval | >Ended otherwise | >Harness faults | `,
    nights.flatMap((night, at) =>
      night.arms.map((each, i): Line[] => {
        const flags = arms.find(({ arm }) => arm === each.arm)?.changes.found ?? [];
        return [
          i === 0 ? [code(night.label)] : line``,
          [code(each.arm)],
          [ratio(each)],
          [num(percent(each.rate))],
          [num(each.runs === 0 ? 'n/a' : percentInterval(each.clopperPearson95))],
          [num(String(each.competing))],
          [num(String(each.invalid))],
          [
            text(
              flags.some(({ after }) => after === at - 1)
                ? 'a new rate from here on'
                : flags.some(({ foundAt }) => foundAt === at)
                  ? 'the change was found here'
                  : '',
            ),
          ],
        ];
      }),
    ),
  );
}

function evidenceBlocks({ nights, alpha, rule }: History): Block[] {
  const last = nights.findLast(({ evidence }) => evidence.length > 0);
  if (last === undefined) return [];
  return [
    { kind: 'figure', name: 'history-evidence' },
    table(
      'E by comparison over all nights',
      'Comparison | >E, below | >E, below, other endings counted | >E, above | >Last night: E, below',
      last.evidence.map((pair): Line[] => [
        line`${code(pair.treatment)} against ${code(pair.reference)}`,
        [num(eValue(pair.accumulatedLogE))],
        [num(eValue(pair.accumulatedCompositeLogE))],
        [num(eValue(pair.accumulatedLogEGreater))],
        [num(eValue(pair.logE))],
      ]),
    ),
    paragraph(
      line`E is multiplied over the hosts of a night and over all nights. It is evidence against “in none of these nights did the treatment ${text(eventWords(rule).infinitive)} less” (E, above: more). It decides at 1/α = ${num(significant(1 / alpha, 6))} and may be looked at after every night. The verdict “fixes” needs it against control and every sham, with the runs that ended otherwise left out and also with them counted as events. The treatment must not have more of those than the references. With several treatments, share α among them.`,
    ),
  ];
}

function changesList(nights: readonly Night[]): Block {
  return {
    kind: 'list',
    items: nights.map(({ label, changes }) => {
      const more = changes.length > NAMED_CHANGES ? `, and ${changes.length - NAMED_CHANGES} more` : '';
      return line`${code(label)}: ${joined(
        changes.slice(0, NAMED_CHANGES).map((change) => [code(change)]),
        ', ',
      )}${text(more)}.`;
    }),
  };
}
