import type { Baseline } from '../../model/journal.ts';
import type { TwoArmSummary } from '../../stats/comparison.ts';
import {
  type Block,
  code,
  enumeration,
  type Line,
  line,
  paragraph,
  strong,
  table,
  text,
} from '../document.ts';
import { endpointName, eventWords } from '../endpoint-words.ts';
import { counted, points, probability, pValue } from '../format-number.ts';
import type { Report } from '../report.ts';
import { num, ratio } from '../words.ts';

/** Differences named in a sentence; the list below the tables has all. */
const NAMED = 6;

/** Whether a p-value against the baseline is about the arm: nothing else that is recorded differs. */
function isComparable({ differences }: Baseline): boolean {
  return differences !== undefined && differences.length === 0;
}

/** What differs, by name, the weightiest first. */
function differenceWords({ differences }: Baseline): Line {
  if (differences === undefined) return line`what else differs was not recorded`;
  const names = differences.slice(0, NAMED).map(({ what }): Line => [code(what)]);
  const more = differences.length - names.length;
  const rest = more > 0 ? [line`${num(counted(more, 'other setting'))}`] : [];
  return line`${enumeration([...names, ...rest])} ${text(differences.length === 1 ? 'differs' : 'differ')}`;
}

/** What the baseline was made for, where its runs were counted again by this experiment's endpoint. */
function recountWords({ recountedFrom }: Baseline): Line {
  if (recountedFrom === undefined) return [];
  return line` That experiment counted another event, ${code(endpointName(recountedFrom))}. Its runs were counted again, from its journal, by the endpoint of this one.`;
}

/**
 * The baseline in the headline of a single arm: with a p-value where nothing but the arm differs, else with what
 * differs and no p-value.
 */
export function baselineSentences({ analysis, experiment: { baseline } }: Report): Line[] {
  const [against] = analysis.baseline;
  if (against === undefined || baseline === null) return [];
  const head = line`${code(baseline.arm)} of an earlier experiment (${ratio(against.counts.reference)})`;
  if (!isComparable(baseline)) {
    return [
      line`${strong(text('Not comparable with the baseline'))}, ${head}: ${differenceWords(baseline)}. So no p-value is given here. The p-values under “Comparisons” reflect all these differences together.${recountWords(baseline)}`,
    ];
  }
  return [
    line`Against ${head}, Fisher's exact test (one-sided) gives ${num(pValue(against.fisherLess))} and Boschloo's gives ${num(pValue(against.boschlooLess))}. Of all that is recorded, only the arm differs between the two.${recountWords(baseline)}`,
  ];
}

/** The figures against the baseline: folded away behind what differs, where anything does. */
export function baselineBlocks(report: Report, testCells: (pair: TwoArmSummary) => Line[]): Block[] {
  const { baseline } = report.experiment;
  if (baseline === null) return [];
  const figures: Block[] = [
    table(
      'Against the baseline of an earlier experiment',
      `Against the baseline | >${eventWords(report.protocol).column} | >Difference | >Binomial tail | >Fisher, less | >Fisher, two-sided | >Boschloo, less | >Boschloo, two-sided`,
      report.analysis.baseline.map((pair): Line[] => [
        [code(pair.arm)],
        line`${ratio(pair.counts.treatment)} against ${ratio(pair.counts.reference)}`,
        [num(points(pair.difference))],
        ...testCells(pair),
      ]),
    ),
    paragraph(
      line`The baseline is ${code(baseline.arm)} of the experiment ${code(baseline.protocolSha256)}, begun ${code(baseline.at)}. It was not interleaved with this arm. So these figures assume that only the arm differed, although rates drift from day to day. No verdict rests on them. The binomial tail takes p0 as known.${recountWords(baseline)}`,
    ),
  ];
  if (isComparable(baseline)) return figures;
  return [
    {
      kind: 'details',
      summary: line`Against the baseline, which is not comparable: ${num(baseline.differences === undefined ? 'what else differs was not recorded' : counted(baseline.differences.length, 'difference'))}`,
      blocks: [
        ...((baseline.differences ?? []).length === 0
          ? []
          : [
              {
                kind: 'list' as const,
                items: (baseline.differences ?? []).map(
                  ({ what, earlier, here }) =>
                    line`${code(what)}: ${code(earlier)} in the baseline, ${code(here)} here`,
                ),
              },
            ]),
        ...figures,
      ],
    },
  ];
}

const MEASURED_CONTROL = 'npm run soak -- --arms control,sham,';

/**
 * P(so few | p0) of a single arm, for the p0 that was given or that the arm cites, with what that takes for granted.
 * Without either, what would give it.
 */
export function givenRateSentences({ loneTail, analysis, experiment }: Report): Line[] {
  const [arm] = analysis.arms;
  if (arm === undefined) return [];
  if (loneTail === null) {
    if (arm.role !== 'treatment' || analysis.baseline.length > 0) return [];
    return [
      line`To compare it, run a control beside it, or give a rate that you take as known: ${code('--p0 RATE')}.`,
    ];
  }
  const { cited, fisherLess } = loneTail;
  if (cited !== undefined && fisherLess !== undefined) {
    const { environment } = experiment;
    return [
      line`P(${ratio(arm)} or fewer | p0 = ${num(probability(loneTail.p0))}) = ${num(probability(loneTail.p))}. This takes p0 as known, but p0 is only the ${ratio(cited)} that ${code(cited.source)} measured. Fisher's exact test against that count, one-sided: ${num(pValue(fisherLess))}.`,
      line`That count was measured elsewhere (${code(cited.conditions)}). This experiment has ${code(environment.platform)}, ${code(environment.python)}, pyzmq ${code(environment.packages['pyzmq'] ?? 'unknown')}, and the notebook and traffic below. To measure a control here, run ${code(`${MEASURED_CONTROL}${arm.name} --runs ${arm.runs}`)}.`,
    ];
  }
  return [
    line`P(${ratio(arm)} or fewer | p0 = ${num(probability(loneTail.p0))}) = ${num(probability(loneTail.p))}. This takes p0 as known, and as the rate of this notebook, traffic, launch and machine. The journal does not record where p0 comes from.`,
  ];
}
