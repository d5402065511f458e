import { EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { escapeAnnotation, terminalText } from '../report/escape.ts';
import { type FailRule, failures } from '../report/fail-on.ts';
import type { Report } from '../report/report.ts';

/**
 * The exit code of an experiment that is over, whatever its verdict: invalid where an arm has no valid run,
 * failed where a rule of `--fail-on` is met, which is said. A control that wedged changes nothing.
 */
export function judgedExit(
  report: Report,
  rules: readonly FailRule[],
  write: (text: string) => void,
): ExitCode {
  const reasons = failures(rules, report);
  for (const reason of reasons) {
    write(`Failed by --fail-on ${terminalText(reason, 300)}\n`);
    if (process.env['GITHUB_ACTIONS'] === 'true')
      write(`::error title=--fail-on::${escapeAnnotation(reason)}\n`);
  }
  if (report.analysis.armsWithoutValidRun.length > 0) return EXIT_CODES.invalidExperiment;
  return reasons.length > 0 ? EXIT_CODES.failed : EXIT_CODES.done;
}
