import type { EvidenceAddress } from '../model/evidence-url.ts';
import { type ArmDiff, armDiffs, cutDiff } from './arm-diffs.ts';
import type { Line, Table } from './document.ts';
import { escapeMarkdown, markdownFence } from './escape.ts';
import { figureTexts } from './figures/figures.ts';
import { counted } from './format-number.ts';
import { compactTable, markdownLineWithin } from './render-markdown.ts';
import type { Report } from './report.ts';
import { armsTable } from './sections/arms.ts';
import { notShownLines } from './sections/not-shown.ts';
import { verdictLines, warningLines } from './sections/verdict.ts';
import { sourceWords, verifyCommands } from './verify-words.ts';
import { armNames } from './words.ts';

/** Characters of `comment.md` at most: what a reader of a pull request reads on. */
export const COMMENT_CHARACTERS = 2_500;
/** Characters that are shown of the diffs. */
const DIFF_CHARACTERS = 800;
/** Fewer of a diff say nothing. */
const LEAST_DIFF_CHARACTERS = 120;
/** Characters of a command that is still repeated. */
const COMMAND_CHARACTERS = 240;

/** What each part may take where there is not room for all of it; the rest is the diff's. */
const SHARES = { warnings: 0.15, verdict: 0.25, table: 0.23, limits: 0.12 } as const;

/**
 * `comment.md`: a report to paste into a pull request. It holds for every journal: at most `room` characters, no picture
 * by a relative address, and what has no room is cut between words, rows and lines, with a sign of it.
 *
 * @param room characters, 1,500 or more
 */
export function commentMarkdown(report: Report, room: number = COMMENT_CHARACTERS): string {
  const verify = verifyPart(report);
  const free = room - verify.length - GAP.length - 1;
  const whole = parts(report, Number.POSITIVE_INFINITY);
  const used = joinedLength(whole);
  const least = armDiffs(report).length === 0 ? 0 : LEAST_PART;
  const chosen = used + least <= free ? whole : parts(report, room);
  const diff = diffPart(report, free - joinedLength(chosen) - GAP.length);
  return `${[...chosen, diff, verify].filter((part) => part !== '').join(GAP)}\n`;
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

const GAP = '\n\n';
/** Of a folded diff that shows nothing but its hash. */
const LEAST_PART = 260;

function joinedLength(all: readonly string[]): number {
  return all.filter((part) => part !== '').join(GAP).length;
}

function parts(report: Report, room: number): string[] {
  return [
    linesWithin(warningLines(report), '> ', GAP, room * SHARES.warnings, 'warning'),
    linesWithin(verdictLines(report), '', GAP, room * SHARES.verdict, 'sentence'),
    tableWithin(armsTable(report), room * SHARES.table),
    limitsPart(report, room * SHARES.limits),
  ];
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
    const sign = `${prefix}… ${counted(more, `more ${what}`)} in evidence.md`;
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
    const short = `${compactTable({ ...table, rows: table.rows.slice(0, rows) })}${GAP}… ${counted(table.rows.length - rows, 'more arm')} in evidence.md`;
    if (short.length <= room) return short;
  }
  return `… ${counted(table.rows.length, 'arm')} in the table of evidence.md`;
}

/** Whether the change was in is a matter of the verdict; its column is the widest. */
function withoutLast(table: Table): Table {
  return { ...table, columns: table.columns.slice(0, -1), rows: table.rows.map((row) => row.slice(0, -1)) };
}

function limitsPart(report: Report, room: number): string {
  const head = '**What this does not show**\n\n';
  const lines = linesWithin(notShownLines(report), '- ', '\n', room - head.length, 'limit');
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
  for (let shown = chosen.length; shown > 0; shown -= 1) {
    for (const characters of [DIFF_CHARACTERS, 600, 400, 250, LEAST_DIFF_CHARACTERS, 0]) {
      const part = foldedDiffs(chosen.slice(0, shown), diffs.length - shown, Math.floor(characters / shown));
      if (part.length <= room) return part;
    }
  }
  const words = `${counted(diffs.length, 'diff')} in evidence.md`;
  return words.length <= room ? words : '';
}

/** @param more diffs that are not among them */
function foldedDiffs(diffs: readonly ArmDiff[], more: number, characters: number): string {
  const each = diffs.map(({ arms, sha256, text: whole }) => {
    const names = markdownLineWithin(armNames(arms), 200);
    const head = `${names}, SHA-256 of the diff \`${sha256}\``;
    if (whole === null || characters < LEAST_DIFF_CHARACTERS) return `${head}: see evidence.md.`;
    const { shown, lines, shownLines } = cutDiff(whole, characters);
    const cut = shownLines === lines ? '' : ` (cut: the first ${shownLines} of ${lines} lines)`;
    return `${head}${cut}:${GAP}${markdownFence(shown, 'diff')}`;
  });
  const others = more === 0 ? [] : [`… ${counted(more, 'more diff')} in evidence.md`];
  const title = diffs.length + more === 1 ? 'The diff' : `The ${diffs.length + more} diffs`;
  return `<details>\n<summary>${title}</summary>${GAP}${[...each, ...others].join(GAP)}${GAP}</details>`;
}

/** Folded. Nothing in it is long but the command, which is left out where it is. */
function verifyPart({ experiment, journalSha256, protocol }: Report): string {
  const { command } = experiment;
  const again =
    command.length <= COMMAND_CHARACTERS
      ? ['Run it again, with new kernels and other counts:', markdownFence(command, 'sh')]
      : ['The command that runs it again is in evidence.md.'];
  return [
    '<details>\n<summary>Verify it, or run it again</summary>',
    `${escapeMarkdown(sourceWords(protocol.harness))}. This computes every number again from the report's folder, whose journal has SHA-256 ${journalSha256}. No kernel is started:`,
    markdownFence(verifyCommands(), 'sh'),
    ...again,
    'What each number means is in docs/statistics.md there.',
    '</details>',
  ].join(GAP);
}
