import { cleanText, INLINE_LIMIT } from '../../model/clean-text.ts';
import { type ExposureComparison, shortKinds } from '../../stats/exposure.ts';
import {
  type Block,
  code,
  joined,
  type Line,
  line,
  paragraph,
  strong,
  type Table,
  text,
} from '../document.ts';
import { counted, probability } from '../format-number.ts';
import { armNamed, type Report } from '../report.ts';
import { armNames, num } from '../words.ts';
import { neverInClause, perRun } from './withheld.ts';

/** Shams that say nothing as a reference, and why: what they were short of, or that they were never in. */
export function voidShamLines({ analysis }: Report): Line[] {
  return analysis.arms.flatMap((arm) => {
    if (arm.role !== 'sham') return [];
    const { neverIn } = arm.engagement;
    const short = analysis.exposure.filter((each) => each.arm === arm.name).flatMap(shortKinds);
    const why =
      neverIn !== null
        ? neverInClause(neverIn)
        : short
            .map(
              ({ kind, armPerRun, referencePerRun }) =>
                `${perRun(armPerRun)} ${cleanText(kind, INLINE_LIMIT)} a run against ${perRun(referencePerRun)}`,
            )
            .join('; ');
    if (why === '') return [];
    return [
      line`${strong(...line`${code(arm.name)} says nothing as a reference`)}: ${text(why)}. Extra scheduling was not separated from the change.`,
    ];
  });
}

/** Whether a sham has the change's extra scheduling, so that the change's effect was separated from it. */
export function isSchedulingSham(report: Report, name: string): boolean {
  const arm = armNamed(report, name);
  return arm?.schedules === true || arm?.engagement === 'callbacks';
}

/** What a sham that differs from control shows to matter. */
export function shamMatter(report: Report, name: string): string {
  return isSchedulingSham(report, name) ? 'the overhead itself matters' : 'patching alone matters';
}

/** What does not tell the change from the scheduling that it adds; `null` where a sham does. */
export function schedulingCaveat(report: Report): Line | null {
  const shams = report.analysis.arms.filter(({ role }) => role === 'sham').map(({ name }) => name);
  if (shams.length === 0) {
    return line`What the change does beyond the scheduling it adds: there was no sham arm to tell the two apart.`;
  }
  if (shams.some((name) => isSchedulingSham(report, name))) return null;
  return line`What the change does beyond the scheduling it adds: ${armNames(shams)} ${text(shams.length > 1 ? 'are negative controls' : 'is a negative control')} of patching and ${text(shams.length > 1 ? 'schedule' : 'schedules')} nothing extra.`;
}

/** What each arm was given, as a table, folded by the reader; nothing where there is one arm. */
export function exposureBlocks({ analysis }: Report): Block[] {
  const { exposure } = analysis;
  const [first] = exposure;
  if (first === undefined) return [];
  const unknown = exposure.filter(({ by }) => by === 'none').map(({ arm }) => arm);
  const known = exposure.filter(({ by }) => by !== 'none');
  const unknownWords =
    unknown.length === 0
      ? []
      : [
          paragraph(
            line`Of ${armNames(unknown)} it was not recorded what the kernel was given, or no cell was answered there and on ${code(first.reference)}: no word was withheld for it.`,
          ),
        ];
  if (known.length === 0) return unknownWords;
  const isTotals = known.some(({ by }) => by === 'totals');
  const scope = isTotals
    ? line`The journal has the requests of whole runs only; completed runs are compared.`
    : line`Compared over the cells that were answered in both arms: a run that ended early counts up to its last answered cell.`;
  return [
    exposureTable(known),
    paragraph(
      line`What the kernel was given a run, and what it published. ${scope} An arm is short where its ratio to ${code(first.reference)} is below 0.9 and a permutation test over runs, after Holm over the kinds, gives p < 0.01, where it has none of what ${code(first.reference)} had in several runs, or, with runs too few for that p, where each of its runs has less than each of ${code(first.reference)}.`,
    ),
    ...unknownWords,
  ];
}

const SHORT_WORDS = { gone: 'gone', apart: 'short in every run' } as const;

/** Names of arms and kinds are content: they stand in cells, since a caption or a column's title is the project's own. */
function exposureTable(known: readonly ExposureComparison[]): Table {
  const kinds = [...new Set(known.flatMap((each) => each.kinds.map(({ kind }) => kind)))].sort();
  const found = ({ kinds: all }: ExposureComparison, kind: string) => all.find((each) => each.kind === kind);
  const onArm = (comparison: ExposureComparison, kind: string): Line => {
    const figures = found(comparison, kind);
    if (figures === undefined) return line`${code(comparison.arm)} ${num('0')}`;
    const { armPerRun, referencePerRun, p, short } = figures;
    const against =
      Math.abs(armPerRun - referencePerRun) < 0.005 * referencePerRun
        ? ''
        : ` against ${perRun(referencePerRun)}`;
    const mark =
      short === null
        ? ''
        : short === 'ratio'
          ? `, short (p = ${probability(p ?? 1)})`
          : `, ${SHORT_WORDS[short]}`;
    return line`${code(comparison.arm)} ${num(`${perRun(armPerRun)}${against}${mark}`)}`;
  };
  return {
    kind: 'table',
    caption: 'Exposure a run',
    columns: [
      { title: 'Kind', align: 'left' },
      { title: 'Arm and count a run', align: 'left' },
    ],
    rows: kinds.map((kind): Line[] => [
      [code(kind)],
      joined(
        known.map((each) => onArm(each, kind)),
        '; ',
      ),
    ]),
  };
}

/** Changed functions that no run of an arm called: plumbing may have run where the change itself did not. */
export function uncalledLines({ analysis }: Report): Line[] {
  return analysis.arms.flatMap(({ name, engagement }) => {
    const uncalled = engagement.change?.neverCalled ?? [];
    if (uncalled.length === 0 || engagement.neverIn !== null) return [];
    const shown = uncalled.slice(0, 5).map((each) => each.split(' ')[1] ?? each);
    const more = uncalled.length > shown.length ? ` and ${uncalled.length - shown.length} more` : '';
    return [
      line`That every part of ${code(name)} was tried: no run called ${num(counted(uncalled.length, 'changed function'))} (${armNames(shown)}${text(more)}).`,
    ];
  });
}
