import type { RunRecord } from '../../model/journal.ts';
import { isDeadlineEvent } from '../../stats/sensitivity.ts';
import type { TreatmentVerdict } from '../../stats/verdict.ts';
import {
  type Block,
  code,
  enumeration,
  folded,
  joined,
  type Line,
  line,
  runLink,
  strong,
  text,
} from '../document.ts';
import { armEndings } from '../ending-words.ts';
import { eventWords } from '../endpoint-words.ts';
import { counted, duration, points, pointsInterval, pValue } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, driftWords, kindCounts, kindWords, num, ratio } from '../words.ts';
import { shamMatter } from './exposure.ts';
import { endpointLines } from './stalls.ts';
import { equalityLine } from './verdict.ts';

/** Runs and other names listed in the document at most; the journal holds all. */
const LISTED = 40;

/** Why the numbers can be believed, or not: each item a fact that a sceptic would ask for. */
export function beliefBlocks(report: Report): Block[] {
  const { analysis } = report;
  const items: Line[] = [
    protocolLine(report),
    ...endpointLines(report),
    ...shamLines(report),
    ...competingLines(report),
    exclusionLine(report),
    ...analysis.aa.map((check) => equalityLine(report, check)),
  ];
  const further: Line[] = [
    ...tuningLines(report),
    randomisationLine(report),
    stoppingLine(report),
    deadlineLine(report),
    ...driftLines(report),
    ...serverLines(report),
    ...rejectedLines(report),
    ...droppedLines(report),
    ...leftLines(report),
    stallLine(report),
  ];
  const blocks: Block[] = [
    { kind: 'list', items },
    folded(line`Order of the runs, stopping, deadline, drift and the harness itself`, [
      { kind: 'list', items: further },
    ]),
  ];
  if (report.competingRuns.length > 0)
    blocks.push(runsByKind(report.competingRuns, 'run that ended otherwise', 'runs that ended otherwise'));
  if (report.invalidRuns.length > 0)
    blocks.push(runsByKind(report.invalidRuns, 'harness fault', 'harness faults'));
  const history = historyLines(report);
  if (history.length > 0) blocks.push({ kind: 'list', items: history });
  return blocks;
}

function protocolLine(report: Report): Line {
  return line`${strong(text('Frozen protocol'))}: written and hashed before run 1, SHA-256 ${code(report.protocolSha256)}. Journal as read here: SHA-256 ${code(report.journalSha256)}.`;
}

/** Where the settings come from, when a tuning on control alone chose them. */
function tuningLines({ protocol: { tuning } }: Report): Line[] {
  if (tuning === undefined) return [];
  const { traffic, latency, notebook } = tuning.chosen;
  return [
    line`${strong(text('Tuning'))}: before the protocol was frozen, ${code(`${traffic} traffic, latency ${latency}, ${notebook}`)} was chosen on a control arm alone, so no treatment was favoured. Record: SHA-256 ${code(tuning.sha256)}.`,
  ];
}

function randomisationLine(report: Report): Line {
  const { protocol } = report;
  if (protocol.arms.length === 1)
    return line`${strong(text('Randomisation'))}: none, because there is one arm.`;
  return line`${strong(text('Randomisation'))}: each block has one run of every arm, in an order drawn from seed ${num(String(protocol.seed))}. ${text(protocol.concurrency === 1 ? 'One run at a time' : `Up to ${protocol.concurrency} runs at once`)}, each with a fresh kernel. No run is repeated.`;
}

function stoppingLine(report: Report): Line {
  const { analysis, progress } = report;
  const { blocks } = analysis;
  const rule =
    analysis.stopping === 'fixed'
      ? `fixed at ${counted(blocks.planned, 'block')}`
      : `until decided, ${counted(blocks.planned, 'block')} at most`;
  const last = progress.last;
  const end =
    last === null ? line`No end was recorded` : line`Last record: ${text(last.event)}, ${code(last.reason)}`;
  const decided =
    analysis.decidedAtBlock === null
      ? ''
      : ` Decided after ${counted(analysis.decidedAtBlock + 1, 'block')}.`;
  const left =
    blocks.notCounted.length === 0
      ? ''
      : ` Not counted, because incomplete or after a gap: ${counted(blocks.notCounted.length, 'recorded block')}.`;
  return line`${strong(text('Stopping'))}: ${num(rule)}. Counted: ${num(counted(blocks.counted, 'block'))}. ${end}.${num(decided)}${num(left)}`;
}

function shamLines(report: Report): Line[] {
  const { analysis } = report;
  return analysis.shams.map((check) => {
    const pair = analysis.comparisons.find(
      ({ kind, treatment }) => kind === 'sham-control' && treatment === check.arm,
    );
    return line`${strong(text('Sham against control'))}: ${code(check.arm)}, difference ${num(points(pair?.difference ?? null))} (95 % interval ${num(pair === undefined ? 'n/a' : pointsInterval(pair.newcombeDifference95))}), two-sided ${num(pValue(check.pTwoSided))}.${text(check.differs ? ` It differs, so ${shamMatter(report, check.arm)}.` : '')}`;
  });
}

function exclusionLine(report: Report): Line {
  const { exclusions } = report.analysis.sensitivity;
  const invalid = report.invalidRuns.length;
  if (invalid === 0)
    return line`${strong(text('Exclusions'))}: none. The harness could observe every recorded run.`;
  const consequence =
    report.analysis.verdicts.length === 0
      ? line``
      : line` If each counted as ${text(eventWords(report.protocol).counted)} in a treatment and as completed in a reference, ${verdictChange(exclusions.unchanged, exclusions.verdicts)}.${text(exclusions.unchanged || exclusions.manyExcluded.length > 0 ? '' : ' This decides nothing, because they are at most a tenth of the runs of each arm.')}`;
  return line`${strong(text('Exclusions'))}: ${num(counted(invalid, 'run'))} that the harness could not observe. They are listed below and left out.${consequence}`;
}

/** How many runs of each arm ended otherwise, and what that does to the verdict. Nothing where none did. */
function competingLines(report: Report): Line[] {
  const { analysis } = report;
  const words = eventWords(report.protocol);
  const arms = analysis.arms.filter(({ competing }) => competing.wedged > 0);
  if (arms.length === 0) return [];
  const each = joined(
    arms.map((arm) => line`${code(arm.name)}: ${text(armEndings(arm))}`),
    '; ',
  );
  const { competing } = analysis.sensitivity;
  const shares = joined(
    analysis.verdicts.flatMap(({ treatment, competing: share }) =>
      share === null
        ? []
        : [
            line`${code(treatment)} ${ratio(share.treatment)} against ${ratio(share.references)} (${num(pValue(share.p))})`,
          ],
    ),
    ', ',
  );
  // A protocol states its bets since runs that ended otherwise decide too.
  const isOlder = report.protocol.decision.bets === undefined;
  const consequence =
    analysis.verdicts.length === 0
      ? line``
      : line` A treatment must not have more of them than the references together (Fisher's exact test, one-sided): ${shares}. In the worst case, where each counts as ${text(words.counted)} in a treatment and as completed in a reference, ${verdictChange(competing.unchanged, competing.verdicts)}. The worst case does not decide.`;
  return [
    line`${strong(text('Runs that ended otherwise'))}: ${each}. The ${text(words.rate)} leaves them out, but a claim must also hold with all of them counted as events.${consequence}${text(isOlder ? ' The protocol is older than this rule: such runs were then left out as invalid.' : '')}`,
  ];
}

function verdictChange(unchanged: boolean, verdicts: readonly TreatmentVerdict[]): Line {
  if (unchanged) return line`every verdict would stay`;
  return line`the verdicts would be ${enumeration(verdicts.map(({ treatment, word }) => line`${code(treatment)} ${text(word)}`))}`;
}

function deadlineLine(report: Report): Line {
  const { analysis, protocol } = report;
  const { deadline } = analysis.sensitivity;
  const slowest = analysis.arms.flatMap(({ slowestCellMs }) => slowestCellMs ?? []);
  const margin =
    slowest.length === 0
      ? line`No cell was answered`
      : line`The slowest answered cell took ${num(duration(Math.max(...slowest)))}`;
  const late = isDeadlineEvent(protocol)
    ? `count as ${eventWords(protocol).counted} instead of completed`
    : 'have ended late instead of completing';
  const half =
    analysis.verdicts.length === 0
      ? line``
      : line` At half the deadline, ${num(counted(deadline.changedRuns, 'run'))} would ${text(late)}, and ${verdictChange(deadline.unchanged, deadline.verdicts)}.`;
  return line`${strong(text('Deadline'))}: ${num(duration(protocol.timeoutMs))} for each request. ${margin}.${half}`;
}

function driftLines(report: Report): Line[] {
  const { drift } = report.analysis.sensitivity;
  if (drift === null) return [];
  return [line`${strong(text('Drift'))} of ${code(drift.arm)}: ${driftWords(drift, report.protocol)}.`];
}

/** Nothing where no server was on the way. */
function serverLines({ protocol, runs }: Report): Line[] {
  if (protocol.transport === undefined) return [];
  const servers = runs.flatMap(({ client }) => client.server ?? []);
  const library = servers.reduce((sum, each) => sum + each.library, 0);
  const others = runs.reduce((sum, { client }) => sum + (client.others?.sent ?? 0), 0);
  const again = servers.filter(({ reconnects }) => reconnects > 0).length;
  const lost = line`Runs that lost their connection and opened it again: ${num(String(again))}.`;
  if (servers.some(({ elsewhere }) => elsewhere === true)) {
    return [
      line`${strong(text('Server'))}: the client library sent ${num(counted(library, 'request'))} of its own (${code('kernel_info')}). What the server itself sent could not be counted, because only the server could reach the kernels. ${lost}`,
    ];
  }
  const refused = servers.reduce((sum, { rest }) => sum + (rest?.refused.length ?? 0), 0);
  const taken =
    protocol.transport.via === 'rest'
      ? line` Cells that the server was asked to execute and did not take: ${num(String(refused))}. A cell counts as one that raised if it has an error output, since the server does not pass the kernel’s reply on.`
      : line``;
  return [
    line`${strong(text('Server'))}: besides the front end’s requests, the kernels received ${num(counted(others, 'shell request'))}. Of these, ${num(String(library))} came from the client library (${code('kernel_info')}) and the rest from the server (${code('kernel_info')} at the start, and its nudge). ${lost}${taken}`,
  ];
}

/** Messages that were not taken, by arm and, if it was recorded, by channel and cause. Nothing if all were taken. */
function rejectedLines({ protocol, runs }: Report): Line[] {
  const of = protocol.arms.flatMap(({ name }) => {
    const mine = runs.filter(({ arm, client }) => arm === name && client.rejected > 0);
    const messages = mine.reduce((sum, { client }) => sum + client.rejected, 0);
    return messages === 0 ? [] : [{ name, runs: mine.length, messages }];
  });
  if (of.length === 0) return [];
  const causes = new Map<string, number>();
  for (const { outcome } of runs) {
    for (const [cause, messages] of Object.entries(outcome.observations?.rejections ?? {})) {
      causes.set(cause, (causes.get(cause) ?? 0) + messages);
    }
  }
  const known = [...causes].map(([cause, messages]) => line`${code(cause)} ${num(String(messages))}`);
  const by =
    known.length === 0
      ? line``
      : line` In runs that did not complete, by channel and cause: ${joined(known, ', ')}.`;
  return [
    line`${strong(text('Messages not taken'))}: ${joined(
      of.map(
        ({ name, runs: many, messages }) =>
          line`${num(counted(messages, 'message'))} in ${num(counted(many, 'run'))} of ${code(name)}`,
      ),
      ', ',
    )}. The client does not take a message that has a bad signature, is malformed, repeats another, or belongs to no request of its own.${by}`,
  ];
}

/** Nothing where every saved notebook has all of its outputs. */
function droppedLines({ runs }: Report): Line[] {
  const short = runs.filter(({ droppedOutputs }) => droppedOutputs !== undefined).length;
  if (short === 0) return [];
  return [
    line`${strong(text('Notebooks'))}: those of ${num(counted(short, 'run'))} are saved without some outputs, because the harness keeps at most 64 Mi characters of a notebook. Outcomes do not depend on this.`,
  ];
}

/** Nothing where everything went in time. */
function leftLines({ runs }: Report): Line[] {
  const leaving = runs.filter(({ left }) => left !== undefined);
  const [first] = leaving;
  if (first === undefined) return [];
  return [
    line`${strong(text('Left behind'))}: ${num(counted(leaving.length, 'run'))} could not clean up in time. The reaper tried again when the harness exited. The first: ${runLink(first.run)}, ${code((first.left ?? []).join(' '))}.`,
  ];
}

function stallLine(report: Report): Line {
  let longest = 0;
  for (const run of report.runs) if (run.loopStallMs > longest) longest = run.loopStallMs;
  return line`${strong(text('Harness'))}: its own event loop stood still for at most ${num(duration(longest))} in any run.`;
}

function runsByKind(runs: readonly RunRecord[], one: string, several: string): Block {
  const kinds: Partial<Record<RunRecord['outcome']['kind'], number>> = {};
  for (const { outcome } of runs) kinds[outcome.kind] = (kinds[outcome.kind] ?? 0) + 1;
  const items = runs.slice(0, LISTED).map(listedRun);
  if (runs.length > LISTED) items.push(line`and ${num(String(runs.length - LISTED))} more, in the journal`);
  return {
    kind: 'details',
    summary: line`${num(counted(runs.length, one, several))}: ${num(kindCounts(kinds))}`,
    blocks: [{ kind: 'list', items }],
  };
}

function listedRun(run: RunRecord): Line {
  const error =
    run.outcome.error === null
      ? line``
      : line` ${code(`${run.outcome.error.ename}: ${run.outcome.error.evalue}`)}`;
  return line`${runLink(run.run)}: ${text(kindWords(run.outcome.kind))}. ${code(run.outcome.reason)}${error}`;
}

/** What happened to the session itself: interruptions, resumptions, runs cut short, a torn line. */
function historyLines(report: Report): Line[] {
  const { sessions, progress, torn } = report;
  const lines: Line[] = [];
  const { abandoned } = progress;
  if (abandoned.length > 0) {
    const more = abandoned.length > LISTED ? ` and ${abandoned.length - LISTED} more` : '';
    lines.push(
      line`Begun and never recorded: ${armNames(abandoned.slice(0, LISTED))}${text(more)}. Such a run is repeated when the experiment resumes. If ${text(eventWords(report.protocol).nouns)} were cut short more often than other runs, this would favour clean runs.`,
    );
  }
  if (sessions.some(({ event }) => event === 'resumed' || event === 'interrupted')) {
    for (const session of sessions.slice(0, LISTED)) {
      lines.push(line`Session: ${text(session.event)} at ${code(session.at)}, ${code(session.reason)}.`);
    }
  }
  if (torn) lines.push(line`The last line of the journal was cut short and set aside.`);
  return lines;
}
