import type { Endpoint, EndpointRule } from '../../model/endpoint.ts';
import { type ArmEvents, endpointCounts, whyUnrecorded } from '../../stats/endpoint-counts.ts';
import { strataOf } from '../../stats/strata.ts';
import { type Block, code, joined, type Line, line, list, paragraph, text } from '../document.ts';
import { endpointName, eventWords } from '../endpoint-words.ts';
import { counted, percent, percentInterval } from '../format-number.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** Another endpoint of the same runs (`--also`), counted by arm. */
export interface OtherEndpoint {
  readonly rule: EndpointRule & { readonly endpoint: Endpoint };
  /** Why the runs say nothing about it, as a clause; `null` if they were watched for it. */
  readonly unrecorded: string | null;
  /** Empty if they were not. */
  readonly arms: readonly ArmEvents[];
}

/** The endpoints of `--also`, in the order in which they were given. */
export function otherEndpoints({ protocol, runs, experiment }: Report): OtherEndpoint[] {
  return (protocol.also ?? []).map((endpoint) => {
    const rule = { ...limitsOf(protocol), endpoint };
    const unrecorded = whyUnrecorded(rule, protocol, runs);
    const arms = unrecorded === null ? endpointCounts(protocol, runs, strataOf(experiment), rule) : [];
    return { rule, unrecorded, arms };
  });
}

function limitsOf({ slowAfterMs, memoryAboveBytes }: EndpointRule): EndpointRule {
  return { slowAfterMs, memoryAboveBytes };
}

/** One line for each other endpoint. Nothing where none was asked for. */
export function alsoBlocks(report: Report): Block[] {
  const others = otherEndpoints(report);
  if (others.length === 0) return [];
  return [
    paragraph(
      line`Other endpoints of the same runs, counted without a verdict. They show whether a change that cures one thing brings another.`,
    ),
    list(others.map(otherLine)),
  ];
}

function otherLine({ rule, unrecorded, arms }: OtherEndpoint): Line {
  const name = code(endpointName(rule));
  if (unrecorded !== null) return line`${name}: not counted, because ${text(unrecorded)}.`;
  const { past } = eventWords(rule);
  return line`${name}: ${joined(
    arms.map(
      (arm, index) => line`${code(arm.arm)}${text(index === 0 ? ` ${past}` : '')} in ${armEventsWords(arm)}`,
    ),
    ', ',
  )}.`;
}

/** `3 of 20 runs (15.0 %, 95 % interval 3.2 to 37.9 %; 1 ended otherwise)`. */
export function armEventsWords({
  wedged,
  runs,
  rate,
  clopperPearson95,
  competing,
  invalid,
}: ArmEvents): Line {
  const left = [
    ...(competing === 0 ? [] : [`${competing} ended otherwise`]),
    ...(invalid === 0 ? [] : [`${invalid} not observed`]),
  ];
  const others = left.length === 0 ? '' : `; ${left.join(', ')}`;
  const share =
    runs === 0 ? 'no rate' : `${percent(rate)}, 95 % interval ${percentInterval(clopperPearson95)}`;
  return line`${num(String(wedged))} of ${num(counted(runs, 'run'))} (${num(share)}${text(others)})`;
}
