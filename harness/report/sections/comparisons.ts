import type { Comparison, TwoArmSummary } from '../../stats/comparison.ts';
import { type Block, code, type Line, line, paragraph, type Table, text } from '../document.ts';
import {
  eValue,
  percent,
  points,
  pointsInterval,
  probability,
  pValue,
  significant,
} from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, num, ratio, testWords } from '../words.ts';
import { baselineBlocks } from './baseline.ts';
import { stratifiedTestWords } from './strata.ts';

/** Every comparison, with the binomial tail and Fisher's test side by side. */
export function comparisonBlocks(report: Report): Block[] {
  const { analysis } = report;
  const blocks: Block[] = [];
  if (analysis.comparisons.length > 0) {
    blocks.push(
      differencesTable(analysis.comparisons),
      testsTable(analysis.comparisons, analysis.strata !== undefined),
    );
    if (analysis.strata !== undefined) {
      blocks.push(
        paragraph(
          line`These figures are of added counts of all strata. No verdict rests on them: see “Hosts and nights”.`,
        ),
      );
    }
    blocks.push(paragraph(tailWords(analysis.comparisons)));
    blocks.push(paragraph(decisionWords(report)));
    blocks.push({ kind: 'figure', name: 'evidence' });
    blocks.push(...hazardBlocks(analysis.comparisons));
  }
  blocks.push(...baselineBlocks(report, testCells));
  return blocks;
}

function differencesTable(comparisons: readonly Comparison[]): Table {
  return {
    kind: 'table',
    caption: 'Differences of wedge rates',
    columns: [
      { title: 'Comparison', align: 'left' },
      { title: 'Wedged', align: 'right' },
      { title: 'Difference', align: 'right' },
      { title: '95 % interval (Newcombe)', align: 'right' },
    ],
    rows: comparisons.map((pair): Line[] => [
      pairName(pair),
      line`${ratio(pair.counts.treatment)} against ${ratio(pair.counts.reference)}`,
      [num(points(pair.difference))],
      [num(pair.difference === null ? 'n/a' : pointsInterval(pair.newcombeDifference95))],
    ]),
  };
}

function testsTable(comparisons: readonly Comparison[], isOfStrata: boolean): Table {
  return {
    kind: 'table',
    caption: 'Tests of each comparison',
    columns: [
      { title: 'Comparison', align: 'left' },
      { title: 'Binomial tail', align: 'right' },
      { title: 'Fisher, less', align: 'right' },
      { title: 'Fisher, two-sided', align: 'right' },
      { title: 'Boschloo, less', align: 'right' },
      { title: 'Boschloo, two-sided', align: 'right' },
      { title: isOfStrata ? 'E, product' : 'E, greatest', align: 'right' },
    ],
    rows: comparisons.map((pair): Line[] => [
      pairName(pair),
      ...testCells(pair),
      [num(eValue(pair.stratified?.logE ?? pair.eProcess.maxLogE))],
    ]),
  };
}

function testCells(pair: TwoArmSummary): Line[] {
  return [
    [num(probability(pair.binomialTail?.p ?? null))],
    [num(probability(pair.fisherLess))],
    [num(probability(pair.fisherTwoSided))],
    [num(probability(pair.boschlooLess))],
    [num(probability(pair.boschlooTwoSided))],
  ];
}

function pairName(pair: Comparison): Line {
  return line`${code(pair.treatment)} against ${code(pair.reference)}`;
}

function tailWords(comparisons: readonly Comparison[]): Line {
  const given = comparisons.find(({ binomialTail }) => binomialTail?.p0Source === 'given')?.binomialTail;
  const source =
    given === undefined || given === null
      ? line`the reference arm's own observed rate, itself an estimate from as many runs`
      : line`the ${num(percent(given.p0))} given, not measured here`;
  return line`The binomial tail is P(X ≤ x, given n and p0). It takes p0 as known: ${source}. Fisher's exact test takes neither rate as known, so read the two side by side. “Less” is one-sided: the first arm's rate is below the second's.`;
}

function decisionWords(report: Report): Line {
  const { analysis } = report;
  const alpha = significant(analysis.alpha, 3);
  const holm = analysis.verdicts.length > 1 ? ' Several treatments: Holm over them.' : '';
  const { strata } = analysis;
  const rule =
    strata !== undefined
      ? line`${num(stratifiedTestWords(analysis.test, strata.length))}, at α = ${num(alpha)}`
      : analysis.test === 'boschloo'
        ? line`${num(testWords('boschloo'))}, at α = ${num(alpha)}`
        : line`${num(testWords('e-process'))}, E ≥ 1/α = ${num(significant(1 / analysis.alpha, 6))}${text(report.protocol.decision.bets === 'cure' ? ', with bets that expect a cure' : '')}`;
  const shams = analysis.arms.filter(({ role }) => role === 'sham').map(({ name }) => name);
  const claim =
    shams.length > 0
      ? line`“Fixes” needs both: below control, and below ${armNames(shams)}.`
      : line`“Fixes” needs: below control.`;
  const composite =
    report.competingRuns.length === 0
      ? ''
      : ' Both on the wedges, with the runs that ended otherwise left out, and on wedges and other endings together; and other endings must not be more frequent than on the references (Fisher, one-sided, p > 0.05).';
  return line`Decided by: ${rule}. ${claim}${text(composite)}${num(holm)}`;
}

function hazardBlocks(comparisons: readonly Comparison[]): Block[] {
  const known = comparisons.filter(
    ({ hazard, kind }) => hazard.conditionalLess !== null && kind.startsWith('treatment'),
  );
  if (known.length === 0) return [];
  return [
    paragraph(
      line`Per reply (secondary; exact conditional test of two rates, less): ${known.flatMap(
        (pair, index) => [
          ...(index === 0 ? [] : line`; `),
          ...line`${pairName(pair)} ${num(pValue(pair.hazard.conditionalLess))}`,
        ],
      )}.`,
    ),
  ];
}
