import { appendFile } from 'node:fs/promises';
import { terminalText } from '../model/clean-text.ts';
import { fileWithDeadline } from '../model/deadlines.ts';
import { orRefuse } from '../model/or-refuse.ts';
import { hasStall, runStatus } from '../model/run-status.ts';
import { shellWord } from '../model/shell-word.ts';
import { type Block, code, line, paragraph, phrase, strong, table, text } from './document.ts';
import { type FailRule, type Failure, failures } from './fail-on.ts';
import { counted } from './format-number.ts';
import { markdownBlocks } from './render-markdown.ts';
import type { Report } from './report.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Runs named with a rule, at most. The evidence lists all. */
const NAMED_RUNS = 5;

/** Where a reader of a failed build finds the evidence. */
interface Place {
  /** The report folder. */
  readonly folder: string;
  readonly environment: Variables;
}

/** Names of the runs that a failure is about, in the journal's order. */
export function failedRuns({ rule, arm }: Failure, { runs, protocol }: Report): string[] {
  const own = runs.filter((run) => run.arm === arm);
  const has = (run: Report['runs'][number]): boolean => {
    const status = runStatus(run, protocol);
    switch (rule.kind) {
      case 'competing':
      case 'invalid':
        return status === rule.kind;
      case 'stalled':
        return hasStall(run);
      case 'event':
        return status === 'wedged' || (rule.withStalls === true && hasStall(run));
      case 'worse':
      case 'inconclusive':
        return status === 'wedged';
    }
  };
  return own.filter(has).map(({ run }) => run);
}

/**
 * Tell the reader of a failed build what to do next: which runs met which rule, where the evidence is, and how to read
 * the story of one. In the terminal, and in the job summary of GitHub Actions. Nothing is said where no rule was met.
 *
 * @throws SoakError `summary-not-written`
 */
export async function explainFailures(
  report: Report,
  rules: readonly FailRule[],
  { folder, environment }: Place,
  write: (text: string) => void,
): Promise<void> {
  const met = failures(rules, report).map((failure) => ({ failure, runs: failedRuns(failure, report) }));
  if (met.length === 0) return;
  const first = met.flatMap(({ runs }) => runs)[0];
  for (const { failure, runs } of met) {
    if (runs.length > 0) write(`  ${failure.rule.text}: ${terminalText(namedRuns(runs), 500)}\n`);
  }
  const artifact = environment['KERNEL_SOAK_ARTIFACT'] ?? '';
  if (first !== undefined) {
    const kept = artifact === '' ? '' : `download the artifact ${terminalText(artifact, 100)}, then `;
    const place = artifact === '' ? shellWord(folder) : 'FOLDER';
    write(`Next: ${kept}npm run soak -- explain ${place} ${shellWord(first)}\n`);
  }
  const path = environment['GITHUB_STEP_SUMMARY'] ?? '';
  if (path === '') return;
  const remedy = 'Unset GITHUB_STEP_SUMMARY, or make the file writable.';
  const summary = markdownBlocks(failureBlocks(met, artifact), []);
  const writing = fileWithDeadline('write-summary', appendFile(path, `${summary}\n\n`), path);
  await orRefuse({ code: 'summary-not-written', what: `The job summary ${path}`, remedy }, writing);
}

/** @param artifact the name under which the evidence is kept; empty: it is not known */
function failureBlocks(
  met: readonly { failure: Failure; runs: readonly string[] }[],
  artifact: string,
): Block[] {
  const first = met.flatMap(({ runs }) => runs)[0];
  const place =
    artifact === ''
      ? line`The evidence is the report folder.`
      : line`The evidence is the artifact ${code(artifact)}.`;
  return [
    paragraph(
      line`${strong(text('The job fails'))}, because ${text(met.length === 1 ? 'a rule' : 'rules')} of ${code('--fail-on')} ${text(met.length === 1 ? 'was' : 'were')} met:`,
    ),
    table(
      'Rules that were met',
      ['Rule', 'What happened', 'Runs'],
      met.map(({ failure, runs }) => [
        [code(failure.rule.text)],
        [phrase(failure.reason)],
        runs.length === 0 ? line`none` : [code(namedRuns(runs))],
      ]),
    ),
    first === undefined
      ? paragraph(place)
      : paragraph(line`${place} Read ${code('evidence.md')} in it, then the story of one run:`),
    ...(first === undefined
      ? []
      : [
          {
            kind: 'verbatim' as const,
            content: `npm run soak -- explain FOLDER ${first}`,
            language: 'sh' as const,
          },
        ]),
  ];
}

function namedRuns(runs: readonly string[]): string {
  const named = runs.slice(0, NAMED_RUNS).join(', ');
  return runs.length > NAMED_RUNS ? `${named} and ${counted(runs.length - NAMED_RUNS, 'more run')}` : named;
}
