import type { CitedReference, ProtocolArm } from '../model/arm.ts';
import type { CellListing } from '../model/cell-outputs.ts';
import type { ExperimentRecord, Journal, RunRecord, SessionRecord } from '../model/journal.ts';
import { type Protocol, protocolHash } from '../model/protocol.ts';
import { type OutcomeStatus, runStatus } from '../model/run-status.ts';
import { type Analysis, analyseExperiment, type EqualityCheck } from '../stats/analysis.ts';
import { type FailureGroups, failureGroups } from '../stats/failure-groups.ts';
import { fisherLess } from '../stats/fisher.ts';
import { binomialTail } from '../stats/intervals.ts';
import { strataOf } from '../stats/strata.ts';

/** How far the experiment got. */
export interface Progress {
  /**
   * `whole`: every planned block. `decided`: stopped by its own rule. `partial`: still running, or cut short by hand, by
   * its time limit or by a fault.
   */
  readonly state: 'whole' | 'decided' | 'partial';
  /** The last session record, `null` when none was written: killed, or still running. */
  readonly last: SessionRecord | null;
  /** Runs begun and never recorded, those of earlier sessions included, without repeats. */
  readonly abandoned: readonly string[];
}

/** What a count alone says if its reference rate is taken as known. */
export interface LoneTail {
  /** P(so few wedges or fewer | p0), 0 to 1. */
  readonly p: number;
  readonly p0: number;
  /** Where p0 comes from, if the arm cites it. Absent if it was given. */
  readonly cited?: CitedReference;
  /** Fisher's exact test of the count against the cited one, one-sided: it takes neither rate as known. */
  readonly fisherLess?: number;
}

/** Everything that a rendering needs: facts of the journal, and the analysis as the source of every number. */
export interface Report {
  readonly experiment: ExperimentRecord;
  readonly protocol: Protocol;
  readonly runs: readonly RunRecord[];
  /** Runs that the harness could not observe, in journal order. */
  readonly invalidRuns: readonly RunRecord[];
  /** Runs that ended in a competing event, in journal order. */
  readonly competingRuns: readonly RunRecord[];
  readonly analysis: Analysis;
  /** Events and competing events by fault. */
  readonly failures: FailureGroups;
  readonly progress: Progress;
  /** For an experiment with a single arm: P(so few wedges | p0). `null` for any other, and if no p0 is known. */
  readonly loneTail: LoneTail | null;
  readonly sessions: readonly SessionRecord[];
  /** What cells showed or were to show, by hash. */
  readonly outputs: ReadonlyMap<string, CellListing>;
  readonly torn: boolean;
  readonly journalSha256: string;
  /** Hash of the protocol in the journal. It differs from the recorded hash if either was changed. */
  readonly protocolSha256: string;
}

/**
 * A report of a journal. Pure: the same journal, the same report.
 *
 * @throws SoakError `bad-journal` when the runs contradict the protocol.
 */
export function buildReport(journal: Journal): Report {
  const { experiment, runs, sessions } = journal;
  const { protocol, baseline } = experiment;
  const analysis = analyseExperiment(protocol, runs, {
    ...(baseline === null ? {} : { baseline: { wedged: baseline.wedged, runs: baseline.runs } }),
    strata: strataOf(experiment),
    part: experiment.shard !== undefined,
  });
  const runsOf = (status: OutcomeStatus) => runs.filter((run) => runStatus(run, protocol) === status);
  return {
    experiment,
    protocol,
    runs,
    invalidRuns: runsOf('invalid'),
    competingRuns: runsOf('competing'),
    analysis,
    failures: failureGroups(protocol, runs),
    progress: progressOf(journal, analysis),
    loneTail: loneTailOf(protocol, analysis),
    sessions,
    outputs: journal.outputs,
    torn: journal.torn,
    journalSha256: journal.sha256,
    protocolSha256: protocolHash(protocol),
  };
}

/**
 * Whether nothing was injected into a second control. It then shows what observation does to the rate; otherwise it is
 * the same arm twice.
 */
export function isObserverCheck(report: Report, check: EqualityCheck): boolean {
  const counters = (name: string) =>
    report.analysis.arms.find((arm) => arm.name === name)?.engagement.runsWithCounters ?? 0;
  return counters(check.arm) === 0 && counters(check.reference) > 0;
}

/** The protocol's arm of that name. */
export function armNamed(report: Report, name: string): ProtocolArm | undefined {
  return report.protocol.arms.find((arm) => arm.name === name);
}

function progressOf(journal: Journal, analysis: Analysis): Progress {
  const last = lastSession(journal);
  const abandoned = new Set([
    ...journal.sessions.flatMap((session) => session.abandoned),
    ...journal.abandoned,
  ]);
  const isWhole = analysis.blocks.counted >= analysis.blocks.planned;
  // Only an experiment that ended by its own rule says `finished`; a fault says `stopped`.
  const hasDecided = analysis.stopping === 'until-decided' && last?.event === 'finished';
  return {
    state: isWhole ? 'whole' : hasDecided ? 'decided' : 'partial',
    last,
    abandoned: [...abandoned],
  };
}

/** For a merged journal: the last record of the first source that did not finish, if there is one. */
function lastSession({ experiment: { sources }, sessions }: Journal): SessionRecord | null {
  if (sources === undefined) return sessions.at(-1) ?? null;
  const lasts = sources.map(({ id }) => sessions.findLast(({ source }) => source === id) ?? null);
  const unfinished = lasts.find((last) => last?.event !== 'finished');
  return unfinished === undefined ? (lasts.at(-1) ?? null) : unfinished;
}

/** The p0 that was given, else, without a baseline, the rate that the arm cites (docs/statistics.md#one-arm). */
function loneTailOf(protocol: Protocol, analysis: Analysis): LoneTail | null {
  const [arm, ...others] = analysis.arms;
  if (arm === undefined || others.length > 0 || arm.runs === 0) return null;
  const count = { wedged: arm.wedged, runs: arm.runs };
  const { p0 } = protocol.decision;
  if (p0 !== null) return { p: binomialTail(count, p0), p0 };
  const cited = protocol.arms[0]?.citedReference;
  if (cited === undefined || arm.role !== 'treatment' || analysis.baseline.length > 0) return null;
  const citedRate = cited.wedged / cited.runs;
  return { p: binomialTail(count, citedRate), p0: citedRate, cited, fisherLess: fisherLess(cited, count) };
}
