import type { OneEndpoint } from '../model/run-status.ts';
import type { ArmAnalysis, KindCounts } from '../stats/arm-summary.ts';
import { code, joined, type Line, line, text } from './document.ts';
import { endingVerb, endingWords } from './ending-words.ts';
import { eventWords } from './endpoint-words.ts';
import { count, counted, percent } from './format-number.ts';
import type { Report } from './report.ts';
import { otherEndpoints } from './sections/also.ts';
import { kindCounts, num } from './words.ts';

/**
 * What users of an arm would still meet, besides the event that the experiment counts: runs that ended in another way, a
 * client that stalled, an event of `--also`. A verdict that says "fixes" says this in the same sentence.
 */
export interface Trouble {
  /** A kind of ending, `stalled` for every stall of the client, or an endpoint of `--also`. */
  readonly what: keyof KindCounts | OneEndpoint;
  readonly runs: number;
  readonly of: number;
  /** After "would still": `die`. */
  readonly verb: string;
  /** After "1 of 20": `died`. */
  readonly past: string;
}

/** The client's stalls in one arm, those that ended a run included; `null`: nothing looks for them, or they are the event. */
export function clientStalls(arm: Pick<ArmAnalysis, 'secondEvents' | 'counts'>): {
  readonly stalled: number;
  readonly runs: number;
} | null {
  const { secondEvents, counts } = arm;
  if (secondEvents === undefined) return null;
  return {
    stalled: secondEvents.stalled + (counts.competingByKind.stalled ?? 0),
    runs: secondEvents.runs,
  };
}

/** The client of the experiment, by name. */
export function clientName({ protocol: { client } }: Pick<Report, 'protocol'>): string {
  return client?.name ?? 'the client';
}

/** What an arm's users would still meet. The client's stalls come first. Empty: every other run was clean. */
export function remainingTrouble(report: Report, arm: ArmAnalysis): Trouble[] {
  const stalls = clientStalls(arm);
  const endings = endingKinds(arm);
  const kinds = (Object.keys(endings) as (keyof KindCounts)[]).flatMap((kind): Trouble[] => {
    const runs = endings[kind] ?? 0;
    if (runs === 0) return [];
    return [{ what: kind, runs, of: arm.competing.runs, verb: endingVerb(kind), past: endingWords(kind) }];
  });
  return [
    ...(stalls === null || stalls.stalled === 0
      ? []
      : [
          { what: 'stalled' as const, runs: stalls.stalled, of: stalls.runs, verb: 'stall', past: 'stalled' },
        ]),
    ...kinds,
    ...onTheWay(report, arm.name),
  ];
}

/** Endings other than the event. A client's stall that ended the run is counted with its other stalls. */
function endingKinds(arm: ArmAnalysis): KindCounts {
  const { stalled, ...others } = arm.competingByKind;
  const isCounted = arm.secondEvents !== undefined || stalled === undefined;
  return { ...(isCounted ? others : { ...others, stalled }), ...arm.endedLaterByKind };
}

/** Events of `--also` that do not end a run. Those that do are among the endings. */
function onTheWay(report: Report, name: string): Trouble[] {
  return otherEndpoints(report).flatMap(({ rule, arms }): Trouble[] => {
    const { endpoint } = rule;
    const arm = arms.find((each) => each.arm === name);
    if (arm === undefined || arm.wedged === 0) return [];
    if (endpoint !== 'lost-output' && endpoint !== 'slow' && endpoint !== 'memory') return [];
    const { infinitive, past } = eventWords(rule);
    return [{ what: endpoint, runs: arm.wedged, of: arm.runs, verb: infinitive, past }];
  });
}

/**
 * `runs would still stall: 9 of 12 (in nbclient), die: 1 of 12`; with several arms, a clause for each that has trouble.
 * Empty: none of them has.
 */
export function stillWords(report: Report, names: readonly string[]): Line {
  const clauses = names.flatMap((name): Line[] => {
    const arm = report.analysis.arms.find((each) => each.name === name);
    const troubles = arm === undefined ? [] : sameVerbTogether(remainingTrouble(report, arm));
    if (troubles.length === 0) return [];
    const of = names.length === 1 ? line`runs` : line`runs of ${code(name)}`;
    const each = troubles.map(({ what, runs, of: all, verb }) => {
      const where = what === 'stalled' ? ` (in ${clientName(report)})` : '';
      return line`${text(verb)}: ${num(`${count(runs)} of ${count(all)}`)}${text(where)}`;
    });
    return [line`${of} would still ${joined(each, ', ')}`];
  });
  return joined(clauses, ', and ');
}

/** Kinds that a reader would not tell apart, such as a wedge with and without a certificate, as one. */
function sameVerbTogether(troubles: readonly Trouble[]): Trouble[] {
  const byVerb = new Map<string, Trouble>();
  for (const trouble of troubles) {
    const before = byVerb.get(trouble.verb);
    byVerb.set(
      trouble.verb,
      before === undefined ? trouble : { ...before, runs: before.runs + trouble.runs },
    );
  }
  return [...byVerb.values()];
}

/** `1 of 20 died, nbclient stalled in 9 of 20`: how runs went besides the event; empty: all were clean. */
export function troubleWords(report: Report, arm: ArmAnalysis): string {
  const parts = remainingTrouble(report, arm).map(({ what, runs, of, past }) => {
    const many = `${count(runs)} of ${count(of)}`;
    return what === 'stalled' ? `${clientName(report)} stalled in ${many}` : `${many} ${past}`;
  });
  return parts.join(', ');
}

/** `0 of 19 runs (0 %; 1 of 20 died)`: the event, and how else runs went. */
export function eventsAndTrouble(arm: ArmAnalysis, report: Report): Line {
  const trouble = troubleWords(report, arm);
  return line`${eventCount(arm)} (${num(percent(arm.rate))}${text(trouble === '' ? '' : `; ${trouble}`)})`;
}

/** `0 of 19 runs (0 %)`: the event alone. */
export function eventsAlone(arm: ArmAnalysis): Line {
  return line`${eventCount(arm)} (${num(percent(arm.rate))})`;
}

function eventCount(arm: ArmAnalysis): Line {
  return [num(`${count(arm.wedged)} of ${counted(arm.runs, 'run')}`)];
}

/** `1 died, client stalled 9/20`, for one line; empty: there is no trouble. */
export function troubleCounts(report: Report, arm: ArmAnalysis): string {
  const stalls = clientStalls(arm);
  const endings = endingKinds(arm);
  const also = onTheWay(report, arm.name);
  return [
    ...(Object.keys(endings).length === 0 ? [] : [kindCounts(endings)]),
    ...(stalls === null || stalls.stalled === 0 ? [] : [`client stalled ${stalls.stalled}/${stalls.runs}`]),
    ...also.map(({ what, runs, of }) => `${what} ${runs}/${of}`),
  ].join(', ');
}
