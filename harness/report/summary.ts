import { cleanLine, cleanText } from '../model/clean-text.ts';
import type { Endpoint, EndpointRule } from '../model/endpoint.ts';
import type { Source } from '../model/journal.ts';
import { plainLine } from './document.ts';
import { endpointName, eventWords, isAboutWedges } from './endpoint-words.ts';
import { counted, percent, probability } from './format-number.ts';
import { remainingTrouble, troubleCounts } from './remaining-trouble.ts';
import type { Report } from './report.ts';
import { otherEndpoints } from './sections/also.ts';
import { verdictLines, warningLines } from './sections/verdict.ts';
import { SUMMARY_SCHEMA, SUMMARY_SCHEMA_FILE, type Summary } from './summary-schema.ts';
import { innocenceWords, verdictP } from './words.ts';

/** The report's numbers as data. */
export function summary(report: Report): Summary {
  const { analysis, experiment } = report;
  return {
    $schema: SUMMARY_SCHEMA_FILE,
    schema: SUMMARY_SCHEMA,
    line: summaryLine(report),
    verdict: verdictParagraph(report),
    warnings: warningLines(report).map(plainLine),
    endpoint: endpointSummary(report.protocol),
    ...alsoSummary(report),
    at: report.experiment.at,
    harness: report.protocol.harness,
    protocolSha256: report.protocolSha256,
    journalSha256: report.journalSha256,
    state: report.progress.state,
    abandonedRuns: [...report.progress.abandoned],
    invalidRuns: report.invalidRuns.length,
    competingRuns: report.competingRuns.length,
    loneTail: report.loneTail,
    ...(report.failures.groups.length === 0
      ? {}
      : { failures: structuredClone(report.failures) as Summary['failures'] }),
    ...(experiment.shard === undefined ? {} : { shard: experiment.shard }),
    ...(experiment.sources === undefined ? {} : { sources: experiment.sources.map(sourceSummary) }),
    ...structuredClone({
      ...analysis,
      innocence: { ...analysis.innocence, words: innocenceWords(report) },
      verdicts: analysis.verdicts.map((verdict) => ({ ...verdict, ...troubleSummary(report, verdict) })),
      comparisons: analysis.comparisons.map((pair) => {
        const { path: _path, pathBlocks: _blocks, ...eProcess } = pair.eProcess;
        return { ...pair, eProcess };
      }),
    } as unknown as Pick<Summary, keyof typeof analysis>),
  };
}

/** What the treatment's users would still meet. Left out where there is nothing. */
function troubleSummary(report: Report, { treatment }: { readonly treatment: string }) {
  const arm = report.analysis.arms.find(({ name }) => name === treatment);
  const troubles = arm === undefined ? [] : remainingTrouble(report, arm);
  return troubles.length === 0
    ? {}
    : { stillMet: troubles.map(({ what, runs, of }) => ({ what, runs, of })) };
}

/** What `wedged` counts, with the limits that it has. */
function endpointSummary({ endpoint = 'wedged', slowAfterMs, memoryAboveBytes }: EndpointRule) {
  const has = (limit: Endpoint) => endpoint === limit || endpoint === 'any';
  return {
    name: endpoint,
    ...(slowAfterMs !== undefined && has('slow') ? { slowAfterMs } : {}),
    ...(memoryAboveBytes !== undefined && has('memory') ? { memoryAboveBytes } : {}),
  };
}

function alsoSummary(report: Report): Pick<Summary, 'also'> {
  const others = otherEndpoints(report);
  if (others.length === 0) return {};
  return {
    also: others.map(({ rule, unrecorded, arms }) => ({
      ...endpointSummary(rule),
      ...(unrecorded === null ? {} : { unrecorded }),
      arms: arms.map((arm) => ({ ...arm, clopperPearson95: [...arm.clopperPearson95] as [number, number] })),
    })),
  };
}

function sourceSummary({ id, at, environment, shard, journals }: Source) {
  const { platform, arch, python, node } = environment;
  return { id, at, platform, arch, python, node, ...(shard === undefined ? {} : { shard }), journals };
}

/** `summary.json`, indented, ending in a newline. Content in it is cleaned as everywhere else. */
export function summaryJson(report: Report): string {
  return `${JSON.stringify(summary(report), (_key, value: unknown) => (typeof value === 'string' ? cleanText(value) : value), 2)}\n`;
}

/**
 * The result in one line for a commit message: counts of every arm, verdicts, the weakest p, the protocol's
 * hash. For another endpoint than wedges, its name stands first.
 * `control 14/20, sham 13/20, fix 0/19 (1 died, client stalled 9/20) fixes the wedge, p 1.2e-6, protocol 0123456789ab`.
 */
export function summaryLine(report: Report): string {
  const { analysis } = report;
  const words = new Map(analysis.verdicts.map(({ treatment, word }) => [treatment, word]));
  const arms = analysis.arms.map((arm) => {
    const word = words.get(arm.name);
    const trouble = troubleCounts(report, arm);
    // "fixes" alone would say that nothing is left.
    const what = word === 'fixes' && trouble !== '' ? ` the ${eventWords(report.protocol).noun}` : '';
    return `${cleanLine(arm.name, 40)} ${arm.wedged}/${arm.runs}${trouble === '' ? '' : ` (${trouble})`}${word === undefined ? '' : ` ${word}${what}`}`;
  });
  const ps = analysis.verdicts.flatMap((verdict) => verdictP(verdict) ?? []);
  const tail = [
    ...(ps.length === 0 ? [] : [`p ${probability(Math.max(...ps))}`]),
    ...(report.loneTail === null
      ? []
      : [`P ${probability(report.loneTail.p)} if p0 ${percent(report.loneTail.p0)} were known`]),
    ...(report.progress.state === 'partial' ? [`partial, ${counted(analysis.blocks.counted, 'block')}`] : []),
    ...(report.invalidRuns.length > 0 ? [counted(report.invalidRuns.length, 'harness fault')] : []),
    ...(analysis.strata === undefined ? [] : [`${analysis.strata.length} strata`]),
    ...(report.experiment.shard === undefined
      ? []
      : [`shard ${report.experiment.shard.index}/${report.experiment.shard.count}`]),
    `protocol ${report.protocolSha256.slice(0, 12)}`,
  ];
  const of = isAboutWedges(report.protocol) ? '' : `${endpointName(report.protocol)}: `;
  return `${of}${[...arms, ...tail].join(', ')}`;
}

/** Warnings and verdict as plain text for a terminal, one paragraph, not wrapped. */
export function verdictParagraph(report: Report): string {
  return [...warningLines(report), ...verdictLines(report)].map(plainLine).join(' ');
}
