import { mergedJournal, type NamedJournal } from '../journal/merge.ts';
import type { ArmRole } from '../model/arm.ts';
import { type Endpoint, type EndpointRule, isSameEndpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { ExperimentRecord, RunRecord, Source } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { protocolDifferences } from '../model/protocol-differences.ts';
import { byBegin } from '../model/source.ts';
import { endpointName } from '../report/endpoint-words.ts';
import { type ChangePoints, changePoints } from '../stats/change-points.ts';
import type { Count, Interval } from '../stats/counts.ts';
import {
  competingCount,
  compositeOutcomes,
  countedOutcomes,
  countOf,
  decisionTables,
} from '../stats/decision-table.ts';
import { clopperPearson } from '../stats/intervals.ts';
import { strataOf } from '../stats/strata.ts';
import { eProcessOver } from '../stats/stratified-evidence.ts';
import { armsByRole } from '../stats/verdict.ts';

/** Sources that begin further apart than this belong to different nights. */
const ONE_NIGHT_MS = 12 * 3_600_000;

/** One arm in one night: counted blocks, valid runs. */
export interface NightArm extends Count {
  readonly arm: string;
  /** `null` without a valid run. */
  readonly rate: number | null;
  readonly clopperPearson95: Interval;
  /** Runs that ended in a competing event: no part of the rate. */
  readonly competing: number;
  /** Harness faults. */
  readonly invalid: number;
}

/** A treatment against a reference: E of a night, and E accumulated since the first night. */
export interface NightEvidence {
  readonly reference: string;
  readonly treatment: string;
  readonly logE: number;
  readonly logEGreater: number;
  /** E of the composite (the event or a competing event), which a claim needs too. */
  readonly compositeLogE: number;
  readonly accumulatedLogE: number;
  readonly accumulatedCompositeLogE: number;
  readonly accumulatedLogEGreater: number;
}

export interface Night {
  /** Day on which it began, UTC; with the time where two began on one. */
  readonly label: string;
  readonly at: string;
  readonly protocolSha256: string;
  readonly sources: readonly string[];
  readonly strata: number;
  /** What differs from the night before (settings, arms, packages, hosts): where a change may come from. */
  readonly changes: readonly string[];
  readonly arms: readonly NightArm[];
  readonly evidence: readonly NightEvidence[];
}

export interface ArmHistory extends Count {
  readonly arm: string;
  readonly role: ArmRole;
  readonly changes: ChangePoints;
}

/** The nights of one series of experiments, in the order in which they began. */
export interface History {
  readonly nights: readonly Night[];
  readonly arms: readonly ArmHistory[];
  /** The endpoint that all journals count. */
  readonly rule: EndpointRule;
  /** Level of the flags over all arms. */
  readonly flagAlpha: number;
  /** Smallest level of the nights' protocols: E is compared with 1/α. */
  readonly alpha: number;
}

interface OneSource {
  readonly source: Source;
  readonly experiment: ExperimentRecord;
  readonly runs: readonly RunRecord[];
}

/**
 * The history of some journals, merged or not; a run that several hold is counted once. The protocol may
 * change from night to night (another seed, another release), but not within one.
 *
 * @throws SoakError `mixed-endpoints` when the journals do not count the same event; `mixed-night` when one night has several protocols; what a merge throws
 */
export function historyOf(journals: readonly NamedJournal[], flagAlpha: number): History {
  const nights: Night[] = [];
  let before: readonly OneSource[] | null = null;
  for (const night of nightsOf(sourcesOf(journals))) {
    nights.push(nightOf(night, before, nights));
    before = night;
  }
  const last = before?.[0]?.experiment.protocol;
  const names = [...new Set(nights.flatMap(({ arms }) => arms.map(({ arm }) => arm)))];
  const alphas = journals.map(({ journal }) => journal.experiment.protocol.decision.alpha);
  return {
    nights,
    arms: names.map((arm) => {
      const counts = nights.map(
        (night): Count => night.arms.find((each) => each.arm === arm) ?? { wedged: 0, runs: 0 },
      );
      return {
        arm,
        role: roleOf(arm, last, journals),
        wedged: counts.reduce((sum, { wedged }) => sum + wedged, 0),
        runs: counts.reduce((sum, { runs }) => sum + runs, 0),
        changes: changePoints(counts, flagAlpha / names.length),
      };
    }),
    rule: oneRule(journals),
    flagAlpha,
    alpha: Math.min(...alphas),
  };
}

/** The endpoint with its limits that every journal has: rates of different events are no series. */
function oneRule(journals: readonly NamedJournal[]): EndpointRule {
  const rules = journals.map(({ name, journal }) => {
    const { endpoint = 'wedged', slowAfterMs, memoryAboveBytes } = journal.experiment.protocol;
    const rule: EndpointRule = {
      endpoint,
      ...(uses(endpoint, 'slow') ? { slowAfterMs } : {}),
      ...(uses(endpoint, 'memory') ? { memoryAboveBytes } : {}),
    };
    return { name, rule };
  });
  const [first] = rules;
  const other = rules.find(({ rule }) => !isSameEndpoint(rule, first?.rule ?? {}));
  if (first !== undefined && other !== undefined) {
    throw new SoakError(
      'mixed-endpoints',
      `${first.name} counts ${endpointName(first.rule)}, and ${other.name} counts ${endpointName(other.rule)}: their rates are no series.`,
      { remedy: 'Give the journals of one endpoint with one limit.' },
    );
  }
  return first?.rule ?? {};
}

function uses(endpoint: Endpoint, limit: 'slow' | 'memory'): boolean {
  return endpoint === limit || endpoint === 'any';
}

function roleOf(arm: string, last: Protocol | undefined, journals: readonly NamedJournal[]): ArmRole {
  const all = [...(last?.arms ?? []), ...journals.flatMap(({ journal }) => journal.experiment.protocol.arms)];
  return all.find(({ name }) => name === arm)?.role ?? 'treatment';
}

function sourcesOf(journals: readonly NamedJournal[]): OneSource[] {
  const groups = new Map<string, NamedJournal[]>();
  for (const each of journals) {
    const { protocolSha256 } = each.journal.experiment;
    groups.set(protocolSha256, [...(groups.get(protocolSha256) ?? []), each]);
  }
  return [...groups.values()].flatMap((group) => {
    const { experiment, records } = mergedJournal(group);
    const runs = new Map<string, RunRecord[]>();
    for (const record of records()) {
      if (record.type !== 'run') continue;
      const { source = '' } = record;
      const known = runs.get(source);
      if (known === undefined) runs.set(source, [record]);
      else known.push(record);
    }
    return (experiment.sources ?? []).map((source) => ({
      source,
      experiment,
      runs: runs.get(source.id) ?? [],
    }));
  });
}

function nightsOf(sources: readonly OneSource[]): OneSource[][] {
  const nights: OneSource[][] = [];
  for (const each of [...sources].sort((a, b) => byBegin(a.source, b.source))) {
    const night = nights.at(-1);
    const [first] = night ?? [];
    const apartMs =
      first === undefined
        ? Number.POSITIVE_INFINITY
        : Date.parse(each.source.at) - Date.parse(first.source.at);
    if (night === undefined || first === undefined || !(apartMs < ONE_NIGHT_MS)) {
      nights.push([each]);
      continue;
    }
    if (each.experiment.protocolSha256 !== first.experiment.protocolSha256) {
      const differences = protocolDifferences(first.experiment.protocol, each.experiment.protocol);
      throw new SoakError(
        'mixed-night',
        `${each.source.id} and ${first.source.id} were run in the same night, ${first.source.at.slice(0, 10)}, but have different protocols: ${differences.map(({ what, first: a, second: b }) => `${what} (${a} and ${b})`).join(', ')}.`,
        { remedy: 'Give the nights of one series only, such as those of one release.' },
      );
    }
    night.push(each);
  }
  return nights;
}

function nightOf(
  sources: readonly OneSource[],
  before: readonly OneSource[] | null,
  earlier: readonly Night[],
): Night {
  const [first] = sources;
  if (first === undefined) throw new Error('a night has a source');
  const { protocol, protocolSha256 } = first.experiment;
  const { at } = first.source;
  const layout = strataOf({ ...first.experiment, sources: sources.map(({ source }) => source) });
  const tables = decisionTables(
    protocol,
    sources.flatMap(({ runs }) => runs),
    layout,
  );
  const outcomes = countedOutcomes(tables);
  const composite = compositeOutcomes(outcomes);
  const day = at.slice(0, 10);
  const { control, shams, treatments } = armsByRole(protocol);
  const pairs = treatments.flatMap((treatment) =>
    [...(control === null ? [] : [control]), ...shams].map((reference) => ({ reference, treatment })),
  );
  return {
    label: earlier.some(({ at: other }) => other.startsWith(day)) ? at.slice(0, 16).replace('T', ' ') : day,
    at,
    protocolSha256,
    sources: sources.map(({ source }) => source.id),
    strata: layout.length,
    changes: before === null ? [] : changesBetween(before, sources),
    arms: protocol.arms.map(({ name }) => {
      const statuses = outcomes.byArm.get(name) ?? [];
      const count = countOf(statuses);
      return {
        arm: name,
        ...count,
        rate: count.runs === 0 ? null : count.wedged / count.runs,
        clopperPearson95: clopperPearson(count),
        competing: competingCount(statuses).wedged,
        invalid: statuses.filter((status) => status === 'invalid').length,
      };
    }),
    evidence: pairs.map(({ reference, treatment }) => {
      const rule = { alpha: 1, bets: protocol.decision.bets };
      const { logE, logEGreater } = eProcessOver(outcomes, reference, treatment, rule);
      const { logE: compositeLogE } = eProcessOver(composite, reference, treatment, rule);
      const so = earlier
        .flatMap(({ evidence }) => evidence)
        .findLast((each) => each.reference === reference && each.treatment === treatment);
      return {
        reference,
        treatment,
        logE,
        logEGreater,
        compositeLogE,
        accumulatedCompositeLogE: (so?.accumulatedCompositeLogE ?? 0) + compositeLogE,
        accumulatedLogE: (so?.accumulatedLogE ?? 0) + logE,
        accumulatedLogEGreater: (so?.accumulatedLogEGreater ?? 0) + logEGreater,
      };
    }),
  };
}

/** What differs from the night before: the protocol (except its seed) and the hosts. */
function changesBetween(before: readonly OneSource[], now: readonly OneSource[]): string[] {
  const [a, b] = [before[0], now[0]];
  if (a === undefined || b === undefined) return [];
  const settings = protocolDifferences(a.experiment.protocol, b.experiment.protocol)
    .filter(({ what }) => what !== 'seed')
    .map(({ what, first, second }) => `${what}: ${first}, then ${second}`);
  const [was, is] = [hostFacts(before), hostFacts(now)];
  const hosts = [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((name) => {
    const [x, y] = [was.get(name) ?? 'none', is.get(name) ?? 'none'];
    return x === y ? [] : [`${name}: ${x}, then ${y}`];
  });
  return [...settings, ...hosts];
}

function hostFacts(sources: readonly OneSource[]): Map<string, string> {
  const values = new Map<string, Set<string>>();
  for (const { source } of sources) {
    const { platform, arch, cpus, node, python, kernelLibzmq, packages } = source.environment;
    const facts = {
      host: `${platform} ${arch}`,
      CPUs: String(cpus),
      Node: node,
      Python: python,
      libzmq: kernelLibzmq,
    };
    for (const [name, value] of [...Object.entries(facts), ...Object.entries(packages)]) {
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  }
  return new Map([...values].map(([name, seen]) => [name, [...seen].sort().join(' and ')]));
}
