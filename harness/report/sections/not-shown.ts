import { MEMORY_SAMPLE_MS } from '../../model/memory.ts';
import { type Block, code, joined, type Line, line, list, text } from '../document.ts';
import { eventWords, isAboutWedges } from '../endpoint-words.ts';
import { duration, percent } from '../format-number.ts';
import { isObserverCheck, type Report } from '../report.ts';
import { armNames, num } from '../words.ts';
import { releaseCaveats } from './arm-environments.ts';
import { schedulingCaveat, uncalledLines } from './exposure.ts';
import { otherWaysLine } from './other-ways.ts';

/** The machines and sessions, on which the result may depend beyond its settings. */
function whereRun({ experiment, sessions }: Report): Line {
  const of = ({ platform, arch }: { readonly platform: string; readonly arch: string }) =>
    `${platform} ${arch}`;
  const { sources } = experiment;
  if (sources === undefined || sources.length === 1) {
    const resumed = sessions.some(({ event }) => event === 'resumed');
    return line`on one machine (${code(of(experiment.environment))})${text(resumed ? '' : ', in one session')}`;
  }
  const systems = [...new Set(sources.map(({ environment }) => of(environment)))].sort();
  return line`as ${num(String(sources.length))} sources on ${armNames(systems)}`;
}

/** What the experiment does not show, which is as much a part of the result as what it shows. */
export function notShownBlocks(report: Report): Block[] {
  return [list([...zeroRateLines(report), ...furtherLimitLines(report)])];
}

/** What rate an arm without an event may still have. Nothing where every arm had one. */
export function zeroRateLines({ analysis, protocol }: Report): Line[] {
  const { infinitive } = eventWords(protocol);
  const clean = analysis.arms.filter((arm) => arm.runs > 0 && arm.wedged === 0);
  if (clean.length === 0) return [];
  return [
    line`That the rate is zero: ${joined(
      clean.map(
        (arm, index) =>
          line`${code(arm.name)}${text(index === 0 ? ` may still ${infinitive}` : '')} in up to ${num(percent(arm.upper95))}${text(index === 0 ? ' of runs' : '')}`,
      ),
      ', ',
    )} (one-sided 95 %).`,
  ];
}

/** What else is not shown. */
export function furtherLimitLines(report: Report): Line[] {
  const { analysis, protocol } = report;
  const items: Line[] = [];
  const uncertified = analysis.arms.filter(
    (arm) => isAboutWedges(protocol) && (arm.counts.wedgedByKind['wedged-mute'] ?? 0) > 0,
  );
  if (uncertified.length > 0) {
    const total = uncertified.reduce((sum, arm) => sum + (arm.counts.wedgedByKind['wedged-mute'] ?? 0), 0);
    items.push(
      line`That every wedge is the same wedge: ${num(String(total))} in ${armNames(uncertified.map(({ name }) => name))} ended in a time-out without a certificate, and a time-out alone does not say why.`,
    );
  }
  const caveat = analysis.verdicts.length > 0 ? schedulingCaveat(report) : null;
  if (caveat !== null) items.push(caveat);
  items.push(...uncalledLines(report));
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
  if (protocol.memoryAboveBytes !== undefined) {
    items.push(
      line`Peaks of memory between two samples, ${num(duration(MEMORY_SAMPLE_MS))} apart: a peak that is over sooner may be missed.`,
    );
  }
  const notebooks = protocol.notebooks.map(({ name }) => name);
  items.push(
    line`Other notebooks, traffic or machines: this experiment ran ${armNames(notebooks)} under ${armNames(protocol.traffic)} traffic with latency ${code(protocol.latency.spec)}, ${whereRun(report)}.`,
  );
  const ways = otherWaysLine(report);
  if (ways !== null) items.push(ways);
  if (!analysis.aa.some((check) => isObserverCheck(report, check))) {
    items.push(line`Whether watching changes the rate: every arm ran with the same counters in the kernel.`);
  }
  return items;
}
