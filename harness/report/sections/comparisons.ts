import type { Comparison, TwoArmSummary } from '../../stats/comparison.ts';
import {
  type Block,
  code,
  folded,
  joined,
  type Line,
  line,
  paragraph,
  type Table,
  table,
  text,
} from '../document.ts';
import { capital, type EventWords, eventWords } from '../endpoint-words.ts';
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
      differencesTable(analysis.comparisons, eventWords(report.protocol)),
      paragraph(decisionWords(report)),
    );
    const strata: Block[] =
      analysis.strata === undefined
        ? []
        : [
            paragraph(
              line`These figures add up the counts of all strata. No verdict rests on them: see “Hosts and nights”.`,
            ),
          ];
    const figure: Block = { kind: 'figure', name: 'evidence' };
    const isDecidedByE = analysis.test === 'e-process';
    if (isDecidedByE) blocks.push(figure);
    blocks.push(
      folded(line`Every test of every comparison: one decides, the others are for comparison`, [
        testsTable(analysis.comparisons, analysis.strata !== undefined),
        ...strata,
        paragraph(tailWords(analysis.comparisons)),
        ...(isDecidedByE ? [] : [figure]),
        ...hazardBlocks(analysis.comparisons, eventWords(report.protocol)),
      ]),
    );
  }
  blocks.push(...baselineBlocks(report, testCells));
  return blocks;
}

function differencesTable(comparisons: readonly Comparison[], words: EventWords): Table {
  return table(
    `Differences of ${words.rate.replace('rate', 'rates')}`,
    `Comparison | >${words.column} | >Difference | >95 % interval (Newcombe)`,
    comparisons.map((pair): Line[] => [
      pairName(pair),
      line`${ratio(pair.counts.treatment)} against ${ratio(pair.counts.reference)}`,
      [num(points(pair.difference))],
      [num(pair.difference === null ? 'n/a' : pointsInterval(pair.newcombeDifference95))],
    ]),
  );
}

function testsTable(comparisons: readonly Comparison[], isOfStrata: boolean): Table {
  return table(
    'Tests of each comparison',
    [
      'Comparison',
      '>Binomial tail',
      '>Fisher, less',
      '>Fisher, two-sided',
      '>Boschloo, less',
      '>Boschloo, two-sided',
      isOfStrata ? '>E, product' : '>E, greatest',
    ],
    comparisons.map((pair): Line[] => [
      pairName(pair),
      ...testCells(pair),
      [num(eValue(pair.stratified?.logE ?? pair.eProcess.maxLogE))],
    ]),
  );
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
      ? line`the observed rate of the reference arm, which is itself an estimate`
      : line`the ${num(percent(given.p0))} that was given, not a rate measured here`;
  return line`The binomial tail is P(X ≤ x), given n and p0. It takes p0 as known, and p0 is ${source}. Fisher's exact test takes neither rate as known, so read the two side by side. “Less” is the one-sided test that the first arm's rate is below the second's. E is the greatest value that the e-process reached. It tests the same claim.`;
}

function decisionWords(report: Report): Line {
  const { analysis } = report;
  const words = eventWords(report.protocol);
  const alpha = significant(analysis.alpha, 3);
  const holm = analysis.verdicts.length > 1 ? ' With several treatments, Holm corrects their p-values.' : '';
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
      ? line`The verdict “fixes” needs 0 ${text(words.nouns)} and, by this test, a rate below control and below ${armNames(shams)}.`
      : line`The verdict “fixes” needs 0 ${text(words.nouns)} and, by this test, a rate below control.`;
  const composite =
    report.competingRuns.length === 0
      ? ''
      : ` This must hold for ${words.nouns} alone, with the runs that ended otherwise left out, and for ${words.nouns} and other endings together. Other endings must not be more frequent than in the references (Fisher’s exact test, one-sided, p > 0.05).`;
  return line`What decides: ${rule}. ${claim}${text(composite)}${num(holm)}`;
}

function hazardBlocks(comparisons: readonly Comparison[], words: EventWords): Block[] {
  const known = comparisons.filter(
    ({ hazard, kind }) => hazard.conditionalLess !== null && kind.startsWith('treatment'),
  );
  if (known.length === 0 || !words.endsRun) return [];
  return [
    paragraph(
      line`${text(capital(words.nouns))} per reply (secondary; exact conditional test of two rates, one-sided): ${joined(
        known.map((pair) => line`${pairName(pair)} ${num(pValue(pair.hazard.conditionalLess))}`),
        ', ',
      )}.`,
    ),
  ];
}
