import { areTelling, type GroupCount } from '../../stats/failure-groups.ts';
import { type Block, code, joined, type Line, line, paragraph, runLink, table, text } from '../document.ts';
import { cellsWords, faultWords } from '../fault-words.ts';
import { counted } from '../format-number.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** What happened in runs with an event or a competing event, by fault. Nothing where it was one event alone. */
export function groupBlocks(report: Report): Block[] {
  const { groups, rest } = report.failures;
  if (!areTelling(report.failures)) return [];
  const isPlaced = groups.some(({ cells }) => cells.length > 0);
  const rows = groups.map((group, index): Line[] => [
    [num(String(index + 1))],
    faultWords(group.fault, report.protocol),
    [text(group.status === 'event' ? 'event' : 'competing event')],
    groupCounts(group.arms),
    ...(isPlaced ? [cellsWords(group.cells, group.furtherCells, report.protocol)] : []),
    [runLink(group.example)],
  ]);
  if (rest !== null) {
    rows.push([
      line``,
      line`${num(counted(rest.groups, 'more group'))}`,
      line``,
      groupCounts(rest.arms),
      ...(isPlaced ? [line``] : []),
      line``,
    ]);
  }
  return [
    paragraph(
      line`Runs with the same fault form one group. Addresses, numbers and temporary paths do not tell groups apart. The counts are of all recorded runs but harness faults. A run with several faults is in several groups.${isPlaced ? text(' Under “Cells” stands where the runs ended, or where outputs were lost or cells were slow.') : line``}`,
    ),
    table(
      'Failure groups by arm',
      ['>Group', 'What happened', 'Counts as', 'Runs', ...(isPlaced ? ['Cells'] : []), 'Example'],
      rows,
    ),
    paragraph(
      line`${code('soak explain DIR --group N')} tells what happened in the example of group N, and ${code('soak explain DIR RUN')} does so for any run.`,
    ),
  ];
}

/** `control` 3/20, `fix` 0/19: runs of the group among the runs that are no harness fault. */
export function groupCounts(arms: readonly GroupCount[]): Line {
  return joined(
    arms.map(({ arm, runs, valid }) => line`${code(arm)} ${num(`${runs}/${valid}`)}`),
    ', ',
  );
}
