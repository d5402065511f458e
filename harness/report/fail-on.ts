import { SoakError } from '../model/errors.ts';
import type { Protocol } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import { countsStalls } from '../stats/second-events.ts';
import { eventWords } from './endpoint-words.ts';
import { clientName, clientStalls } from './remaining-trouble.ts';
import type { Report } from './report.ts';
import { kindCounts } from './words.ts';

/**
 * What a rule looks at. An experiment needs the events of its control and sham, so those fail only by name. An arm that
 * is alone in its experiment is what the experiment is about, whatever its role.
 */
const RULE_KINDS = [
  /** More than this share of a treatment's observed runs, or of the only arm's, had the endpoint's event. */
  'event',
  /** More than this share of an arm's valid runs ended in a competing event. */
  'competing',
  /** More than this share of an arm's recorded runs are harness faults. */
  'invalid',
  /** The client stalled in more than this share of a treatment's runs, where a stall is not itself the event. */
  'stalled',
  /** The verdict of a treatment is this word. */
  'worse',
  'inconclusive',
] as const;

/** A reason for exit code 1 although the command did its work. */
export interface FailRule {
  readonly kind: (typeof RULE_KINDS)[number];
  /**
   * The one arm that it looks at. `null`: every treatment, or the only arm; for `competing` and `invalid` every arm; for
   * `stalled` every arm if there is no treatment.
   */
  readonly arm: string | null;
  /** Share of runs, 0 to 1; 0 for a word. */
  readonly above: number;
  /** Whether a rule about events is met by a stall of the client too, as users of a treatment meet both. */
  readonly withStalls?: true;
  /** As it was given. */
  readonly text: string;
}

const FORMS =
  'treatment-event, event>0, event:ARM>0, competing>0.1, competing:ARM>0.1, stalled>0, stalled:ARM>0, worse, worse:ARM, inconclusive, inconclusive:ARM, invalid>0.1, invalid:ARM>0.1';
const SHARE = /^(0|1|0?\.\d{1,9}|0\.|1\.0*)$/;

/**
 * Parse `--fail-on`: rules separated by commas, each of which is enough to fail. `treatment-event` means `event>0` and,
 * under a client that can stall, `stalled>0`. `treatment-wedged` means `event>0`.
 *
 * @throws SoakError `bad-option`
 */
export function failRules(text: string): FailRule[] {
  return text.split(',').map((part): FailRule => {
    const rule = part.trim();
    if (rule === 'treatment-event')
      return { kind: 'event', arm: null, above: 0, withStalls: true, text: rule };
    if (rule === 'treatment-wedged') return { kind: 'event', arm: null, above: 0, text: rule };
    // The share is after the last `>`, because a name may hold anything but a comma.
    const [, name = '', share] = /^(.*?)(?:\s*>\s*([\d.]+))?$/.exec(rule) ?? [];
    const colon = name.indexOf(':');
    const word = (colon < 0 ? name : name.slice(0, colon)).trim();
    const arm = colon < 0 ? null : name.slice(colon + 1).trim();
    const kind = RULE_KINDS.find((each) => each === word);
    const isWord = kind === 'worse' || kind === 'inconclusive';
    if (kind === undefined || arm === '' || isWord !== (share === undefined)) throw noRule(rule);
    if (share !== undefined && !SHARE.test(share)) throw noRule(rule);
    return { kind, arm, above: share === undefined ? 0 : Number(share), text: rule };
  });
}

function noRule(rule: string): SoakError {
  return new SoakError('bad-option', `--fail-on does not know the rule ${quoted(rule)}.`, {
    remedy: `Give one or more of ${FORMS}, separated by commas. The number is a share of runs, from 0 to 1.`,
    option: { name: 'fail-on' },
  });
}

/**
 * Refuse a rule that can never be met, before the first run: a build that cannot fail is worse than none.
 *
 * @throws SoakError `bad-option`
 */
export function assertCanFail(
  rules: readonly FailRule[],
  protocol: Pick<Protocol, 'arms' | 'client' | 'endpoint'>,
): void {
  const names = protocol.arms.map(({ name }) => name);
  const treatments = protocol.arms.filter(({ role }) => role === 'treatment').map(({ name }) => name);
  for (const { kind, arm, above, text } of rules) {
    const refuse = (reason: string, remedy: string) =>
      new SoakError('bad-option', `--fail-on ${text} can never be met: ${reason}.`, {
        remedy,
        option: { name: 'fail-on' },
      });
    if (above >= 1) throw refuse('no share of runs is above 1', 'Give a smaller share, such as 0.1.');
    if (arm !== null && !names.includes(arm))
      throw refuse(`no arm is named ${arm}`, `Name one of the arms: ${names.join(', ')}.`);
    if (kind === 'stalled' && protocol.client === undefined)
      throw refuse('the harness is the client, and it does not stall', 'Add --client nbclient.');
    if (kind === 'stalled' && countsStalls(protocol.endpoint))
      throw refuse('a stall is an event that is counted', 'Give treatment-event, or event:ARM>0.');
    const isOfTreatment = kind === 'worse' || kind === 'inconclusive';
    if (isOfTreatment && arm !== null && !treatments.includes(arm))
      throw refuse(
        `${arm} is not a treatment, so it has no verdict`,
        'Name a treatment, or leave out the rule.',
      );
    if (isOfTreatment && treatments.length === 0)
      throw refuse('no arm is a treatment', 'Add the arm to be judged, or leave out the rule.');
    if (kind === 'event' && arm === null && treatments.length === 0 && names.length > 1)
      throw refuse(
        'no arm is a treatment',
        `Name the arm to be judged: ${names.map((name) => `event:${name}>0`).join(' or ')}.`,
      );
    if (isOfTreatment && treatments.length === names.length)
      throw refuse('there is no arm to compare with', 'Add a control, or leave out the rule.');
  }
}

/** A rule that an experiment met, and by which arm. */
export interface Failure {
  readonly rule: FailRule;
  readonly arm: string;
  /** A sentence. */
  readonly reason: string;
}

/** Why the experiment fails by the rules, in their order; empty when it does not. */
export function failures(
  rules: readonly FailRule[],
  report: Pick<Report, 'analysis' | 'protocol'>,
): Failure[] {
  return rules.flatMap((rule) => metBy(rule, report).map(([arm, reason]) => ({ rule, arm, reason })));
}

/** A failure in one line: `treatment-event: fix wedged in 2 of 20 runs.` */
export function failureWords({ rule, reason }: Failure): string {
  return `${rule.text}: ${reason}`;
}

/** By which arms an experiment meets a rule, and how, in a sentence. */
function metBy(
  { kind, arm, above, withStalls }: FailRule,
  { analysis, protocol }: Pick<Report, 'analysis' | 'protocol'>,
): [string, string][] {
  const { past } = eventWords(protocol);
  const hasTreatment = analysis.arms.some(({ role }) => role === 'treatment');
  const isAlone = analysis.arms.length === 1;
  const isOfTreatments = (kind === 'event' && !isAlone) || (kind === 'stalled' && hasTreatment);
  const arms = analysis.arms.filter(
    ({ name, role }) => arm === name || (arm === null && (!isOfTreatments || role === 'treatment')),
  );
  const words = analysis.verdicts.filter(
    ({ treatment, word }) => word === kind && (arm === null || arm === treatment),
  );
  switch (kind) {
    case 'event':
      return [
        ...arms
          .filter(({ counts }) => counts.wedged > above * counts.valid)
          .map(({ name, counts }): [string, string] => [
            name,
            `${name} ${past} in ${counts.wedged} of ${counts.valid} runs.`,
          ]),
        ...(withStalls === true ? stallsAbove(arms, above, { protocol }) : []),
      ];
    case 'competing':
      return arms
        .filter(({ counts }) => counts.competing > above * (counts.runs - counts.invalid))
        .map(({ name, counts }) => [
          name,
          `${counts.competing} of ${counts.runs - counts.invalid} runs of ${name} ended otherwise (${kindCounts(counts.competingByKind)}).`,
        ]);
    case 'invalid':
      return arms
        .filter(({ counts }) => counts.invalid > above * counts.runs)
        .map(({ name, counts }) => [
          name,
          `${counts.invalid} of ${counts.runs} runs of ${name} are harness faults.`,
        ]);
    case 'stalled':
      return stallsAbove(arms, above, { protocol });
    case 'worse':
      return words.map(({ treatment }) => [
        treatment,
        `${treatment} ${past} more often than ${referencesOf(analysis)}.`,
      ]);
    case 'inconclusive':
      return words.map(({ treatment }) => [treatment, `the verdict for ${treatment} is inconclusive.`]);
  }
}

function stallsAbove(
  arms: Report['analysis']['arms'],
  above: number,
  report: Pick<Report, 'protocol'>,
): [string, string][] {
  return arms.flatMap((arm): [string, string][] => {
    const { stalled, runs } = clientStalls(arm) ?? { stalled: 0, runs: 0 };
    if (stalled <= above * runs) return [];
    return [[arm.name, `${clientName(report)} stalled in ${stalled} of ${runs} runs of ${arm.name}.`]];
  });
}

/** Names of the arms that treatments are compared with. */
function referencesOf({ arms }: Report['analysis']): string {
  return arms
    .filter(({ role }) => role !== 'treatment')
    .map(({ name }) => name)
    .join(' and ');
}
