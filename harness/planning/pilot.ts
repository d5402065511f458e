import { mean } from 'simple-statistics';
import { readJournal } from '../journal/read.ts';
import { type EndpointRule, endpointRule, isSameEndpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import { wrapped } from '../model/wrapped.ts';
import { plainLine } from '../report/document.ts';
import { endpointName, eventWords } from '../report/endpoint-words.ts';
import { counted, percent } from '../report/format-number.ts';
import { armEventsWords } from '../report/sections/also.ts';
import { type ArmEvents, endpointCounts, whyUnrecorded } from '../stats/endpoint-counts.ts';
import { upperBound } from '../stats/intervals.ts';
import { strataOf } from '../stats/strata.ts';

/** A short experiment on this machine, for a plan. */
export interface Pilot {
  /** The event that is planned for. */
  readonly rule: EndpointRule;
  /** The event of the pilot itself. */
  readonly ownRule: EndpointRule;
  /** Mean seconds of a run, kernel start included. */
  readonly seconds: number;
  /** Control's runs, counted by `rule`; `null`: it has no control, or its runs were not watched for the event. */
  readonly control: ArmEvents | null;
  /** Why there are no such counts, as a clause; `null`: there are. */
  readonly unknown: string | null;
}

/**
 * @param chosen the event to plan for; `null`: the pilot's own
 * @throws SoakError `bad-pilot` when no kernel started; `no-journal`, `bad-journal`
 */
export async function readPilot(folder: string, chosen: EndpointRule | null): Promise<Pilot> {
  const { experiment, runs } = (await readJournal(folder)).journal;
  const { protocol } = experiment;
  const seconds = runs.flatMap(({ startMs, notebookMs }) =>
    startMs === null || notebookMs === null ? [] : [(startMs + notebookMs) / 1000],
  );
  if (seconds.length === 0) {
    throw new SoakError('bad-pilot', `The report ${folder} has no run whose kernel started.`, {
      remedy: 'Give the folder of an experiment with a few runs, such as `soak --runs 3` writes.',
    });
  }
  const ownRule = endpointRule(protocol);
  const rule = chosen ?? ownRule;
  const name = protocol.arms.find(({ role }) => role === 'control')?.name;
  const unknown = name === undefined ? 'it has no control' : whyUnrecorded(rule, protocol, runs);
  const control =
    unknown === null
      ? endpointCounts(protocol, runs, strataOf(experiment), rule).find(({ arm }) => arm === name)
      : undefined;
  return { rule, ownRule, seconds: mean(seconds), control: control ?? null, unknown };
}

/**
 * The rate of the pilot's control, to plan for.
 *
 * @throws SoakError `missing-rate` where there is none, or no run showed the event
 */
export function pilotRate({ rule, control, unknown }: Pilot): number {
  const words = eventWords(rule);
  if (control?.rate != null && control.wedged > 0) return control.rate;
  const why =
    control === null
      ? `${unknown}`
      : `${control.arm} ${words.past} in 0 of ${counted(control.runs, 'run')}, which allows a rate of up to ${percent(upperBound(control))} (one-sided 95 %)`;
  throw new SoakError('missing-rate', `The pilot gives no ${words.rate} to plan for: ${why}.`, {
    remedy:
      control === null
        ? 'Give --reference-rate.'
        : `Give --reference-rate, or a pilot in which the event happens. ${words.advice}`,
  });
}

/** What the pilot's control showed, and what of it the plan takes, in lines for a terminal. */
export function pilotText(pilot: Pilot, goal: { readonly competing: number }, isRateTaken: boolean): string {
  const { rule, ownRule, control, unknown } = pilot;
  const words = eventWords(rule);
  if (control === null)
    return wrapped(`The pilot gives the cost of a run, and no ${words.rate}: ${unknown}.`);
  const ended = control.competing / Math.max(1, control.competing + control.runs);
  const sentences = [
    `In the pilot, ${control.arm} ${words.past} in ${plainLine(armEventsWords(control))}.`,
    ...(isSameEndpoint(rule, ownRule)
      ? []
      : [`The pilot itself counted ${endpointName(ownRule)}, and its runs were counted again.`]),
    ...(isRateTaken
      ? ['The plan takes that rate, which is an estimate: plan for the ends of its interval, too.']
      : []),
    ...(ended > 0 && goal.competing === 0
      ? [`Some runs ended otherwise: --competing ${ended.toFixed(2)} plans for them.`]
      : []),
  ];
  return wrapped(sentences.join(' '));
}
