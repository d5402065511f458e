import { terminalText } from '../model/clean-text.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { wrapped } from '../model/wrapped.ts';
import { type FailureGroup, failureGroups, isOfGroup } from '../stats/failure-groups.ts';
import { faultsOf, outputFault } from '../stats/faults.ts';
import { plainLine } from './document.ts';
import { eventWords } from './endpoint-words.ts';
import { cellsWords, faultWords } from './fault-words.ts';
import { counted } from './format-number.ts';
import { groupCounts } from './sections/groups.ts';

/** One group in plain words, for a terminal: what its runs have in common, how many each arm has, its example. */
export function groupExplained(
  { experiment: { protocol } }: Journal,
  number: number,
  group: FailureGroup,
): string {
  const cells = plainLine(cellsWords(group.cells, group.furtherCells, protocol));
  const where =
    group.cells.length === 0
      ? ''
      : 'at' in group.fault
        ? ` It struck at ${cells}.`
        : ` ${group.runs === 1 ? 'It' : 'They'} ended at ${cells}.`;
  const as =
    group.status === 'event'
      ? `This is the event that the experiment counts. ${eventWords(protocol).definition}`
      : 'This is a competing event: it kept the event that the experiment counts from being observed.';
  const example = `Its example, ${terminalText(group.example)}:`;
  return [
    wrapped(`Group ${number}: ${plainLine(faultWords(group.fault, protocol))}`),
    wrapped(
      `${counted(group.runs, 'run')} in all, among the recorded runs but harness faults: ${plainLine(groupCounts(group.arms))}.${where}`,
    ),
    wrapped(as),
    example,
    '',
  ].join('\n\n');
}

/** The faults by which a run counts, one a line, for a terminal; with the group of each. Empty: there are none. */
export function runFaultLines({ experiment: { protocol }, runs }: Journal, run: RunRecord): string[] {
  const { faults } = faultsOf(run, protocol);
  if (faults.length === 0) return [];
  const { groups } = failureGroups(protocol, runs);
  const wheres = lossWheres(run, protocol);
  return [...new Map(faults.map((fault) => [plainLine(faultWords(fault, protocol)), fault]))]
    .slice(0, LISTED_FAULTS)
    .map(([words, fault]) => {
      const at = groups.findIndex((group) => isOfGroup(fault, group));
      const told = `${words}${wheres.get(words) ?? ''}`;
      return at < 0 ? told : `${told} (group ${at + 1}: ${counted(groups[at]?.runs ?? 0, 'run')})`;
    });
}

/** Where each output of the run was cut, or where it is instead, by the words of its fault: it makes no other group. */
function lossWheres(run: RunRecord, protocol: Protocol): Map<string, string> {
  const wheres = new Map<string, string>();
  for (const loss of run.losses ?? []) {
    const fault = outputFault(loss, run.notebook);
    if (fault === null || loss.at === undefined) continue;
    const words = plainLine(faultWords(fault, protocol));
    const where = loss.loss === 'cut' ? `${counted(loss.at, 'character')} of it came` : `cell ${loss.at}`;
    const before = wheres.get(words);
    wheres.set(words, before === undefined ? `: ${where}` : `${before}, ${where}`);
  }
  return wheres;
}

/** Most faults of a run that its story lists. */
const LISTED_FAULTS = 20;
