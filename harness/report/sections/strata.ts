import type { Source } from '../../model/journal.ts';
import { shardBlocks } from '../../model/shard.ts';
import type { StratumAnalysis } from '../../stats/analysis.ts';
import type { Comparison } from '../../stats/comparison.ts';
import {
  type Block,
  code,
  enumeration,
  joined,
  type Line,
  line,
  list,
  paragraph,
  strong,
  type Table,
  table,
  text,
} from '../document.ts';
import { type EventWords, eventWords } from '../endpoint-words.ts';
import {
  counted,
  eValue,
  gibibytes,
  points,
  pointsInterval,
  probability,
  pValue,
  significant,
} from '../format-number.ts';
import type { Report } from '../report.ts';
import { num, ratio } from '../words.ts';

/** Strata and sources listed at most; the journal holds all. */
const LISTED = 60;

/** The warning that this is a part of an experiment. */
export function shardLines({ experiment: { shard, protocol } }: Report): Line[] {
  if (shard === undefined) return [];
  const { first, end } = shardBlocks(protocol.blocks, shard);
  return [
    line`${strong(text('Part of an experiment'))}: shard ${num(`${shard.index}/${shard.count}`)}, blocks ${num(String(first))} to ${num(String(end - 1))} of ${num(String(protocol.blocks))}. All that follows is about these blocks alone.`,
  ];
}

/** Warnings about strata that do not agree, in a treatment's effect or in the control's rate. */
export function heterogeneityLines({ analysis, protocol }: Report): Line[] {
  const { strata = [], heterogeneity = [] } = analysis;
  const effects = analysis.comparisons.flatMap((pair) => {
    const { stratified } = pair;
    if (stratified === undefined || !differs(stratified.heterogeneity.p)) return [];
    if (pair.kind !== 'treatment-control' && pair.kind !== 'treatment-sham') return [];
    const each = stratified.byStratum.map(
      ({ name, reference, treatment }) => line`${code(name)} ${ratio(treatment)} against ${ratio(reference)}`,
    );
    return [
      line`${strong(...line`${code(pair.treatment)} does not have the same effect everywhere`)}: against ${code(pair.reference)}, its effect differs between the strata (Zelen's exact test, ${num(pValue(stratified.heterogeneity.p))}): ${enumeration(each.slice(0, LISTED))}.`,
    ];
  });
  const control = analysis.arms.find(({ role }) => role === 'control')?.name;
  const moved = heterogeneity.find(({ arm, differs: does }) => does && arm === control);
  if (moved === undefined) return effects;
  const rates = strata.map(({ name, arms }) => {
    const count = arms.find(({ arm }) => arm === moved.arm) ?? { wedged: 0, runs: 0 };
    return line`${code(name)} ${ratio(count)}`;
  });
  return [
    ...effects,
    line`${strong(...line`${code(moved.arm)} does not ${text(eventWords(protocol).infinitive)} at one rate`)}: ${enumeration(rates.slice(0, LISTED))} (χ² ${num(pValue(moved.p))}). The verdict compares runs only within a stratum, so this cannot feign a difference between arms.`,
  ];
}

const WARNING_LEVEL = 0.05;

function differs(p: number): boolean {
  return p <= WARNING_LEVEL;
}

/** The test that decides where there are several strata, in words. */
export function stratifiedTestWords(test: 'boschloo' | 'e-process', strata: number): string {
  return test === 'boschloo'
    ? `exact stratified test over ${strata} strata (one-sided)`
    : `product of E over ${strata} strata`;
}

/** Where the runs come from and what the strata say. Nothing for an experiment that was not merged. */
export function strataBlocks(report: Report): Block[] {
  const { sources } = report.experiment;
  if (sources === undefined) return [];
  const { strata } = report.analysis;
  const byId = new Map(sources.map((source) => [source.id, source]));
  if (strata === undefined) {
    return [
      paragraph(
        line`Merged from ${num(counted(sources.length, 'source'))} on hosts of one kind. Their blocks belong to one experiment, so they are counted as if one host had run them all.`,
      ),
      sourceTable(report, sources),
    ];
  }
  return [
    paragraph(
      line`Merged from ${num(counted(sources.length, 'source'))} in ${num(counted(strata.length, 'stratum', 'strata'))}. A stratum is one kind of host in one night. Runs are compared only within a stratum, so a host or a night with another rate cannot feign a difference.`,
    ),
    strataTable(strata, byId, eventWords(report.protocol)),
    stratifiedTable(report.analysis.comparisons),
    list([
      line`Difference: the average over strata (Mantel–Haenszel weights), with Miettinen and Nurminen's stratified score interval.`,
      line`Exact: the exact test, given the totals of each stratum.`,
      line`Effect alike: Zelen's exact test, by Monte Carlo, that all strata have the same odds ratio. A large p does not prove it.`,
      line`Rate alike, the χ² test (approximate) that an arm has the same rate in all strata: ${enumeration(
        (report.analysis.heterogeneity ?? []).map(({ arm, p }) => line`${code(arm)} ${num(pValue(p))}`),
      )}.`,
    ]),
    paragraph(lookLine(report)),
    {
      kind: 'details',
      summary: line`${num(counted(sources.length, 'source'))}`,
      blocks: [sourceTable(report, sources)],
    },
  ];
}

/** What it means for the level that the protocol does not fix how many sources are merged. */
function lookLine({ analysis }: Report): Line {
  return analysis.test === 'boschloo'
    ? line`The protocol does not fix how many sources are merged. The exact test holds its level if the set of sources was chosen beforehand. If the set grows night by night and is looked at each time, only E holds its level.`
    : line`The E-values of independent strata multiply, and the product may be looked at after every night. It decides at 1/α = ${num(significant(1 / analysis.alpha, 6))}.`;
}

function strataTable(
  strata: readonly StratumAnalysis[],
  sources: ReadonlyMap<string, Source>,
  words: EventWords,
): Table {
  return table(
    `${words.runsThat} by stratum`,
    `Stratum | Host | Begun | >Sources | >Blocks | ${words.column}`,
    strata.slice(0, LISTED).map((stratum): Line[] => {
      const first = sources.get(stratum.sources[0] ?? '');
      return [
        [code(stratum.name)],
        first === undefined ? line`` : [code(hostWords(first))],
        first === undefined ? line`` : [code(first.at.slice(0, 16))],
        [num(String(stratum.sources.length))],
        [num(`${stratum.blocks.counted}/${stratum.blocks.planned}`)],
        joined(
          stratum.arms.map((each) => line`${code(each.arm)} ${ratio(each)}`),
          ', ',
        ),
      ];
    }),
  );
}

function hostWords({ environment }: Source): string {
  const { platform, arch, cpus, python, node } = environment;
  return `${platform} ${arch}, ${counted(cpus, 'CPU')}, ${python}, Node ${node}`;
}

function stratifiedTable(comparisons: readonly Comparison[]): Table {
  return table(
    'Comparisons within strata',
    'Comparison | >Difference | >95 % interval | >Exact, less | >Exact, two-sided | >E, product | >Effect alike',
    comparisons.flatMap(({ reference, treatment, stratified }): Line[][] =>
      stratified === undefined
        ? []
        : [
            [
              line`${code(treatment)} against ${code(reference)}`,
              [num(points(stratified.difference))],
              [num(stratified.difference === null ? 'n/a' : pointsInterval(stratified.interval95))],
              [num(probability(stratified.less))],
              [num(probability(stratified.twoSided))],
              [num(eValue(stratified.logE))],
              [
                num(
                  stratified.heterogeneity.simulations === 0
                    ? 'n/a'
                    : probability(stratified.heterogeneity.p),
                ),
              ],
            ],
          ],
    ),
  );
}

function sourceTable({ runs }: Report, sources: readonly Source[]): Table {
  const recorded = new Map<string, number>();
  for (const { source = '' } of runs) recorded.set(source, (recorded.get(source) ?? 0) + 1);
  return table(
    'Sources',
    'Source | >Shard | Begun | >Runs | System | >Memory | Journal (SHA-256)',
    sources.slice(0, LISTED).map((source): Line[] => [
      [code(source.id)],
      [num(source.shard === undefined ? 'all' : `${source.shard.index}/${source.shard.count}`)],
      [code(source.at)],
      [num(String(recorded.get(source.id) ?? 0))],
      [code(`${source.environment.platform} ${source.environment.osRelease}`)],
      [num(gibibytes(source.environment.memoryBytes))],
      joined(
        source.journals.map((hash) => [code(hash.slice(0, 16))]),
        ', ',
      ),
    ]),
  );
}

/** Differences between the environments of the sources. The section describes only the first source. */
export function environmentDifferences({ experiment: { sources = [] } }: Report): Line[] {
  const facts = sources.map(({ environment: { packages, key: _key, ...machine } }) =>
    Object.entries({ ...machine, ...packages }).map(([name, value]) => [name, String(value)] as const),
  );
  const values = new Map<string, Set<string>>();
  for (const [name, value] of facts.flat()) values.set(name, (values.get(name) ?? new Set()).add(value));
  for (const each of facts) {
    const has = new Map(each);
    for (const [name, seen] of values) if (!has.has(name)) seen.add('none');
  }
  const different = [...values].filter(([, seen]) => seen.size > 1).sort(([a], [b]) => (a < b ? -1 : 1));
  if (different.length === 0) return [];
  const shown = different.slice(0, LISTED).map(
    ([name, seen]) =>
      line`${code(name)} (${enumeration(
        [...seen]
          .sort()
          .slice(0, 8)
          .map((value) => [code(value)]),
      )})`,
  );
  return [
    line`This section describes the first source. The sources differ in: ${enumeration(shown)}${text(different.length > LISTED ? ', and more, in the journal' : '')}.`,
  ];
}
