import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { escapeAnnotation } from './escape.ts';
import { type FailRule, failures, failureWords } from './fail-on.ts';
import { clientName, clientStalls } from './remaining-trouble.ts';
import type { Report } from './report.ts';

/** The exit code of a report as it stands, without rules: invalid if an arm has no valid run (so far). */
export function reportExit({ analysis }: Pick<Report, 'analysis'>): ExitCode {
  return analysis.armsWithoutValidRun.length > 0 ? EXIT_CODES.invalidExperiment : EXIT_CODES.done;
}

/**
 * The exit code of an experiment that is over, whatever its verdict: invalid if an arm has no valid run, failed if a
 * rule of `--fail-on` is met, which is printed. A control that wedged changes nothing.
 */
export function judgedExit(
  report: Report,
  rules: readonly FailRule[],
  write: (text: string) => void,
): ExitCode {
  const reasons = failures(rules, report).map(failureWords);
  for (const reason of reasons) {
    write(`Failed by --fail-on ${terminalText(reason, 300)}\n`);
    if (process.env['GITHUB_ACTIONS'] === 'true')
      write(`::error title=--fail-on::${escapeAnnotation(reason)}\n`);
  }
  const code = reportExit(report);
  const notice = unjudgedStalls(report, rules);
  if (notice !== null) write(`${terminalText(notice, 1_000)}\n`);
  return code === EXIT_CODES.done && reasons.length > 0 ? EXIT_CODES.failed : code;
}

/** What a build that passes should not hide: stalls of the client that no rule looks at. */
function unjudgedStalls({ analysis, protocol }: Report, rules: readonly FailRule[]): string | null {
  const isJudged = rules.some(({ kind, withStalls }) => kind === 'stalled' || withStalls === true);
  const counts = analysis.arms.flatMap((arm) => {
    const { stalled, runs } = clientStalls(arm) ?? { stalled: 0, runs: 0 };
    return stalled === 0 ? [] : [`${stalled} of ${runs} runs of ${arm.name}`];
  });
  if (isJudged || counts.length === 0) return null;
  return `${clientName({ protocol })} stalled in ${counts.join(', ')}. This does not change the exit code. To make it fail, give --fail-on 'stalled>0'.`;
}
