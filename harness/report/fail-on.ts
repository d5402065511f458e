import { SoakError } from '../model/errors.ts';
import type { Protocol } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import type { Report } from './report.ts';

/**
 * When a command ends with exit code 1 although it did its work. A wedge of a control or sham is what an
 * experiment needs, so no rule can be met by one.
 */
export type FailRule =
  /** A run of a treatment wedged, in whatever block. */
  | { readonly kind: 'treatment-wedged' }
  /** The verdict of a treatment is `worse`. */
  | { readonly kind: 'worse' }
  /** More than this share of some arm's recorded runs is invalid. */
  | { readonly kind: 'invalid'; readonly above: number };

const FORMS = 'treatment-wedged, worse, invalid>0.1';

/**
 * Parse `--fail-on`: rules with commas, each of which is enough to fail.
 *
 * @throws SoakError `bad-option`
 */
export function failRules(text: string): FailRule[] {
  return text.split(',').map((part): FailRule => {
    const name = part.trim();
    if (name === 'treatment-wedged' || name === 'worse') return { kind: name };
    const share = /^invalid\s*>\s*(0|1|0?\.\d{1,9}|0\.|1\.0*)$/.exec(name)?.[1];
    if (share !== undefined) return { kind: 'invalid', above: Number(share) };
    throw new SoakError('bad-option', `--fail-on ${quoted(name)} is no rule.`, {
      remedy: `Give one or more of ${FORMS} with commas; the number is a share of runs, from 0 to 1.`,
    });
  });
}

/**
 * Refuse a rule that could never be met, before the first run: a build that cannot fail is worse than none.
 *
 * @throws SoakError `bad-option`
 */
export function assertCanFail(rules: readonly FailRule[], protocol: Pick<Protocol, 'arms'>): void {
  const rule = rules.find(({ kind }) => kind !== 'invalid');
  if (rule === undefined || protocol.arms.some(({ role }) => role === 'treatment')) return;
  throw new SoakError('bad-option', `--fail-on ${rule.kind} can never be met: no arm is a treatment.`, {
    remedy: 'Add the arm to be judged, or leave out the rule.',
  });
}

/** Why the experiment fails by the rules, one sentence each; empty when it does not. */
export function failures(rules: readonly FailRule[], { analysis }: Pick<Report, 'analysis'>): string[] {
  const reasons = (rule: FailRule): string[] => {
    switch (rule.kind) {
      case 'treatment-wedged':
        return analysis.arms
          .filter(({ role, counts }) => role === 'treatment' && counts.wedged > 0)
          .map(
            ({ name, counts }) =>
              `treatment-wedged: ${name} wedged in ${counts.wedged} of ${counts.valid} valid runs.`,
          );
      case 'worse':
        return analysis.verdicts
          .filter(({ word }) => word === 'worse')
          .map(({ treatment }) => `worse: ${treatment} wedged more than its control.`);
      case 'invalid':
        return analysis.arms
          .filter(({ counts }) => counts.invalid > rule.above * counts.runs)
          .map(
            ({ name, counts }) =>
              `invalid>${rule.above}: ${counts.invalid} of ${counts.runs} runs of ${name} are invalid.`,
          );
    }
  };
  return rules.flatMap(reasons);
}
