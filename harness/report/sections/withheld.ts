import type { VerdictAnalysis } from '../../stats/analysis.ts';
import type { Withholding } from '../../stats/withholding.ts';
import { code, joined, type Line, line, text } from '../document.ts';
import { armEndings, endingsOf } from '../ending-words.ts';
import { count, percent, pValue } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, num, ratio } from '../words.ts';

/** Why a verdict is less than its counts alone would give, in sentences. */
export function withheldWords(report: Report, verdict: VerdictAnalysis): Line {
  return joined(verdict.withheld.map((each) => withholdingWords(report, verdict, each)));
}

function withholdingWords(report: Report, verdict: VerdictAnalysis, withholding: Withholding): Line {
  switch (withholding.reason) {
    case 'competing-events':
      return competingWords(report, verdict, withholding.failed);
    case 'exclusions':
      return line`More than a tenth of the runs of ${armNames(withholding.arms)} are harness faults. With all of them counted against the treatment the verdict is ${text(withholding.worst)}.`;
    case 'exposure':
      return joined(
        withholding.kinds.map(
          ({ kind, reference, referencePerRun, treatmentPerRun }) =>
            line`The change took the traffic away: ${num(perRun(treatmentPerRun))} ${code(kind)} a run against ${num(perRun(referencePerRun))} in ${code(reference)}.`,
        ),
      );
    case 'not-engaged':
      return line`The change was in for ${num(count(withholding.engaged))} of ${num(count(withholding.opportunities))} of its opportunities (${num(percent(withholding.opportunities === 0 ? null : withholding.engaged / withholding.opportunities))}), and ${text('fixes')} needs 95 %.`;
    case 'never-in':
      return neverInWords(verdict);
  }
}

/** A claim that holds only while the runs that ended otherwise are left out. */
function competingWords(
  report: Report,
  { treatment, composite, competing }: VerdictAnalysis,
  failed: readonly ('composite' | 'share')[],
): Line {
  const arm = report.analysis.arms.find(({ name }) => name === treatment);
  const sentences: Line[] = [];
  if (failed.includes('composite')) {
    const references = report.analysis.arms.filter(({ role }) => role === 'control' || role === 'sham');
    sentences.push(
      line`It wedged less only as long as its other endings are left out: counted as events too, in all arms, they make it ${num(`${composite?.wedged ?? 0}/${composite?.runs ?? 0}`)}, ${joined(
        references.map(
          ({ name, wedged, competing: others }) =>
            line`${code(name)} ${num(`${wedged + others.wedged}/${others.runs}`)}`,
        ),
        ', ',
      )} (${num(pValue(composite?.pHolm ?? null))}).`,
    );
  }
  if (failed.includes('share') && competing !== null && arm !== undefined) {
    sentences.push(
      line`It ends otherwise more often than its references: ${text(armEndings(arm))}, the references together ${ratio(competing.references)} (Fisher, one-sided ${num(pValue(competing.p))}).`,
    );
  }
  return joined(sentences);
}

/** Why a treatment was never in. */
export function neverInWords(verdict: VerdictAnalysis | undefined): Line {
  const never = verdict?.withheld.find(({ reason }) => reason === 'never-in');
  switch (never?.reason === 'never-in' ? never.why : null) {
    case 'not-loaded':
      return line`no kernel loaded the files that it changes, so that the change was never in.`;
    case 'not-called':
      return line`no kernel called the function that it changes, so that the change was never in.`;
    default:
      return line`its counter stayed at zero, so that the change was never in.`;
  }
}

/** Arms without a run in which the endpoint was observed, and how their runs ended instead. */
export function noRunWords(report: Report, names: readonly string[]): Line {
  const each = names.map((name) => {
    const arm = report.analysis.arms.find((one) => one.name === name);
    if (arm === undefined || arm.competing.wedged === 0) return null;
    return line`${code(name)} has no run that shows whether it wedges, since ${text(endingsOf(arm.competingByKind, arm.competing.runs))}`;
  });
  const silent = names.filter((_, i) => each[i] === null);
  const lines = each.filter((one) => one !== null);
  return joined(
    [
      ...lines,
      ...(silent.length === 0
        ? []
        : [
            line`${armNames(silent)} ${text(silent.length > 1 ? 'have' : 'has')} no valid run in the counted blocks`,
          ]),
    ],
    '; ',
  );
}

/** Rounded so that a count a run reads as one. */
function perRun(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
