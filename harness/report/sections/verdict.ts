import type { EqualityCheck, VerdictAnalysis } from '../../stats/analysis.ts';
import type { ArmAnalysis } from '../../stats/arm-summary.ts';
import type { Comparison } from '../../stats/comparison.ts';
import { isDeadlineEvent } from '../../stats/sensitivity.ts';
import type { VerdictWord } from '../../stats/verdict-words.ts';
import { code, enumeration, joined, type Line, line, plainLine, strong, text } from '../document.ts';
import { eventWords, withArticle } from '../endpoint-words.ts';
import {
  counted,
  duration,
  eValue,
  percent,
  percentInterval,
  points,
  pointsInterval,
  pValue,
  significant,
} from '../format-number.ts';
import { eventsAlone, eventsAndTrouble, stillWords } from '../remaining-trouble.ts';
import { isObserverCheck, type Report } from '../report.ts';
import { armNames, driftWords, num, testWords } from '../words.ts';
import { manyChangesWarnings } from './arm-environments.ts';
import { baselineSentences, givenRateSentences } from './baseline.ts';
import { shamMatter, voidShamLines } from './exposure.ts';
import { secondEventLines } from './stalls.ts';
import { heterogeneityLines, shardLines, stratifiedTestWords } from './strata.ts';
import { neverInWords, noRunWords, withheldWords } from './withheld.ts';

/** The verdict in sentences. A single arm has only its count. */
export function verdictLines(report: Report): Line[] {
  return [...firstVerdictLines(report), ...secondEventLines(report)];
}

function firstVerdictLines(report: Report): Line[] {
  const { analysis } = report;
  if (analysis.arms.length === 1) return [loneArmLine(report)];
  if (analysis.verdicts.length === 0) return [noTreatmentLine(report)];
  const order: readonly VerdictWord[] = [
    'worse',
    'fixes',
    'reduces',
    'no-difference',
    'inconclusive',
    'no-verdict',
  ];
  return order.flatMap((word) => {
    const verdicts = analysis.verdicts.filter((verdict) => verdict.word === word);
    if (word === 'no-verdict') return verdicts.length === 0 ? [] : [noVerdictLine(report, verdicts)];
    return alikeVerdicts(verdicts).map((group) => groupLine(report, word, group));
  });
}

/** Verdicts with one word, grouped so that one sentence can say each group. A withheld verdict stands alone. */
function alikeVerdicts(verdicts: readonly VerdictAnalysis[]): VerdictAnalysis[][] {
  const groups = new Map<string, VerdictAnalysis[]>();
  for (const verdict of verdicts) {
    const key = verdict.withheld.length > 0 ? verdict.treatment : '';
    groups.set(key, [...(groups.get(key) ?? []), verdict]);
  }
  return [...groups.values()];
}

function groupLine(
  report: Report,
  word: Exclude<VerdictWord, 'no-verdict'>,
  group: readonly VerdictAnalysis[],
): Line {
  const names = armNames(group.map(({ treatment }) => treatment));
  const several = group.length > 1;
  const words = eventWords(report.protocol);
  const counts = line`${treatmentCounts(report, group)}. ${referenceCounts(report)}`;
  switch (word) {
    case 'fixes':
      return line`${fixedWords(report, group)} ${evidenceWords(report, group)}. ${allowanceWords(report, group)}`;
    case 'reduces':
      return line`${claimWords(report, group, line`${names} ${text(several ? 'reduce' : 'reduces')} the ${text(words.rate)} but ${text(several ? 'do' : 'does')} not end it`, 'and')} ${evidenceWords(report, group)}.`;
    case 'worse':
      return line`${strong(...line`${names} ${text(several ? 'are' : 'is')} worse than ${referenceWords(report)}`)}: ${counts}. ${worseWords(report, group)}.`;
    case 'no-difference': {
      const [together, rates] = referencesOf(report).length > 1 ? [' together', 'rates'] : ['', 'rate'];
      return line`${strong(...line`No difference shown for ${names}`)}: ${counts}. ${evidenceWords(report, group)}. The experiment had ${num(percent(smallest(group.map(({ powerToZero }) => powerToZero))))} power to see a cure against ${referenceNames(report)}${text(together)}, at the observed ${text(rates)}.`;
    }
    case 'inconclusive':
      return inconclusiveLine(report, group, counts);
  }
}

/** `fix fixes it`; only the endpoint's event, if its users would still meet something else. */
function fixedWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  const names = group.map(({ treatment }) => treatment);
  const isWhole = stillWords(report, names).length === 0;
  const what = isWhole ? 'it' : `the ${eventWords(report.protocol).noun}`;
  const claim = line`${armNames(names)} ${text(names.length > 1 ? 'fix' : 'fixes')} ${text(what)}`;
  return claimWords(report, group, claim, 'but');
}

/** A claim with the counts. What the treatments' users would still meet stands in the claim's own sentence. */
function claimWords(
  report: Report,
  group: readonly VerdictAnalysis[],
  claim: Line,
  conjunction: 'and' | 'but',
): Line {
  const still = stillWords(
    report,
    group.map(({ treatment }) => treatment),
  );
  if (still.length === 0)
    return line`${strong(...claim)}: ${treatmentCounts(report, group)}. ${referenceCounts(report)}.`;
  const alone = treatmentCounts(report, group, eventsAlone);
  return line`${strong(...line`${claim}, ${text(conjunction)} ${still}`)}. ${capitalised(alone)}. ${referenceCounts(report)}.`;
}

function inconclusiveLine(report: Report, group: readonly VerdictAnalysis[], counts: Line): Line {
  const head = strong(...line`Inconclusive for ${armNames(group.map(({ treatment }) => treatment))}`);
  const [first] = group;
  const withheld = first === undefined ? [] : withheldWords(report, first);
  if (first?.conditions?.claimHolds === true && withheld.length > 0)
    return line`${head}: ${counts}. ${withheld}`;
  if (group.every(({ conditions }) => conditions?.controlNeverWedged)) {
    return line`${head}: ${controlSubject(report)} never ${text(eventWords(report.protocol).past)}, so the experiment says nothing about ${text(group.length > 1 ? 'these arms' : 'this arm')}. ${capitalised(counts)}. ${couldSeeWords(report, group)}`;
  }
  const why = withheld.length === 0 ? line`` : line`${withheld} `;
  return line`${head}: ${counts}. ${evidenceWords(report, group)}. ${why}${couldSeeWords(report, group)}`;
}

/** What the experiment could have seen, and how many runs are missing: for the treatment that needs most. */
function couldSeeWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  const [first] = group;
  if (first === undefined) return [];
  const { past, advice } = eventWords(report.protocol);
  const { smallestDrop, smallestControlRate, runsStillNeeded } = group.reduce(
    (worst, { couldSee }) =>
      (couldSee.runsStillNeeded ?? Number.POSITIVE_INFINITY) >
      (worst.runsStillNeeded ?? Number.POSITIVE_INFINITY)
        ? couldSee
        : worst,
    first.couldSee,
  );
  const isOfStrata = report.analysis.strata !== undefined;
  const sentences: Line[] = isOfStrata
    ? [line`These figures add up all strata, as if they were one host.`]
    : [];
  if (smallestDrop !== null) {
    sentences.push(
      line`With 80 % power, the experiment could have seen a drop of ${num(points(smallestDrop).replace('+', ''))} or more.`,
    );
  } else if (smallestControlRate !== null) {
    sentences.push(
      line`With 80 % power, the experiment could have seen a drop to zero from a control rate of ${num(percent(smallestControlRate))} or more.`,
    );
  } else {
    sentences.push(line`An experiment of this size sees no drop with 80 % power.`);
  }
  if (runsStillNeeded !== null && runsStillNeeded > 0) {
    sentences.push(
      line`To see a cure at the observed rates, ${num(counted(runsStillNeeded, 'more run'))} of each arm are needed.`,
    );
  } else if (runsStillNeeded === null) {
    sentences.push(
      line`The references ${text(past)} too rarely to say how many more runs are needed. ${text(advice)}`,
    );
  }
  return joined(sentences);
}

/** That there is no verdict is said once, of all treatments together, with every reason. */
function noVerdictLine(report: Report, verdicts: readonly VerdictAnalysis[]): Line {
  const head = strong(...line`No verdict for ${armNames(verdicts.map(({ treatment }) => treatment))}`);
  const withReason = (reason: string) => verdicts.filter(({ gate }) => gate?.reason === reason);
  const empty = [...new Set(withReason('no-valid-run').flatMap(({ gate }) => gate?.arms ?? []))];
  const reasons = [
    ...(verdicts.some(({ gate }) => gate === null || gate.reason === 'no-control-arm')
      ? [line`the experiment has no control arm to compare with`]
      : []),
    ...(empty.length === 0 ? [] : [noRunWords(report, empty)]),
    ...neverInReasons(withReason('never-in'), verdicts.length > 1),
  ];
  return line`${head}: ${joined(reasons, '; ')}.`;
}

/** Why changes never took effect, one clause for those with the same reason. */
function neverInReasons(verdicts: readonly VerdictAnalysis[], areNamed: boolean): Line[] {
  const groups = new Map<string, Line[]>();
  for (const verdict of verdicts) {
    const why = neverInWords(verdict);
    const words = plainLine(why);
    groups.set(words, [...(groups.get(words) ?? []), [code(verdict.treatment)]]);
  }
  return [...groups].map(([words, names]) =>
    areNamed ? line`of ${enumeration(names)}, ${text(words)}` : [text(words)],
  );
}

function loneArmLine(report: Report): Line {
  const [arm] = report.analysis.arms;
  if (arm === undefined) return [];
  if (arm.runs === 0) return line`${strong(text('No verdict'))}: ${noRunWords(report, [arm.name])}.`;
  const sentences = [
    line`${strong(...armCounts(report, [arm]))}. The 95 % interval is ${num(percentInterval(arm.clopperPearson95))}, and the count allows ${text(withArticle(eventWords(report.protocol).rate))} of up to ${num(percent(arm.upper95))} (one-sided 95 %).`,
  ];
  sentences.push(...baselineSentences(report), ...givenRateSentences(report));
  sentences.push(
    line`Nothing was interleaved with it. A single arm cannot tell a change of the kernel from a change of the day, so there is no verdict.`,
  );
  return joined(sentences);
}

function noTreatmentLine(report: Report): Line {
  const { analysis } = report;
  const counts = line`${armCounts(report, analysis.arms)}.`;
  if (analysis.aa.length === 0) return line`${strong(text('No treatment arm, so no verdict'))}: ${counts}`;
  return joined([...analysis.aa.map((check) => equalityLine(report, check)), counts]);
}

/** One sentence on two controls: the difference with its interval, and what it checks. */
export function equalityLine(report: Report, check: EqualityCheck): Line {
  const pair = report.analysis.comparisons.find(
    ({ kind, treatment }) => kind === 'a-a' && treatment === check.arm,
  );
  const difference =
    pair === undefined
      ? line``
      : line`difference ${num(points(pair.difference))} (95 % interval ${num(pointsInterval(pair.newcombeDifference95))}), `;
  const figures = line`${code(check.arm)} against ${code(check.reference)}, ${difference}two-sided ${num(pValue(check.pTwoSided))}`;
  if (isObserverCheck(report, check)) {
    const head = check.decided ? 'Observation changes the rate' : 'No effect of observation shown';
    return line`${strong(text(head))}: ${figures}. Nothing was injected into ${code(check.arm)}.`;
  }
  const head = `The A/A check found ${check.decided ? 'a' : 'no'} difference`;
  return line`${strong(text(head))}${text(check.decided ? ', which it must not' : ', as it should be')}: ${figures}.`;
}

type CountWords = (arm: ArmAnalysis, report: Report) => Line;

/** `it wedged in 0 of 20 runs (0 %)`, or each with its own count. */
function treatmentCounts(
  report: Report,
  group: readonly VerdictAnalysis[],
  countWords: CountWords = eventsAndTrouble,
): Line {
  const arms = group.flatMap(
    ({ treatment }) => report.analysis.arms.find(({ name }) => name === treatment) ?? [],
  );
  const [first] = arms;
  if (first === undefined) return [];
  const counts = (arm: ArmAnalysis) => plainLine(countWords(arm, report));
  if (!arms.every((arm) => counts(arm) === counts(first))) return armCounts(report, arms, countWords);
  return line`${text(arms.length === 1 ? 'it' : 'each')} ${text(eventWords(report.protocol).past)} in ${countWords(first, report)}`;
}

/** `` `control` wedged in 14 of 20 runs (70.0 %), `sham` in 13 of 20 runs (65.0 %) `` */
function armCounts(
  report: Report,
  arms: readonly ArmAnalysis[],
  countWords: CountWords = eventsAndTrouble,
): Line {
  const { past } = eventWords(report.protocol);
  return joined(
    arms.map(
      (arm, index) =>
        line`${code(arm.name)}${text(index === 0 ? ` ${past}` : '')} in ${countWords(arm, report)}`,
    ),
    ', ',
  );
}

function referenceCounts(report: Report): Line {
  return armCounts(
    report,
    report.analysis.arms.filter(({ role }) => role !== 'treatment'),
  );
}

/** The weakest evidence in the group, because the claim rests on it; also for the composite, if that differs. */
function evidenceWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  const arms = [...referencesOf(report), ...group.map(({ treatment }) => treatment)];
  const compete = report.analysis.arms.some(
    ({ name, competing }) => competing.wedged > 0 && arms.includes(name),
  );
  const endpoint = endpointEvidenceWords(report, group);
  if (!compete) return endpoint;
  const composite = largest(group.map((verdict) => verdict.composite?.pHolm ?? null));
  return line`${endpoint}. If every run that ended otherwise counts as an event, in all arms, ${num(pValue(composite))}${text(group.length > 1 ? ' at most' : '')}`;
}

function endpointEvidenceWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  const { test, alpha, strata, verdicts } = report.analysis;
  const holm = verdicts.length > 1 ? `, after Holm over ${verdicts.length} treatments` : '';
  const head = line`Against ${referenceNames(report)}, `;
  const level = `α = ${significant(alpha, 3)}`;
  const bound = `bound 1/α = ${significant(1 / alpha, 6)}`;
  const p = `${pValue(largest(group.map(({ pHolm }) => pHolm)))}${group.length > 1 ? ' at most' : ''}${holm} (${level})`;
  const pairs = group.flatMap(({ treatment }) => pairsOf(report, treatment));
  if (test === 'boschloo') {
    const name = strata === undefined ? testWords(test) : `the ${stratifiedTestWords(test, strata.length)}`;
    return line`${head}${text(name)} gives ${num(p)}`;
  }
  if (strata !== undefined) {
    const product = eValue(smallest(pairs.map((pair) => pair.stratified?.logE ?? 0)));
    return line`${head}the ${text(stratifiedTestWords(test, strata.length))} is ${num(`${product} (${bound}), which gives ${p}`)}`;
  }
  const weakest = eValue(smallest(pairs.map(({ eProcess }) => eProcess.maxLogE)));
  return line`${head}the e-process reached ${text(pairs.length > 1 ? 'at least ' : '')}E = ${num(`${weakest} (${bound}${holm === '' ? '' : `; p = 1/E${holm}`})`)}`;
}

function worseWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  const p = largest(group.map(({ pWorseHolm }) => pWorseHolm));
  return line`The one-sided test for a higher rate than ${referenceWords(report)} gives ${num(pValue(p))}${text(group.length > 1 ? ' at most' : '')} (α = ${num(significant(report.analysis.alpha, 3))})`;
}

/** `control and sham`, or the names of the reference arms. */
function referenceWords(report: Report): Line {
  const names = referencesOf(report);
  const isPlain = names.every((name) => name === 'control' || name === 'sham');
  return isPlain ? [text(names.join(' and '))] : armNames(names);
}

/** The control, as the subject of a sentence. */
function controlSubject(report: Report): Line {
  const name = report.analysis.arms.find(({ role }) => role === 'control')?.name ?? 'control';
  return name === 'control' ? line`the control` : [code(name)];
}

function allowanceWords(report: Report, group: readonly VerdictAnalysis[]): Line {
  // The arm with the fewest runs allows the highest rate, so the bound belongs to its count.
  const runs = Math.min(
    ...group.map(({ treatment }) => report.analysis.arms.find(({ name }) => name === treatment)?.runs ?? 0),
  );
  const upper = largest(group.map(({ upper95 }) => upper95));
  const words = line`0/${num(String(runs))} still allows ${text(withArticle(eventWords(report.protocol).rate))} of up to ${num(percent(upper))} (one-sided 95 %).`;
  const others = group.filter(({ competing }) => (competing?.treatment.wedged ?? 0) > 0);
  if (others.length === 0) return words;
  return joined([
    words,
    ...others.map(
      ({ treatment, composite }) =>
        line`With its other endings counted, ${code(treatment)} has ${num(`${composite?.wedged ?? 0}/${composite?.runs ?? 0}`)}, which allows a rate of up to ${num(percent(composite?.upper95 ?? 1))}.`,
    ),
  ]);
}

/** Control and every sham: the arms that a claim compares with. */
function referencesOf(report: Report): string[] {
  const treatment = report.analysis.verdicts[0]?.treatment ?? '';
  return pairsOf(report, treatment).map(({ reference }) => reference);
}

function referenceNames(report: Report): Line {
  return armNames(referencesOf(report));
}

function pairsOf(report: Report, treatment: string): Comparison[] {
  return report.analysis.comparisons.filter(
    (pair) =>
      pair.treatment === treatment && (pair.kind === 'treatment-control' || pair.kind === 'treatment-sham'),
  );
}

/** What stands before the verdict: anything that makes it less than it seems. */
export function warningLines(report: Report): Line[] {
  const { analysis, progress, protocol } = report;
  const lines: Line[] = [];
  if (report.protocolSha256 !== report.experiment.protocolSha256) {
    lines.push(
      line`${strong(text('The protocol is not the one that was frozen'))}: its hash is ${code(report.protocolSha256)}, but ${code(report.experiment.protocolSha256)} was recorded. Do not rely on anything below.`,
    );
  }
  lines.push(...shardLines(report));
  if (progress.state === 'partial') lines.push(partialLine(report));
  // The verdict itself says which arm it lacks; an arm that no verdict needs is named here.
  const said = new Set(analysis.verdicts.flatMap(({ gate }) => gate?.arms ?? []));
  const empty = analysis.armsWithoutValidRun.filter((name) => !said.has(name));
  if (empty.length > 0 && analysis.arms.length > 1) {
    lines.push(line`${strong(text('An arm without a valid run'))}: ${noRunWords(report, empty)}.`);
  }
  lines.push(...manyChangesWarnings(report));
  for (const arm of analysis.arms) {
    const { engagement } = arm;
    if (engagement.notEngaged.length > 0) {
      lines.push(
        line`${strong(...line`${code(arm.name)} did not act on every reply`)}: in ${num(counted(engagement.notEngaged.length, 'run'))} its counter did not equal the number of replies sent.`,
      );
    }
  }
  lines.push(...voidShamLines(report));
  for (const sham of analysis.shams.filter(({ differs }) => differs)) {
    lines.push(
      line`${strong(...line`${code(sham.arm)} differs from ${code(sham.reference)}`)} (two-sided ${num(pValue(sham.pTwoSided))}): ${text(shamMatter(report, sham.arm))}, so a difference from control is not due to the change alone.`,
    );
  }
  for (const check of analysis.aa.filter(({ decided }) => decided)) {
    if (isObserverCheck(report, check)) {
      lines.push(
        line`${strong(text('Observation changes the rate'))}: ${code(check.arm)}, with nothing injected, differs from ${code(check.reference)} (two-sided ${num(pValue(check.pTwoSided))}).`,
      );
      continue;
    }
    lines.push(
      line`${strong(...line`${code(check.arm)} differs from ${code(check.reference)}`)}, although both are the same arm (two-sided ${num(pValue(check.pTwoSided))}): the experiment cannot be trusted.`,
    );
  }
  lines.push(...heterogeneityLines(report));
  const { drift } = analysis.sensitivity;
  if (drift?.drifted) {
    lines.push(line`${strong(...line`${code(drift.arm)} drifted`)}: ${driftWords(drift, protocol)}.`);
  }
  const { exclusions } = analysis.sensitivity;
  // A verdict that there is not rests on nothing.
  const hasVerdict = analysis.verdicts.some(({ word }) => word !== 'no-verdict');
  if (hasVerdict && exclusions.manyExcluded.length > 0 && !exclusions.unchanged) {
    lines.push(
      line`${strong(text('The verdict rests on the exclusions'))}: more than a tenth of the runs of ${armNames(exclusions.manyExcluded)} are harness faults. The verdict changes if each of them counts against the treatment.`,
    );
  }
  if (hasVerdict && !analysis.sensitivity.deadline.unchanged) {
    lines.push(
      line`${strong(text('The verdict rests on the deadline'))}: at half the deadline (${num(duration(protocol.timeoutMs / 2))}) the verdict changes.`,
    );
  }
  return lines;
}

/** Why an experiment is not whole, by its last session. */
const CAUSES: Readonly<Record<string, string>> = {
  interrupted: 'Interrupted',
  stopped: 'Stopped by a fault of the harness',
  'time-over': 'Stopped by its time limit',
  'ended-early': 'Ended early',
};

function partialLine(report: Report): Line {
  const { analysis, progress } = report;
  const { present } = eventWords(report.protocol);
  const length = isDeadlineEvent(report.protocol) ? 'takes longer' : 'takes another time than the others';
  if (progress.last?.event === 'same-error') {
    const { infinitive } = eventWords(report.protocol);
    return line`${strong(text('Stopped early'))}: ${code(progress.last.reason)}, so no run could show whether it would ${text(infinitive)}. ${num(String(analysis.blocks.counted))} of ${num(counted(analysis.blocks.planned, 'planned block'))} are counted.`;
  }
  const cause = CAUSES[progress.last?.event ?? 'finished'] ?? 'Not finished';
  const takesLonger = ` A time limit depends on them a little, because a run that ${present} ${length}.`;
  const validity =
    analysis.test === 'e-process'
      ? 'E is valid whenever the experiment stops, even by hand.'
      : `A fixed-size test assumes that the stop did not depend on the results.${progress.last?.event === 'time-over' ? takesLonger : ''}`;
  return line`${strong(text(cause))}: ${num(String(analysis.blocks.counted))} of ${num(counted(analysis.blocks.planned, 'planned block'))} are counted. ${text(validity)}`;
}

function capitalised(content: Line): Line {
  const [first, ...rest] = content;
  if (first?.kind !== 'text') return content;
  return [text(first.text.charAt(0).toUpperCase() + first.text.slice(1)), ...rest];
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function smallest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
