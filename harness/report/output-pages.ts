import { diffLines } from 'diff';
import type { CellListing, KeptText, ListedOutput } from '../model/cell-outputs.ts';
import { cleanText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutputLoss } from '../model/output-loss.ts';
import { labelOf } from '../oracle/output-losses.ts';
import { expectedListings } from '../oracle/reference-outputs.ts';
import { escapeHtml } from './escape.ts';
import type { Report } from './report.ts';
import { STYLE_SHEET } from './style-sheet.ts';

/** Pages of each arm: the first runs that lost output. The journal has what all the others showed. */
const PAGES_OF_ARM = 10;
/** Cells of one page. */
const CELLS_OF_PAGE = 100;
/** Characters of one text. */
const SHOWN_CHARACTERS = 20_000;
/** Beyond so many changed lines two texts stand side by side without marks. */
const MAX_MARKED_LINES = 400;

const PAGE_STYLE = `main { max-width: 90rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.sides > div { min-width: 0; }
.sides h3 { font-size: 0.95rem; color: var(--muted); margin: 0 0 0.4rem; }
del, ins { text-decoration: none; border-left: 3px solid var(--warn); padding-left: 0.3rem; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
del { border-left-style: solid; }
ins { border-left-style: dashed; }
@media (max-width: 40rem) { .sides { grid-template-columns: 1fr; } }`;

/** Folder of the pages, in that of the report. */
export const PAGES_FOLDER = 'outputs';

/** A page that puts what a run was to show beside what it showed. */
export interface OutputPage {
  readonly run: RunRecord;
  readonly path: string;
  readonly content: string;
}

/** Whether some of what the run was to show is lost. */
export function hasLost({ losses }: Pick<RunRecord, 'losses'>): boolean {
  return losses?.some(({ loss }) => loss !== 'differs') === true;
}

/** One page for each of the first runs of each arm that lost output. They are made from the journal alone. */
export function outputPages(report: Report): OutputPage[] {
  const { protocol, runs, outputs, experiment } = report;
  const counts = new Map<string, number>();
  return runs.filter(hasLost).flatMap((run) => {
    const count = (counts.get(run.arm) ?? 0) + 1;
    counts.set(run.arm, count);
    if (count > PAGES_OF_ARM) return [];
    const expected = expectedListings(experiment, runs, outputs, run.notebook);
    const seen = (run.outputs ?? []).map((hash) => outputs.get(hash) ?? null);
    const title = `${titleOf(run.run)} ${protocol.notebooks[run.notebook]?.name ?? ''}`;
    return [
      {
        run,
        path: `${PAGES_FOLDER}/${run.run}.html`,
        content: page(title, run.losses ?? [], expected, seen),
      },
    ];
  });
}

const DOCTYPE = `<!doctype html>
<html lang="en">`;

function titleOf(run: string): string {
  return `Run ${run}: expected and seen outputs of`;
}

/** Whether a text begins as the page of that run does. */
export function isPageBeginning(run: string, text: string): boolean {
  return text.startsWith(DOCTYPE) && text.includes(`<title>${content(titleOf(run))}`);
}

function page(
  title: string,
  losses: readonly OutputLoss[],
  expected: readonly (CellListing | null)[],
  seen: readonly (CellListing | null)[],
): string {
  const others = losses.flatMap(({ loss, at }) => (loss === 'moved' ? (at ?? []) : []));
  const all = [...new Set([...losses.map(({ cell }) => cell), ...others])].sort((a, b) => a - b);
  const cells = all.slice(0, CELLS_OF_PAGE);
  const left = all.length - cells.length;
  return `${DOCTYPE}
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>${content(title)}</title>
<style>
${STYLE_SHEET}
${PAGE_STYLE}
</style>
</head>
<body>
<main>
<h1>${content(title)}</h1>
<p>Cells are counted from 0 among the executed ones. Texts are shown as they were compared, after sanitising. Left out are cells that showed what was expected.</p>
${cells.map((cell) => section(cell, losses, expected[cell] ?? null, seen[cell] ?? null)).join('\n')}
${left === 0 ? '' : `<p>${left} more cells are not shown here. The journal has them.</p>`}
</main>
</body>
</html>
`;
}

function section(
  cell: number,
  losses: readonly OutputLoss[],
  expected: CellListing | null,
  seen: CellListing | null,
): string {
  const own = losses.filter((loss) => loss.cell === cell).map(lossWords);
  const others = losses
    .filter((loss) => loss.loss === 'moved' && loss.at === cell)
    .map((loss) => `${loss.output} of cell ${loss.cell} is here`);
  const [before, after] = [listingText(expected), listingText(seen)];
  const changes = diffLines(before, after, { maxEditLength: MAX_MARKED_LINES });
  const side = (marked: 'removed' | 'added', tag: string, whole: string) =>
    changes === undefined
      ? content(whole)
      : changes
          .filter((change) => change[marked] || !(change.added || change.removed))
          .map((change) =>
            change[marked] ? `<${tag}>${content(change.value)}</${tag}>` : content(change.value),
          )
          .join('');
  return `<section aria-labelledby="cell-${cell}">
<h2 id="cell-${cell}">Cell ${cell}</h2>
<ul>
${[...own, ...others].map((words) => `<li>${content(words)}</li>`).join('\n')}
</ul>
<div class="sides">
<div><h3>Expected</h3><pre>${side('removed', 'del', before)}</pre></div>
<div><h3>Seen</h3><pre>${side('added', 'ins', after)}</pre></div>
</div>
</section>`;
}

function content(text: string): string {
  return escapeHtml(cleanText(text, SHOWN_CHARACTERS));
}

/** A loss in words, such as `stdout was cut after 12 characters`. */
export function lossWords({ loss, output, at }: OutputLoss): string {
  switch (loss) {
    case 'missing':
      return `${output} is missing`;
    case 'doubled':
      return `${output} is there twice`;
    case 'cut':
      return `${output} is cut: ${at} characters came`;
    case 'moved':
      return `${output} is under cell ${at}`;
    case 'differs':
      return `${output} differs`;
  }
}

function listingText(listing: CellListing | null): string {
  if (listing === null) return '(not known)\n';
  if (listing.outputs.length === 0) return '(nothing)\n';
  const { more } = listing;
  const rest = more === undefined ? '' : `(and ${more.count} more outputs)\n`;
  return `${listing.outputs.map(outputText).join('')}${rest}`;
}

function outputText(output: ListedOutput): string {
  const parts = Object.entries(output.parts).map(([type, text]) => {
    const head = type === 'text/plain' ? '' : `${type}: `;
    return `${head}${shownText(text)}`.replace(/\n?$/, '\n');
  });
  return `[${labelOf(output)}]\n${parts.join('')}`;
}

function shownText(text: KeptText): string {
  if (typeof text === 'string') return text;
  const left = text.length - text.head.length - text.tail.length;
  return `${text.head}\n(${left} characters are left out here, SHA-256 of all ${text.sha256})\n${text.tail}`;
}
