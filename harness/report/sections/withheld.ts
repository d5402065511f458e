import type { VerdictAnalysis } from '../../stats/analysis.ts';
import type { NeverIn, PartlyEngaged, ShortExposure, Withholding } from '../../stats/withholding.ts';
import { code, joined, type Line, line, text } from '../document.ts';
import { armEndings, endingsOf } from '../ending-words.ts';
import { eventWords } from '../endpoint-words.ts';
import { count, percent, pValue } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, num, ratio } from '../words.ts';

/** Why a verdict is less than its counts alone would give. */
export function withheldWords(report: Report, verdict: VerdictAnalysis): Line {
  return joined(verdict.withheld.map((each) => withholdingWords(report, verdict, each)));
}

function withholdingWords(report: Report, verdict: VerdictAnalysis, withholding: Withholding): Line {
  switch (withholding.reason) {
    case 'competing-events':
      return competingWords(report, verdict, withholding.failed);
    case 'exclusions':
      return line`More than a tenth of the runs of ${armNames(withholding.arms)} are harness faults. If all of them count against the treatment, the verdict is ${text(withholding.worst)}.`;
    case 'exposure':
      return exposureWords(withholding);
    case 'not-engaged':
      return partlyWords(withholding);
    case 'never-in':
      return line`${neverInWords(verdict)}.`;
  }
}

// If one kind is gone, others are too. The first kinds say enough, and the table has all.
const SHOWN_KINDS = 3;

function exposureWords({ kinds }: ShortExposure): Line {
  const [first] = kinds;
  if (first === undefined) return [];
  // What was sent before what was published: what was sent provokes the event.
  const ordered = [...kinds].sort((a, b) => Number(isPublished(a.kind)) - Number(isPublished(b.kind)));
  const shown = ordered
    .slice(0, SHOWN_KINDS)
    .map(
      ({ kind, referencePerRun, treatmentPerRun }) =>
        line`${num(perRun(treatmentPerRun))} ${code(kind)} a run against ${num(perRun(referencePerRun))}`,
    );
  const more = kinds.length > SHOWN_KINDS ? `, and ${kinds.length - SHOWN_KINDS} more kinds` : '';
  return line`The change took the traffic away: ${joined(shown, ', ')}${text(more)} (in ${code(first.reference)}).`;
}

function isPublished(kind: string): boolean {
  return kind.startsWith('published ');
}

function partlyWords({ engaged, opportunities, of }: PartlyEngaged): Line {
  const share = num(percent(opportunities === 0 ? null : engaged / opportunities));
  const part = num(`${count(engaged)} of ${count(opportunities)}`);
  const where =
    of === 'replies'
      ? line`The change acted on ${part} replies of completed runs (${share})`
      : line`The change was executed in ${part} completed runs (${share})`;
  return line`${where}. The verdict “fixes” needs 95 %.`;
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
      line`The claim holds only while other endings are left out. If they count as events in all arms, ${code(treatment)} has ${num(`${composite?.wedged ?? 0}/${composite?.runs ?? 0}`)}, ${joined(
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
      line`Its runs ended otherwise more often than those of the references: ${text(armEndings(arm))}, but only ${ratio(competing.references)} of the references together (Fisher's exact test, one-sided ${num(pValue(competing.p))}).`,
    );
  }
  return joined(sentences);
}

/** Why a treatment has no verdict although its runs are valid, as a clause. */
export function neverInWords(verdict: VerdictAnalysis | undefined): Line {
  const never = verdict?.withheld.find((each) => each.reason === 'never-in');
  return line`${text(NEVER_IN_WORDS[never?.why ?? 'counter-zero'])}, so the change never took effect`;
}

/** Why a change never took effect, as a clause. */
export const NEVER_IN_WORDS: Readonly<Record<NeverIn['why'], string>> = {
  'not-loaded': 'no kernel loaded the files that it changes',
  'not-called': 'no kernel executed anything that it changes',
  'counter-zero': 'its counter stayed at zero',
};

/** Arms without a run in which the endpoint was observed, and how their runs ended instead. */
export function noRunWords(report: Report, names: readonly string[]): Line {
  const each = names.map((name) => {
    const arm = report.analysis.arms.find((one) => one.name === name);
    if (arm === undefined || arm.competing.wedged === 0) return null;
    return line`${code(name)} has no run that shows whether it ${text(eventWords(report.protocol).present)}, since ${text(endingsOf(arm.competingByKind, arm.competing.runs))}`;
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

/** A mean count per run, with one decimal unless it is whole. */
export function perRun(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
