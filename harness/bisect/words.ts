import type { RunRecord } from '../model/journal.ts';
import { runStatus } from '../model/run-status.ts';
import { code, enumeration, type Line, line, strong, text } from '../report/document.ts';
import { type EventWords, eventWords } from '../report/endpoint-words.ts';
import { counted, percent } from '../report/format-number.ts';
import { kindCounts, num } from '../report/words.ts';
import type { BisectProtocol } from './journal.ts';
import type { BisectState } from './results.ts';

const END_WORDS: Readonly<Record<string, string>> = {
  found: 'the change points are named at the confidence asked for',
  'no-control': 'the control could not be run',
  'nothing-left': 'no further batch would tell more',
  'max-runs': 'the budget of runs was spent',
  'max-minutes': 'the budget of minutes was spent',
};

/** Why a bisect ended, as a clause, by the word in its journal; `undefined`: a word that this version does not know. */
export function endWords(end: string, protocol: BisectProtocol): string | undefined {
  return end === 'not-reproduced' ? `the control never ${eventWords(protocol).past}` : END_WORDS[end];
}

function name(protocol: BisectProtocol, release: number): Line {
  return [code(protocol.releases[release] ?? '')];
}

/** The label that the user gave a release, or nothing. */
export function labelOf({ releases, bad }: BisectProtocol, release: number): string {
  if (release === 0) return 'good';
  if (release === bad) return 'bad, control';
  return release === releases.length - 1 ? 'fixed' : '';
}

function broughtLine(protocol: BisectProtocol, releases: readonly number[]): Line {
  const [only] = releases;
  if (releases.length === 1 && only === 0) {
    return line`${name(protocol, 0)}, called good, has the ${text(eventWords(protocol).fault)} already`;
  }
  if (releases.length === 1 && only !== undefined) return line`${name(protocol, only)} brought it`;
  const named = releases.filter((release) => release > 0).map((release) => name(protocol, release));
  const already = releases.includes(0) ? line`, or ${name(protocol, 0)} has it already` : [];
  return line`one of ${enumeration(named)} brought it${already}`;
}

function curedLine(protocol: BisectProtocol, releases: readonly number[]): Line {
  const end = protocol.releases.length;
  const [only] = releases;
  if (releases.length === 1 && only === end) {
    return line`${name(protocol, end - 1)}, called fixed, still has it`;
  }
  if (releases.length === 1 && only !== undefined) return line`${name(protocol, only)} cured it`;
  const named = releases.filter((release) => release < end).map((release) => name(protocol, release));
  const still = releases.includes(end) ? line`, or ${name(protocol, end - 1)} still has it` : [];
  return line`one of ${enumeration(named)} cured it${still}`;
}

/** How a run ended; and that it showed the event, where its ending alone does not say so. */
export function runWords(run: RunRecord, protocol: BisectProtocol): string {
  const { kind } = run.outcome;
  return kind === 'completed' && runStatus(run, protocol) === 'wedged'
    ? `${kind} (${protocol.endpoint})`
    : kind;
}

/** What shows the event more often, as a whole sentence. */
function moreEventsLine({ notebook, isProvoked }: EventWords): Line {
  return isProvoked
    ? line`Give ${text(notebook)}, other traffic or another latency (${code('soak tune')} finds them).`
    : line`Give ${text(notebook)} and a higher ${code('--max-runs')}.`;
}

/** `; but of 7.4.0, 3 of 12 runs ended otherwise (3 died)`: the cured releases are cured of one fault alone. */
function otherEndings({ releases }: BisectProtocol, { claim, tallies }: BisectState): Line {
  const first = claim.cured?.[0];
  if (first === undefined) return [];
  const each = tallies.flatMap(({ runs, invalid, endings }, release): Line[] => {
    const ended = Object.values(endings).reduce((sum, many) => sum + many, 0);
    if (release < first || ended === 0) return [];
    return [
      line`of ${code(releases[release] ?? '')}, ${num(`${ended} of ${counted(runs + invalid, 'run')}`)} ended otherwise (${text(kindCounts(endings))})`,
    ];
  });
  return each.length === 0 ? [] : line`; but ${enumeration(each)}`;
}

/** The result in a sentence or two; what it rests on follows in the tables. */
export function resultLine(protocol: BisectProtocol, state: BisectState, end: string | null): Line {
  const { claim, tallies } = state;
  const words = eventWords(protocol);
  const control = tallies[protocol.bad];
  const runs = num(
    counted(
      tallies.reduce((sum, { runs, invalid }) => sum + runs + invalid, 0),
      'run',
    ),
  );
  if (end === 'not-reproduced') {
    return line`${strong(text('Not reproduced'))}: ${name(protocol, protocol.bad)}, called bad, ${text(words.past)} in none of ${num(counted(control?.runs ?? 0, 'run'))}. So a clean run of another release means nothing. ${moreEventsLine(words)}`;
  }
  if (end === 'no-control') {
    return line`${strong(text('No control'))}: no run of ${name(protocol, protocol.bad)}, called bad, was valid.`;
  }
  if (tallies.every(({ wedged }) => wedged === 0)) {
    const why = end === null ? line`` : line` (${text(endWords(end, protocol) ?? 'it ended early')})`;
    return line`${strong(text('Undecided'))}: none of ${runs} ${text(words.past)}, so nothing can be said of any release${why}. ${num(String(control?.runs ?? 0))} of these runs were of ${name(protocol, protocol.bad)}, called bad. ${moreEventsLine(words)}`;
  }
  const named =
    claim.cured === null
      ? broughtLine(protocol, claim.brought)
      : line`${broughtLine(protocol, claim.brought)} and ${curedLine(protocol, claim.cured)}`;
  const believed = line`with a posterior probability of ${num(percent(claim.probability))}, after ${runs}`;
  const found = end === 'found';
  const why =
    end === null || found
      ? line``
      : line` (${text(endWords(end, protocol) ?? 'it ended early')}; ${num(percent(protocol.confidence))} was asked for)`;
  return found
    ? line`${strong(text('Found'))}: ${named}, ${believed}${otherEndings(protocol, state)}.`
    : line`${strong(text('Undecided'))}: most probably, ${named}, ${believed}${why}.`;
}
