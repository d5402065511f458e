import { type Block, code, type Line, line, text } from '../document.ts';
import { percent } from '../format-number.ts';
import { isObserverCheck, type Report } from '../report.ts';
import { armNames, num } from '../words.ts';
import { releaseCaveats } from './arm-environments.ts';

/** What the experiment does not show: as much a part of the result as what it does. */
export function notShownBlocks(report: Report): Block[] {
  const { analysis, protocol, experiment } = report;
  const items: Line[] = [];
  const clean = analysis.arms.filter((arm) => arm.runs > 0 && arm.wedged === 0);
  if (clean.length > 0) {
    items.push(
      line`No wedge is not a rate of zero: ${clean.flatMap((arm, index) => [
        ...(index === 0 ? [] : line`, `),
        ...line`${code(arm.name)} may still wedge in up to ${num(percent(arm.upper95))} of runs`,
      ])} (one-sided 95 %).`,
    );
  }
  const uncertified = analysis.arms.filter((arm) => (arm.counts.wedgedByKind['wedged-mute'] ?? 0) > 0);
  if (uncertified.length > 0) {
    const total = uncertified.reduce((sum, arm) => sum + (arm.counts.wedgedByKind['wedged-mute'] ?? 0), 0);
    items.push(
      line`That every wedge is the same wedge: ${num(String(total))} in ${armNames(uncertified.map(({ name }) => name))} ended in a time-out without a certificate, and a time-out alone does not say why.`,
    );
  }
  if (analysis.verdicts.length > 0 && !analysis.arms.some(({ role }) => role === 'sham')) {
    items.push(
      line`What the change does beyond the scheduling it adds: there was no sham arm to tell the two apart.`,
    );
  }
  items.push(...releaseCaveats(report));
  const uncounted = analysis.arms.filter(
    ({ counts, engagement }) =>
      counts.runs > 0 && engagement.counter !== null && engagement.runsWithCounters === 0,
  );
  if (uncounted.length > 0) {
    items.push(
      line`That the change ran: the counters of ${armNames(uncounted.map(({ name }) => name))} were not read.`,
    );
  }
  const resumed = report.sessions.some(({ event }) => event === 'resumed');
  const notebooks = protocol.notebooks.map(({ name }) => name);
  items.push(
    line`Other notebooks, traffic or machines: this is ${armNames(notebooks)} under ${armNames(protocol.traffic)} traffic with latency ${code(protocol.latency.spec)}, on one machine (${code(`${experiment.environment.platform} ${experiment.environment.arch}`)})${text(resumed ? '' : ', in one session')}.`,
  );
  if (!analysis.aa.some((check) => isObserverCheck(report, check))) {
    items.push(
      line`Whether watching changes the rate: every arm ran with the same counters in the kernel, and none without them.`,
    );
  }
  return [{ kind: 'list', items }];
}
