import { cleanText, INLINE_LIMIT } from '../../model/clean-text.ts';
import { type ExposureComparison, shortKinds } from '../../stats/exposure.ts';
import {
  type Block,
  code,
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
import { isAboutWedges } from '../endpoint-words.ts';
import { probability } from '../format-number.ts';
import { armNamed, type Report } from '../report.ts';
import { armNames, num } from '../words.ts';
import { NEVER_IN_WORDS, perRun } from './withheld.ts';

/** Shams that cannot serve as a reference, and why: they were short of something, or never took effect. */
export function voidShamLines(report: Report): Line[] {
  const { analysis } = report;
  const without = isAboutTiming(report)
    ? 'the experiment does not separate extra scheduling from the change'
    : 'the experiment does not separate patching itself from the change';
  return analysis.arms.flatMap((arm) => {
    if (arm.role !== 'sham') return [];
    const { neverIn } = arm.engagement;
    const short = analysis.exposure.filter((each) => each.arm === arm.name).flatMap(shortKinds);
    const why =
      neverIn !== null
        ? NEVER_IN_WORDS[neverIn]
        : short
            .map(
              ({ kind, armPerRun, referencePerRun }) =>
                `${perRun(armPerRun)} ${cleanText(kind, INLINE_LIMIT)} a run against ${perRun(referencePerRun)}`,
            )
            .join(', ');
    if (why === '') return [];
    return [
      line`${strong(...line`${code(arm.name)} cannot serve as a reference`)}: ${text(why)}. So ${text(without)}.`,
    ];
  });
}

/** Extra scheduling is a rival explanation where a wedge or a stall is at stake, which timing brings about. */
function isAboutTiming({ protocol }: Report): boolean {
  return isAboutWedges(protocol) || protocol.endpoint === 'stalled';
}

/** Whether a sham has the change's extra scheduling, which separates the change's effect from it. */
function isSchedulingSham(report: Report, name: string): boolean {
  const arm = armNamed(report, name);
  return arm?.schedules === true || arm?.engagement === 'callbacks';
}

/** What a sham that differs from control shows to matter. */
export function shamMatter(report: Report, name: string): string {
  return isSchedulingSham(report, name) ? 'the overhead itself matters' : 'patching alone matters';
}

/** The caveat that nothing tells the change from the scheduling that it adds; `null` if a sham does. */
export function schedulingCaveat(report: Report): Line | null {
  const shams = report.analysis.arms.filter(({ role }) => role === 'sham').map(({ name }) => name);
  if (!isAboutTiming(report)) {
    const isPatched = report.protocol.arms.some(
      ({ role, patchSha256 }) => role === 'treatment' && patchSha256 !== null,
    );
    return shams.length > 0 || !isPatched
      ? null
      : line`What the change does beyond the patching itself: there was no sham arm to tell the two apart.`;
  }
  if (shams.length === 0) {
    return line`What the change does beyond the scheduling it adds: there was no sham arm to tell the two apart.`;
  }
  if (shams.some((name) => isSchedulingSham(report, name))) return null;
  return line`What the change does beyond the scheduling it adds: ${armNames(shams)} ${text(shams.length > 1 ? 'are negative controls' : 'is a negative control')} of patching and ${text(shams.length > 1 ? 'schedule' : 'schedules')} nothing extra.`;
}

/** What each arm was given, as a table. Nothing for a single arm. */
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
            line`For ${armNames(unknown)}, either the journal does not record what the kernel was given, or no cell was answered both there and in ${code(first.reference)}. No verdict was withheld because of this.`,
          ),
        ];
  if (known.length === 0) return unknownWords;
  const isTotals = known.some(({ by }) => by === 'totals');
  const scope = isTotals
    ? line`The journal counts requests for whole runs only, so completed runs are compared.`
    : line`The comparison covers the cells that both arms answered. A run that ended early counts up to its last answered cell.`;
  return [
    exposureTable(known),
    paragraph(
      line`The table shows what the kernel was given in a run, and what it published. ${scope} An arm is short of a kind in any of three cases:`,
    ),
    list([
      line`Its ratio to ${code(first.reference)} is below 0.9, and a permutation test over runs gives p < 0.01 after Holm over the kinds.`,
      line`It never had the kind, and ${code(first.reference)} had it in several runs.`,
      line`There are too few runs for that p, and each run of the arm has less than each run of ${code(first.reference)}.`,
    ]),
    ...unknownWords,
  ];
}

const SHORT_WORDS = { gone: 'gone', apart: 'short in every run' } as const;

/** Names of arms and kinds are content, so they stand in cells: captions and column titles are the project's words. */
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
  return table(
    'Exposure a run',
    'Kind | Count a run, by arm',
    kinds.map((kind): Line[] => [
      [code(kind)],
      joined(
        known.map((each) => onArm(each, kind)),
        '; ',
      ),
    ]),
  );
}

/** Changed functions that no run of an arm called: plumbing may have run where the change itself did not. */
export function uncalledLines({ analysis }: Report): Line[] {
  return analysis.arms.flatMap(({ name, engagement }) => {
    const uncalled = engagement.change?.neverCalled ?? [];
    if (uncalled.length === 0 || engagement.neverIn !== null) return [];
    const shown = uncalled.slice(0, 5).map((each) => each.split(' ')[1] ?? each);
    const more = uncalled.length > shown.length ? ` and ${uncalled.length - shown.length} more` : '';
    return [
      line`That every part of ${code(name)} was tried: no run called ${num(String(uncalled.length))} of its changed functions (${armNames(shown)}${text(more)}).`,
    ];
  });
}
