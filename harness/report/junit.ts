import { cleanLine, cleanText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { isObserved, runStatus } from '../model/run-status.ts';
import { stallReason } from '../oracle/classify-client.ts';
import { eventWords } from './endpoint-words.ts';
import { escapeXml } from './escape.ts';
import { eventSeen, stallSeen } from './event-seen.ts';
import { limitWords } from './limit-signs.ts';
import type { Report } from './report.ts';
import { kindWords } from './words.ts';

/**
 * JUnit XML: a suite an arm, a case a run. The endpoint's event is a `failure` in a treatment arm, and in every arm
 * of an experiment without a treatment. In the reference arms of a comparison it is what the experiment needs, so it
 * is `skipped` with that reason, and a build does not turn red because its control showed it. So is a stall of the
 * client in a run that completed. A run that ended otherwise, and a harness fault, is an `error`. Times are seconds; there are no time stamps of rendering.
 */
export function junitXml(report: Report): string {
  const { protocol } = report;
  const hasTreatment = report.protocol.arms.some(({ role }) => role === 'treatment');
  const byArm = new Map<string, RunRecord[]>(report.protocol.arms.map(({ name }) => [name, []]));
  for (const run of report.runs) byArm.get(run.arm)?.push(run);
  const suites = report.protocol.arms.map((arm) => {
    const isReference = hasTreatment && arm.role !== 'treatment';
    const runs = byArm.get(arm.name) ?? [];
    const wedged = runs.filter(
      (run) => runStatus(run, protocol) === 'wedged' || hasOnlyStalled(run, protocol),
    ).length;
    const errors = runs.filter((run) => !isObserved(runStatus(run, protocol))).length;
    const name = attribute(arm.name);
    const totals = counts(runs, {
      failures: isReference ? 0 : wedged,
      errors,
      skipped: isReference ? wedged : 0,
    });
    const cases = runs.map((run) => testCase(run, name, isReference, protocol));
    return {
      totals,
      runs,
      xml: [`  <testsuite name="${name}" ${totals.attributes}>`, ...cases, '  </testsuite>'],
    };
  });
  const sum = (pick: (totals: Totals) => number) =>
    suites.reduce((total, suite) => total + pick(suite.totals), 0);
  const all = counts(report.runs, {
    failures: sum((totals) => totals.failures),
    errors: sum((totals) => totals.errors),
    skipped: sum((totals) => totals.skipped),
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="kernel-soak" ${all.attributes}>`,
    ...suites.flatMap(({ xml }) => xml),
    '</testsuites>',
    '',
  ].join('\n');
}

interface Totals {
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
}

function counts(runs: readonly RunRecord[], totals: Totals): Totals & { readonly attributes: string } {
  const elapsedMs = runs.reduce((sum, run) => sum + runMs(run), 0);
  return {
    ...totals,
    attributes: `tests="${runs.length}" failures="${totals.failures}" errors="${totals.errors}" skipped="${totals.skipped}" time="${seconds(elapsedMs)}"`,
  };
}

function testCase(run: RunRecord, className: string, isReference: boolean, protocol: Protocol): string {
  const head = `    <testcase classname="${className}" name="${attribute(run.run)}" time="${seconds(runMs(run))}"`;
  const status = runStatus(run, protocol);
  const stall = stallSeen(run, protocol);
  if (hasOnlyStalled(run, protocol)) {
    const message = attribute(`${stall}: ${run.stalls?.[0] === undefined ? '' : stallReason(run.stalls[0])}`);
    return isReference
      ? `${head}><skipped message="in a reference arm, ${message}"/></testcase>`
      : `${head}><failure type="client-stalled" message="${message}"></failure></testcase>`;
  }
  if (status === 'completed') return `${head}/>`;
  const { kind, reason, error, stderrTail, stdoutTail } = run.outcome;
  const seen = eventSeen(run, protocol);
  const beside = [limitWords(run, protocol), stall ?? ''].filter((words) => words !== '').join('; ');
  const message = attribute(`${seen ?? kindWords(kind)}: ${reason}${beside === '' ? '' : `; ${beside}`}`);
  if (status === 'wedged' && isReference) {
    return `${head}><skipped message="${eventWords(protocol).past} in a reference arm: ${message}"/></testcase>`;
  }
  const element = status === 'wedged' ? 'failure' : 'error';
  const type = seen === null ? kind : (protocol.endpoint ?? kind);
  const details = [
    ...(error === null ? [] : [`${error.ename}: ${error.evalue}`]),
    ...(stderrTail === null ? [] : [stderrTail]),
    ...(stdoutTail === undefined ? [] : [stdoutTail]),
  ].join('\n');
  return `${head}><${element} type="${type}" message="${message}">${escapeXml(cleanText(details))}</${element}></testcase>`;
}

/** Whether nothing is wrong with a run but that its client stalled. */
function hasOnlyStalled(run: RunRecord, protocol: Protocol): boolean {
  return runStatus(run, protocol) === 'completed' && stallSeen(run, protocol) !== null;
}

function runMs(run: RunRecord): number {
  return (run.startMs ?? 0) + (run.notebookMs ?? 0);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attribute(content: string): string {
  return escapeXml(cleanLine(content));
}
