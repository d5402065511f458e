import { appendFile } from 'node:fs/promises';
import { fileWithDeadline } from '../model/deadlines.ts';
import { orRefuse } from '../model/or-refuse.ts';
import { plainLine } from './document.ts';
import { escapeAnnotation, escapeAnnotationProperty } from './escape.ts';
import { leadMarkdown } from './evidence.ts';
import { remainingTrouble } from './remaining-trouble.ts';
import type { Report } from './report.ts';
import { verdictLines, warningLines } from './sections/verdict.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** GitHub takes ten annotations of a kind from a step. The summary has the rest. */
const ANNOTATIONS = 10;

/**
 * Workflow commands for GitHub Actions, one a line: each warning as `::warning`, the verdict as `::error` when
 * a treatment is worse or there is no verdict, as `::warning` when users of a treatment would still meet something else
 * than the event, else as `::notice`.
 */
export function githubAnnotations(report: Report): string[] {
  const isBad = report.analysis.verdicts.some(({ word }) => word === 'worse' || word === 'no-verdict');
  const isClean = report.analysis.arms.every(
    (arm) => arm.role !== 'treatment' || remainingTrouble(report, arm).length === 0,
  );
  const command = (level: string, title: string, message: string) =>
    `::${level} title=${escapeAnnotationProperty(title)}::${escapeAnnotation(message)}`;
  return [
    ...warningLines(report)
      .slice(0, ANNOTATIONS)
      .map((warning) => command('warning', 'kernel-soak', plainLine(warning))),
    command(
      isBad ? 'error' : isClean ? 'notice' : 'warning',
      'kernel-soak verdict',
      verdictLines(report).map(plainLine).join(' '),
    ),
  ];
}

/**
 * Tell GitHub Actions, where the command runs in it: the job summary and the annotations.
 *
 * @throws SoakError `summary-not-written`
 */
export async function reportToGithub(
  report: Report,
  environment: Variables,
  write: (text: string) => void,
): Promise<void> {
  await writeGithubSummary(report, environment);
  if (environment['GITHUB_ACTIONS'] === 'true') write(`${githubAnnotations(report).join('\n')}\n`);
}

/**
 * Appends verdict and arms to the job summary when `GITHUB_STEP_SUMMARY` names one; says whether it did.
 *
 * @throws SoakError `summary-not-written`
 */
export async function writeGithubSummary(report: Report, environment: Variables): Promise<boolean> {
  const path = environment['GITHUB_STEP_SUMMARY'];
  if (path === undefined || path === '') return false;
  const remedy = 'Unset GITHUB_STEP_SUMMARY, or make the file writable.';
  const writing = fileWithDeadline('write-summary', appendFile(path, `${leadMarkdown(report)}\n`), path);
  await orRefuse({ code: 'summary-not-written', what: `The job summary ${path}`, remedy }, writing);
  return true;
}
