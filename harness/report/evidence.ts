import { line } from './document.ts';
import { figures, figureTexts, inlineFigures } from './figures/figures.ts';
import { htmlDocument, type Story } from './render-html.ts';
import { markdownBlocks, markdownDocument } from './render-markdown.ts';
import type { Report } from './report.ts';
import { leadBlocks, reportDocument } from './report-document.ts';
import { listedRuns, runStory, storySummary } from './sections/runs.ts';
import { num } from './words.ts';

export { figures };

/** Stories on the page at most; those that did not complete come first. */
const STORIES = 2_000;

/** `evidence.md`: GitHub-flavoured Markdown, at most 65,536 characters for any experiment of usual names. */
export function evidenceMarkdown(report: Report): string {
  return markdownDocument(reportDocument(report), figureTexts(report));
}

/** `comment.md`: the same in at most `COMMENT_CHARACTERS`, to paste. */
export { commentMarkdown, framedComment } from './comment-document.ts';

/** The verdict and the table of arms alone, as Markdown: a job summary. */
export function leadMarkdown(report: Report): string {
  return `${markdownBlocks(leadBlocks(report), [])}\n`;
}

/** `evidence.html`: the same document as one self-contained page, each run's story at hand. */
export function evidenceHtml(report: Report): string {
  const listed = listedRuns(report, STORIES);
  const stories = listed.map(
    (run): Story => ({ run: run.run, summary: storySummary(run, report), blocks: runStory(run, report) }),
  );
  const storiesNote =
    listed.length === report.runs.length
      ? line`What was seen of each of the ${num(String(listed.length))} runs, in block order.`
      : line`What was seen of ${num(String(listed.length))} of ${num(String(report.runs.length))} runs, those that did not complete first. The journal holds the rest.`;
  return htmlDocument(reportDocument(report), { figures: inlineFigures(report), stories, storiesNote });
}
