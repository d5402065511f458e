import { wrapped } from '../model/wrapped.ts';
import {
  counted,
  percent,
  percentInterval,
  points,
  pointsInterval,
  probability,
  pValue,
} from '../report/format-number.ts';
import { textTable } from '../report/text-table.ts';
import type { RateSummary } from '../stats/arm-summary.ts';
import type { TwoArmSummary } from '../stats/comparison.ts';
import type { CountsReport } from './counts-report.ts';

/** The report for a person, without a trailing line break. */
export function countsReportText(report: CountsReport): string {
  const { arms, given } = report;
  const sections = [
    [`Verdict at α = ${given.alpha}: ${report.verdict.word}`, ...proseLines(verdictReasons(report))],
    armTable([
      ['reference', arms.reference],
      ...(arms.sham === null ? [] : [['sham', arms.sham] as const]),
      ['treatment', arms.treatment],
    ]),
    pairSection('Treatment against reference', report.treatmentAgainstReference),
    report.treatmentAgainstSham === null
      ? ['No sham arm was given, so extra scheduling was not separated from the change.']
      : pairSection('Treatment against sham (the causal contrast)', report.treatmentAgainstSham),
    report.shamAgainstReference === null
      ? []
      : pairSection('Sham against reference (ought not to differ)', report.shamAgainstReference),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function verdictReasons({ verdict, couldSee, arms, given, shamAgainstReference }: CountsReport): string[] {
  const conditions = verdict.conditions;
  if (conditions === null) return [];
  const shamFirst =
    shamAgainstReference !== null && shamAgainstReference.boschlooTwoSided <= 0.05
      ? ['First: the sham itself differs from the reference, so the overhead matters.']
      : [];
  const power = `With these runs a cure is seen with ${percent(verdict.powerToZero)} power, ${given.sham === null ? 'at the observed reference rate' : 'against reference and sham together, at their observed rates'}.`;
  const allowed = `${arms.treatment.wedged}/${arms.treatment.runs} still allows a rate of ${percent(arms.treatment.upper95)} (one-sided 95 %).`;
  const against = given.sham === null ? 'the reference' : 'both the reference and the sham';
  switch (verdict.word) {
    case 'fixes':
      return [...shamFirst, `It is below ${against}, and no run had the event.`, allowed];
    case 'reduces':
      return [...shamFirst, `It is below ${against}, but some runs still had the event.`];
    case 'worse':
      return [...shamFirst, `It has the event more often than ${against}.`];
    case 'no-difference':
      return [...shamFirst, `It is not shown to be below ${against}.`, power];
    default:
      return [
        ...shamFirst,
        conditions.controlNeverWedged
          ? 'No run of the reference had the event, so nothing was there to fix.'
          : `It is not shown to be below ${against}. ${power}`,
        couldSee.smallestControlRate === null
          ? 'So few runs could not have seen any difference.'
          : `These runs see a drop to zero (80 % power) from a reference rate of ${percent(couldSee.smallestControlRate)} or more.`,
        ...(couldSee.runsNeeded === null || couldSee.runsStillNeeded === 0
          ? []
          : [
              `From the observed rate it takes ${counted(couldSee.runsNeeded, 'run')} an arm, ${couldSee.runsStillNeeded} more than there are.`,
            ]),
      ];
  }
}

function armTable(rows: readonly (readonly [string, RateSummary])[]): string[] {
  const cells = [
    [
      '',
      'events',
      'rate',
      'Clopper–Pearson 95 %',
      'Wilson 95 %',
      'Jeffreys 95 %',
      'any-time 95 %',
      'at most',
    ],
    ...rows.map(([name, arm]) => [
      name,
      `${arm.wedged}/${arm.runs}`,
      percent(arm.rate),
      percentInterval(arm.clopperPearson95),
      percentInterval(arm.wilson95),
      percentInterval(arm.jeffreys95),
      percentInterval(arm.confidenceSequence95),
      percent(arm.upper95),
    ]),
  ];
  return [
    ...textTable(cells, () => false),
    '"at most" is the one-sided 95 % upper bound; the any-time interval may be read after every run.',
  ];
}

function pairSection(title: string, pair: TwoArmSummary): string[] {
  const { reference, treatment } = pair.counts;
  const rows: [string, string][] = [
    [
      'Difference of rates',
      `${points(pair.difference)} (Newcombe 95 %: ${pointsInterval(pair.newcombeDifference95)})`,
    ],
    ["Boschloo's exact test", bothSides(pair.boschlooLess, pair.boschlooTwoSided)],
    ["Fisher's exact test", bothSides(pair.fisherLess, pair.fisherTwoSided)],
  ];
  const lines = rows.map(([label, value]) => `  ${label.padEnd(22)}  ${value}`);
  const tail = pair.binomialTail;
  if (tail === null) return [title, ...lines];
  const origin =
    tail.p0Source === 'given'
      ? `the given rate of ${percent(tail.p0)}`
      : `the rate of ${percent(tail.p0)}, itself estimated from ${counted(reference.runs, 'run')},`;
  const fewEvents = treatment.wedged === 0 ? 'no event' : `at most ${counted(treatment.wedged, 'event')}`;
  return [
    title,
    ...lines,
    `  ${'Binomial tail'.padEnd(22)}  ${pValue(tail.p)}, taking p0 as known`,
    ...proseLines(
      [
        `The binomial tail is the chance of ${fewEvents} in ${counted(treatment.runs, 'run')} if ${origin} were the exact truth.`,
        `Without that assumption the exact tests give ${probability(pair.fisherLess)} (Fisher) and ${probability(pair.boschlooLess)} (Boschloo) one-sided.`,
      ],
      '  ',
    ),
  ];
}

function bothSides(less: number, twoSided: number): string {
  return `one-sided ${pValue(less)}, two-sided ${pValue(twoSided)}`;
}

function proseLines(sentences: readonly string[], indent = ''): string[] {
  return sentences.length === 0 ? [] : [`${indent}${wrapped(sentences.join(' '), indent)}`];
}
