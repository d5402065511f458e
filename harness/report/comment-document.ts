import type { EvidenceAddress } from '../model/evidence-url.ts';
import { type ArmDiff, armDiffs, cutDiff } from './arm-diffs.ts';
import { code, enumeration, type Line, line, type Table } from './document.ts';
import { isAboutWedges } from './endpoint-words.ts';
import { escapeMarkdown, markdownFence } from './escape.ts';
import { figureTexts } from './figures/figures.ts';
import { counted } from './format-number.ts';
import { compactTable, markdownLineWithin } from './render-markdown.ts';
import type { Report } from './report.ts';
import { titleLine } from './report-document.ts';
import { armsTable } from './sections/arms.ts';
import { furtherLimitLines, zeroRateLines } from './sections/not-shown.ts';
import { verdictLines, warningLines } from './sections/verdict.ts';
import { sourceWords, verifyCommands } from './verify-words.ts';
import { armNames, num } from './words.ts';

/** Characters of `comment.md` at most: what a reader of a pull request reads on. */
export const COMMENT_CHARACTERS = 2_500;
/** Characters that are shown of the diffs. */
const DIFF_CHARACTERS = 800;
/** What the diffs may have together, the most that has room. */
const ROOMS_OF_DIFFS = Array.from({ length: 18 }, (_, step) => DIFF_CHARACTERS - 40 * step);
/** Of each diff, where several are shown. */
const GOOD_DIFF_CHARACTERS = 250;
/** Diffs that are named by their hashes alone. */
const NAMED_DIFFS = 4;
/** Characters of a command that is still repeated. */
const COMMAND_CHARACTERS = 240;

/** What each part may take where there is not room for all of it; a little is left for the gaps. */
const SHARES = {
  title: 0.06,
  warnings: 0.16,
  verdict: 0.29,
  table: 0.25,
  facts: 0.09,
  limits: 0.13,
} as const;

/**
 * `comment.md`: a report to paste into a pull request. It holds for every journal: at most `room` characters, no picture
 * by a relative address, and what has no room is cut between words, rows and lines, with a sign of it.
 *
 * @param room characters, 1,200 or more
 */
export function commentMarkdown(report: Report, room: number = COMMENT_CHARACTERS): string {
  const least = armDiffs(report).length === 0 ? 0 : LEAST_DIFF_PART + GAP.length;
  const free = (verify: string) => room - verify.length - GAP.length - 1;
  const everything = parts(report, Number.POSITIVE_INFINITY);
  const verify =
    VERIFY_PARTS.map((part) => part(report)).find((part) => joinedLength(everything) + least <= free(part)) ??
    null;
  const last = verify ?? verifyPart(report, false);
  const chosen = verify === null ? parts(report, free(last) - least) : everything;
  const diff = diffPart(report, free(last) - joinedLength(chosen) - GAP.length);
  return `${[...chosen, diff, last].filter((part) => part !== '').join(GAP)}\n`;
}

const GAP = '\n\n';
/** Of folded diffs of which nothing but a hash is shown. */
const LEAST_DIFF_PART = 260;

/** The last part with the command that runs it again, and without. */
const VERIFY_PARTS = [
  (report: Report) => verifyPart(report, true),
  (report: Report) => verifyPart(report, false),
];

function joinedLength(all: readonly string[]): number {
  return all.filter((part) => part !== '').join(GAP).length;
}

function parts(report: Report, room: number): string[] {
  return [
    `### ${markdownLineWithin(titleLine(report), room * SHARES.title - 4)}`,
    linesWithin(warningLines(report), '> ', GAP, room * SHARES.warnings, 'warning'),
    linesWithin(verdictLines(report), '', GAP, room * SHARES.verdict, 'sentence'),
    tableWithin(armsTable(report), room * SHARES.table),
    markdownLineWithin(factsLine(report), room * SHARES.facts),
    limitsPart(report, room * SHARES.limits),
  ];
}

/** What the runs were of, and whether the wedges were seen to be this wedge. */
function factsLine({ experiment, analysis, protocol }: Report): Line {
  const { environment } = experiment;
  const isOfKernels = protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  const pyzmq = environment.packages['pyzmq'];
  const facts = [
    ...(isOfKernels ? [] : [environment.python, ...(pyzmq === undefined ? [] : [`pyzmq ${pyzmq}`])]),
    `${environment.platform} ${environment.arch}`,
  ];
  const ran = line`Run on ${enumeration(facts.map((fact) => [code(fact)]))}.`;
  const wedges = analysis.arms.reduce((sum, { counts }) => sum + counts.wedged, 0);
  if (!isAboutWedges(protocol) || wedges === 0) return ran;
  const seen = analysis.arms.reduce(
    (sum, { counts }) => sum + (counts.wedgedByKind['wedged-stranded'] ?? 0),
    0,
  );
  return line`${ran} In ${num(String(seen))} of ${num(counted(wedges, 'wedge'))}, the request was seen unread in the kernel's shell socket.`;
}

/** Lines that share so many characters. One that has no room is named in a count. */
function linesWithin(
  lines: readonly Line[],
  prefix: string,
  gap: string,
  room: number,
  what: string,
): string {
  const kept: string[] = [];
  let left = room;
  for (const [index, each] of lines.entries()) {
    const more = lines.length - index;
    const sign = `${prefix}… ${counted(more, `more ${what}`)} in \`evidence.md\``;
    const reserved = index + 1 < lines.length ? sign.length + gap.length : 0;
    const words = markdownLineWithin(each, left - prefix.length - reserved);
    if (words === '') {
      kept.push(sign);
      break;
    }
    kept.push(`${prefix}${words}`);
    left -= prefix.length + words.length + gap.length;
  }
  return kept.join(gap);
}

/** The table as far as it has room, whole rows only, references and the first arms before others. */
function tableWithin(arms: Table, room: number): string {
  const table = withoutLast(arms);
  const whole = compactTable(table);
  if (whole.length <= room) return whole;
  for (let rows = table.rows.length - 1; rows > 0; rows -= 1) {
    const short = `${compactTable({ ...table, rows: table.rows.slice(0, rows) })}${GAP}… ${counted(table.rows.length - rows, 'more arm')} in \`evidence.md\``;
    if (short.length <= room) return short;
  }
  return `… ${counted(table.rows.length, 'arm')} in the table of \`evidence.md\``;
}

/** Whether the change was in is a matter of the verdict; its column is the widest. */
function withoutLast(table: Table): Table {
  return { ...table, columns: table.columns.slice(0, -1), rows: table.rows.map((row) => row.slice(0, -1)) };
}

function limitsPart(report: Report, room: number): string {
  const head = '**What this does not show**\n\n';
  // “Fixes” says itself what rate the count still allows.
  const saysBound = report.analysis.verdicts.some(({ word }) => word === 'fixes');
  const limits = [...(saysBound ? [] : zeroRateLines(report)), ...furtherLimitLines(report)];
  const lines = linesWithin(limits, '- ', '\n', room - head.length, 'limit');
  return lines === '' ? '' : `${head}${lines}`;
}

/** The diffs, folded, in what room there is; where there is not enough, their hashes, or how many there are. */
function diffPart(report: Report, room: number): string {
  const diffs = armDiffs(report);
  const [first] = diffs;
  if (first === undefined) return '';
  const treated = diffs.filter(({ arms }) =>
    arms.some((name) => report.protocol.arms.some((arm) => arm.name === name && arm.role === 'treatment')),
  );
  const chosen = treated.length === 0 ? diffs : treated;
  const others = diffs.length - chosen.length;
  for (let shown = chosen.length; shown >= 0; shown -= 1) {
    for (const characters of shown === 0 ? [0] : ROOMS_OF_DIFFS) {
      const each = Math.floor(characters / Math.max(1, shown));
      // Much of one diff says more than the heads of several.
      if (shown > 1 && each < GOOD_DIFF_CHARACTERS) continue;
      const part = foldedDiffs(chosen, shown, others, each);
      if (part.length <= room) return part;
    }
  }
  const words = `${counted(diffs.length, 'diff')} in \`evidence.md\``;
  return words.length <= room ? words : '';
}

/**
 * @param shown how many of the diffs are shown, from the first on; of the rest, hashes
 * @param others further diffs, such as that of a sham
 */
function foldedDiffs(diffs: readonly ArmDiff[], shown: number, others: number, characters: number): string {
  const whole = diffs.slice(0, shown).map(({ arms, sha256, text }) => {
    const head = `${markdownLineWithin(armNames(arms), 200)}, SHA-256 of the diff \`${sha256}\``;
    if (text === null) return `${head}. Its text was not recorded.`;
    const { shown: beginning, lines, shownLines } = cutDiff(text, characters);
    const cut = shownLines === lines ? '' : ` (cut: the first ${shownLines} of ${lines} lines)`;
    return `${head}${cut}:${GAP}${markdownFence(beginning, 'diff')}`;
  });
  const named = diffs
    .slice(shown, shown + NAMED_DIFFS)
    .map(
      ({ arms, sha256 }) => `${markdownLineWithin(armNames(arms), 60)} (SHA-256 \`${sha256.slice(0, 16)}\`)`,
    );
  const unnamed = diffs.length - shown - named.length + others;
  const rest = [...named, ...(unnamed === 0 ? [] : [counted(unnamed, 'more diff')])].join(', ');
  const further = rest === '' ? [] : [`… in \`evidence.md\`: ${rest}`];
  const title = diffs.length + others === 1 ? 'The diff' : `The ${diffs.length + others} diffs`;
  return `<details>\n<summary>${title}</summary>${GAP}${[...whole, ...further].join(GAP)}${GAP}</details>`;
}

/** Folded. Nothing in it is long but the command, which is left out where it is or where it has no room. */
function verifyPart({ experiment, journalSha256, protocol }: Report, withCommand: boolean): string {
  const { command } = experiment;
  const again =
    withCommand && command.length <= COMMAND_CHARACTERS
      ? ['Run it again, with new kernels and other counts:', markdownFence(command, 'sh')]
      : ['The command that runs it again is in `evidence.md`.'];
  return [
    '<details>\n<summary>Verify it, or run it again</summary>',
    `${escapeMarkdown(sourceWords(protocol.harness))}. This computes every number again from the report's folder, whose journal has SHA-256 \`${journalSha256}\`. No kernel is started:`,
    markdownFence(verifyCommands(), 'sh'),
    ...again,
    'What each number means is in `docs/statistics.md` there.',
    '</details>',
  ].join(GAP);
}

/** What stands around `comment.md` in a comment that is posted. */
export interface CommentFrame {
  /** First line, by which the comment is found again. */
  readonly marker: string;
  /** Last line: where the journal is. */
  readonly footer: string;
  /** Where the report is published; `null`: nowhere, so that there is no picture. */
  readonly address: EvidenceAddress | null;
}

/** A comment as it is posted: `comment.md` with what is known where it is posted, in as many characters. */
export function framedComment(report: Report, { marker, footer, address }: CommentFrame): string {
  const picture = address === null ? '' : `${pictureWords(report, address)}${GAP}`;
  const around = marker.length + picture.length + footer.length + 3;
  return `${marker}\n${commentMarkdown(report, COMMENT_CHARACTERS - around)}\n${picture}${footer}\n`;
}

function pictureWords(report: Report, { page, files }: EvidenceAddress): string {
  const link = `[The whole evidence, with every figure and run](${page})`;
  const rates = figureTexts(report).find(({ name }) => name === 'rates');
  return rates === undefined
    ? link
    : `![Share of runs by arm](${files}/figures/rates-light.svg)${GAP}${link}`;
}
