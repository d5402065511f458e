import type { ArmAnalysis } from '../../stats/arm-summary.ts';
import { type ArmDiff, armDiffs, cutDiff } from '../arm-diffs.ts';
import {
  type Block,
  code,
  folded,
  type Line,
  line,
  paragraph,
  phrase,
  type Table,
  table,
  text,
} from '../document.ts';
import { armEndings } from '../ending-words.ts';
import { capital, eventWords, isAboutWedges } from '../endpoint-words.ts';
import {
  count,
  counted,
  percent,
  percentInterval,
  perThousand,
  perThousandInterval,
} from '../format-number.ts';
import { clientStalls } from '../remaining-trouble.ts';
import type { Report } from '../report.ts';
import { armNames, engagementWords, num } from '../words.ts';
import { armEnvironmentBlocks } from './arm-environments.ts';

/** The table of arms, right after the verdict: counts of the counted blocks, and all harness faults. */
export function armsTable(report: Report): Table {
  const words = eventWords(report.protocol);
  const invalid = report.invalidRuns.length > 0;
  const competing = report.competingRuns.length > 0;
  const stalls = report.analysis.arms.some((arm) => (clientStalls(arm)?.stalled ?? 0) > 0);
  return table(
    `${words.runsThat} by arm`,
    [
      'Arm',
      'Role',
      `>${words.column}`,
      '>Rate',
      '>95 % interval',
      ...(competing ? ['Ended otherwise'] : []),
      ...(invalid ? ['>Harness faults'] : []),
      ...(stalls ? ['>Client stalled'] : []),
      'Was the change in?',
    ],
    report.analysis.arms.map((arm): Line[] => [
      [code(arm.name)],
      [text(arm.role)],
      line`${num(`${arm.wedged}/${arm.runs}`)}`,
      [num(percent(arm.rate))],
      [num(arm.runs === 0 ? 'n/a' : percentInterval(arm.clopperPearson95))],
      ...(competing ? [[text(armEndings(arm) || 'none')]] : []),
      ...(invalid ? [[num(count(arm.counts.invalid))]] : []),
      ...(stalls ? [[num(stallRatio(arm))]] : []),
      [text(engagementWords(arm.engagement))],
    ]),
  );
}

function stallRatio(arm: ArmAnalysis): string {
  const { stalled, runs } = clientStalls(arm) ?? { stalled: 0, runs: 0 };
  return `${stalled}/${runs}`;
}

/** What each arm is, and its secondary figures. */
export function armsBlocks(report: Report): Block[] {
  const { protocol, analysis } = report;
  const words = eventWords(protocol);
  const isKernels = isAboutWedges(protocol) || protocol.endpoint === 'stalled';
  const ended = isKernels
    ? `(neither completed nor ${words.past})`
    : `before it could be seen whether they ${words.infinitive}`;
  return [
    {
      kind: 'list',
      items: protocol.arms.map(
        (arm) => line`${code(arm.name)} (${text(arm.role)}): ${phrase(arm.description)}`,
      ),
    },
    ...diffBlocks(report),
    ...armEnvironmentBlocks(report),
    { kind: 'figure', name: 'rates' },
    folded(
      line`${text(words.endsRun ? `Upper bounds, anytime-valid intervals, and ${words.nouns} per reply` : 'Upper bounds and anytime-valid intervals')}`,
      [
        table(
          words.endsRun ? `Upper bounds and ${words.nouns} per reply, by arm` : 'Upper bounds, by arm',
          [
            'Arm',
            '>Upper bound',
            '>Anytime-valid interval',
            ...(words.endsRun
              ? [`>${capital(words.nouns)}`, '>Replies', '>Per 1000 replies', '>95 % interval']
              : []),
          ],
          analysis.arms.map((arm): Line[] => [
            [code(arm.name)],
            [num(percent(arm.upper95))],
            [num(percentInterval(arm.confidenceSequence95))],
            ...(words.endsRun
              ? [
                  [num(count(arm.hazard.wedges))],
                  [num(count(arm.hazard.replies))],
                  [num(perThousand(arm.hazard.perReply))],
                  [num(perThousandInterval(arm.hazard.garwood95))],
                ]
              : []),
          ]),
        ),
        paragraph(
          line`Rates cover the counted blocks. They leave out harness faults and runs that ended otherwise ${text(ended)}. ${text(words.endsRun ? `Intervals of ${words.nouns} per reply are Garwood intervals. ` : '')}The upper bound is one-sided 95 %. The anytime-valid interval (a 95 % confidence sequence) holds at every number of runs at once.`,
        ),
      ],
    ),
  ];
}

/** Characters of all diffs together, and of one. Evidence has to stay within what GitHub takes. */
const DIFF_CHARACTERS = 16_000;
const ONE_DIFF_CHARACTERS = 4_000;

/** The diff of each arm that has one, folded. Nothing where no arm is patched. */
function diffBlocks(report: Report): Block[] {
  const diffs = armDiffs(report);
  if (diffs.length === 0) return [];
  const room = Math.min(ONE_DIFF_CHARACTERS, Math.floor(DIFF_CHARACTERS / diffs.length));
  return [
    folded(
      line`The ${num(counted(diffs.length, 'diff'))} of the arms`,
      diffs.flatMap((diff) => diffOf(diff, room)),
    ),
  ];
}

function diffOf({ arms, sha256, text: whole }: ArmDiff, room: number): Block[] {
  const of = line`${armNames(arms)}, SHA-256 of the diff ${code(sha256)}`;
  if (whole === null) return [paragraph(line`${of}. The journal does not hold its text.`)];
  const { shown, lines, shownLines } = cutDiff(whole, room);
  const cut =
    shownLines === lines
      ? line``
      : line` (the first ${num(String(shownLines))} of ${num(String(lines))} lines; the journal holds all)`;
  return [
    paragraph(line`${of}${cut}:`),
    { kind: 'verbatim', language: 'diff', content: shown, limit: ONE_DIFF_CHARACTERS },
  ];
}
