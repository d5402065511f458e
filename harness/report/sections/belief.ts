import type { RunRecord } from '../../model/journal.ts';
import type { TreatmentVerdict } from '../../stats/verdict.ts';
import {
  type Block,
  code,
  enumeration,
  joined,
  type Line,
  line,
  runLink,
  strong,
  text,
} from '../document.ts';
import { armEndings } from '../ending-words.ts';
import { counted, duration, points, pointsInterval, pValue } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, kindCounts, kindWords, num, ratio } from '../words.ts';
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
    ...tuningLines(report),
    randomisationLine(report),
    stoppingLine(report),
    ...shamLines(report),
    ...competingLines(report),
    exclusionLine(report),
    deadlineLine(report),
    ...driftLines(report),
    ...analysis.aa.map((check) => equalityLine(report, check)),
    ...serverLines(report),
    ...rejectedLines(report),
    ...droppedLines(report),
    ...leftLines(report),
    stallLine(report),
  ];
  const blocks: Block[] = [{ kind: 'list', items }];
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
    line`${strong(text('Tuning'))}: before the protocol was frozen, ${code(`${traffic} traffic, latency ${latency}, ${notebook}`)} was chosen on a control arm alone, so that no treatment was favoured; record SHA-256 ${code(tuning.sha256)}.`,
  ];
}

function randomisationLine(report: Report): Line {
  const { protocol } = report;
  if (protocol.arms.length === 1) return line`${strong(text('Randomisation'))}: none, there is one arm.`;
  return line`${strong(text('Randomisation'))}: complete blocks, one run of each arm in each, in an order drawn from seed ${num(String(protocol.seed))}; ${num(String(protocol.concurrency))} at once; a fresh kernel each run, no run repeated.`;
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
    last === null
      ? line`no end was recorded`
      : line`last recorded: ${text(last.event)}, ${code(last.reason)}`;
  const decided =
    analysis.decidedAtBlock === null ? '' : ` Decided at the end of block ${analysis.decidedAtBlock + 1}.`;
  const left =
    blocks.notCounted.length === 0
      ? ''
      : ` ${counted(blocks.notCounted.length, 'recorded block')} not counted, being incomplete or after a gap.`;
  return line`${strong(text('Stopping'))}: ${num(rule)}; ${num(counted(blocks.counted, 'block'))} counted; ${end}.${num(decided)}${num(left)}`;
}

function shamLines(report: Report): Line[] {
  const { analysis } = report;
  return analysis.shams.map((check) => {
    const pair = analysis.comparisons.find(
      ({ kind, treatment }) => kind === 'sham-control' && treatment === check.arm,
    );
    return line`${strong(text('Sham against control'))}: ${code(check.arm)}, difference ${num(points(pair?.difference ?? null))} (95 % interval ${num(pair === undefined ? 'n/a' : pointsInterval(pair.newcombeDifference95))}), two-sided ${num(pValue(check.pTwoSided))}${text(check.differs ? `: it differs, so ${shamMatter(report, check.arm)}` : '')}.`;
  });
}

function exclusionLine(report: Report): Line {
  const { exclusions } = report.analysis.sensitivity;
  const invalid = report.invalidRuns.length;
  if (invalid === 0)
    return line`${strong(text('Exclusions'))}: none, the harness could observe every recorded run.`;
  const consequence =
    report.analysis.verdicts.length === 0
      ? line``
      : line` With every one of a treatment counted as wedged and every one of a reference as completed, ${verdictChange(exclusions.unchanged, exclusions.verdicts)}${text(exclusions.unchanged || exclusions.manyExcluded.length > 0 ? '' : '; that decides nothing, since they are at most a tenth of each arm’s runs')}.`;
  return line`${strong(text('Exclusions'))}: ${num(counted(invalid, 'run'))} that the harness could not observe, listed below and left out.${consequence}`;
}

/** How else runs ended, in each arm, and what that does to the verdict. Nothing where none did. */
function competingLines(report: Report): Line[] {
  const { analysis } = report;
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
            line`${code(treatment)} ${ratio(share.treatment)} against ${ratio(share.references)} of the references together, Fisher one-sided ${num(pValue(share.p))}`,
          ],
    ),
    '; ',
  );
  // Protocols say what the e-process expects since the rule for other endings.
  const isOlder = report.protocol.decision.bets === undefined;
  const consequence =
    analysis.verdicts.length === 0
      ? line``
      : line` More of them than the references: ${shares}. At their worst, every one of a treatment counted as wedged and every one of a reference as completed, ${verdictChange(competing.unchanged, competing.verdicts)}; that is told and does not decide.`;
  return [
    line`${strong(text('Runs that ended otherwise'))}: ${each}. They are left out of the wedge rate, and a claim must also hold with all of them counted as events.${consequence}${text(isOlder ? ' The protocol is from before that rule, when such runs were left out as invalid.' : '')}`,
  ];
}

function verdictChange(unchanged: boolean, verdicts: readonly TreatmentVerdict[]): Line {
  if (unchanged) return line`every verdict stays`;
  return line`the verdicts are ${enumeration(verdicts.map(({ treatment, word }) => line`${code(treatment)} ${text(word)}`))}`;
}

function deadlineLine(report: Report): Line {
  const { analysis, protocol } = report;
  const { deadline } = analysis.sensitivity;
  const slowest = analysis.arms.flatMap(({ slowestCellMs }) => slowestCellMs ?? []);
  const margin =
    slowest.length === 0
      ? line`no cell was answered`
      : line`the slowest answered cell took ${num(duration(Math.max(...slowest)))}`;
  const half =
    analysis.verdicts.length === 0
      ? line``
      : line` At half the deadline ${num(counted(deadline.changedRuns, 'run'))} would count as wedged instead of completed, and ${verdictChange(deadline.unchanged, deadline.verdicts)}.`;
  return line`${strong(text('Deadline'))}: ${num(duration(protocol.timeoutMs))} a request; ${margin}.${half}`;
}

function driftLines(report: Report): Line[] {
  const { drift } = report.analysis.sensitivity;
  if (drift === null) return [];
  return [
    line`${strong(text('Drift'))}: ${code(drift.arm)} wedged in ${ratio(drift.firstHalf)} of its first half and ${ratio(drift.secondHalf)} of its second, Fisher two-sided ${num(pValue(drift.fisherTwoSided))}.`,
  ];
}

/** Nothing where no server was on the way. */
function serverLines({ protocol, runs }: Report): Line[] {
  if (protocol.transport === undefined) return [];
  const servers = runs.flatMap(({ client }) => client.server ?? []);
  const library = servers.reduce((sum, each) => sum + each.library, 0);
  const others = runs.reduce((sum, { client }) => sum + (client.others?.sent ?? 0), 0);
  const again = servers.filter(({ reconnects }) => reconnects > 0).length;
  const lost = line`${num(again === 0 ? 'no run' : counted(again, 'run'))} lost its connection and opened it again`;
  if (servers.some(({ elsewhere }) => elsewhere === true)) {
    return [
      line`${strong(text('Server'))}: the client library sent ${num(counted(library, 'request'))} of its own (${code('kernel_info')}); what the server sent by itself to kernels that only it could reach could not be counted; ${lost}.`,
    ];
  }
  return [
    line`${strong(text('Server'))}: besides the front end’s requests the kernels were given ${num(counted(others, 'shell request'))} of the way itself, ${num(String(library))} of them the client library’s ${code('kernel_info')}, the rest the server’s (${code('kernel_info')} at the start and its nudge); ${lost}.`,
  ];
}

/** What came and was not taken, by arm and, where it was looked at, by channel and cause; nothing where all was. */
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
      : line` By channel and cause, of runs that did not complete: ${joined(known, ', ')}.`;
  return [
    line`${strong(text('Messages not taken'))}: ${joined(
      of.map(
        ({ name, runs: many, messages }) =>
          line`${num(counted(messages, 'message'))} in ${num(counted(many, 'run'))} of ${code(name)}`,
      ),
      ', ',
    )}; with a bad signature, malformed, a repetition, or of no request of the client's.${by}`,
  ];
}

/** Nothing where every saved notebook has all of its outputs. */
function droppedLines({ runs }: Report): Line[] {
  const short = runs.filter(({ droppedOutputs }) => droppedOutputs !== undefined).length;
  if (short === 0) return [];
  return [
    line`${strong(text('Notebooks'))}: those of ${num(counted(short, 'run'))} lack the outputs beyond what is kept of a notebook (64 Mi characters); outcomes do not depend on it.`,
  ];
}

/** Nothing where everything went in time. */
function leftLines({ runs }: Report): Line[] {
  const leaving = runs.filter(({ left }) => left !== undefined);
  const [first] = leaving;
  if (first === undefined) return [];
  return [
    line`${strong(text('Left behind'))}: ${num(counted(leaving.length, 'run'))} could not give back in time what ${text(leaving.length === 1 ? 'it' : 'they')} had, which the reaper ended with the harness if it could be: ${runLink(first.run)}, ${code((first.left ?? []).join(' '))}`,
  ];
}

function stallLine(report: Report): Line {
  let longest = 0;
  for (const run of report.runs) if (run.loopStallMs > longest) longest = run.loopStallMs;
  return line`${strong(text('Harness'))}: longest stall of its own event loop in any run ${num(duration(longest))}.`;
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
      line`Begun and never recorded: ${armNames(abandoned.slice(0, LISTED))}${text(more)}. Such a run is made again when the experiment is resumed; were a wedge the likelier to be cut short, that would favour clean runs.`,
    );
  }
  if (sessions.some(({ event }) => event === 'resumed' || event === 'interrupted')) {
    for (const session of sessions.slice(0, LISTED)) {
      lines.push(line`Session: ${text(session.event)} at ${code(session.at)}, ${code(session.reason)}.`);
    }
  }
  if (torn) lines.push(line`The journal's last line was torn and set aside.`);
  return lines;
}
