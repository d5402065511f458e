import { COMMAND_CLIENT, UNSEEN_UNDER_COMMAND } from '../model/client.ts';
import type { EndpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { isObserved, runStatus } from '../model/run-status.ts';
import { type Count, type Interval, rate } from './counts.ts';
import { armRuns, decisionTables } from './decision-table.ts';
import { clopperPearson } from './intervals.ts';
import type { StratumLayout } from './strata.ts';

/** How often an arm's runs show the event of an endpoint that does not decide: counted blocks, as for every rate. */
export interface ArmEvents extends Count {
  readonly arm: string;
  /** 0 to 1; `null` without an observed run. */
  readonly rate: number | null;
  /** [0, 1] without an observed run. */
  readonly clopperPearson95: Interval;
  /** Runs that ended in a competing event, so that the endpoint could not be observed. */
  readonly competing: number;
  /** Harness faults, and runs that completed but were not watched for the event. */
  readonly invalid: number;
}

/**
 * Counts by arm of another endpoint than the experiment's, in the same blocks. They decide nothing.
 *
 * @throws SoakError `bad-journal` when the runs contradict the protocol
 */
export function endpointCounts(
  protocol: Protocol,
  runs: readonly RunRecord[],
  strata: readonly StratumLayout[],
  rule: EndpointRule,
): ArmEvents[] {
  const tables = decisionTables(protocol, runs, strata);
  return protocol.arms.map(({ name }, index) => {
    const statuses = tables
      .flatMap((each) => armRuns(each, index, each.counted))
      .map((run) => runStatus(run, rule));
    const count: Count = {
      wedged: statuses.filter((status) => status === 'wedged').length,
      runs: statuses.filter(isObserved).length,
    };
    return {
      arm: name,
      ...count,
      rate: rate(count),
      clopperPearson95: clopperPearson(count),
      competing: statuses.filter((status) => status === 'competing').length,
      invalid: statuses.filter((status) => status === 'invalid').length,
    };
  });
}

/**
 * Why the runs say nothing about an endpoint, as a clause; `null` if they were watched for it. Counts of what was never
 * looked for would be zeros.
 */
export function whyUnrecorded(
  { endpoint = 'wedged' }: EndpointRule,
  protocol: Pick<Protocol, 'client' | 'endpoint'>,
  runs: readonly RunRecord[],
): string | null {
  const unseen = protocol.client?.name === COMMAND_CLIENT ? UNSEEN_UNDER_COMMAND[endpoint] : undefined;
  if (unseen !== undefined) return `a command was the client, and ${unseen}`;
  switch (endpoint) {
    case 'lost-output':
      return runs.some(({ losses }) => losses !== undefined)
        ? null
        : 'the outputs of the runs were not compared with expected ones';
    case 'memory':
      return runs.some(({ memory }) => memory !== undefined) ? null : 'memory was not sampled';
    case 'interrupt':
      return runs.some(({ interrupts }) => interrupts !== undefined)
        ? null
        : 'the traffic interrupted no cell';
    case 'stalled':
      if (protocol.client === undefined) return 'the harness was the client, and it does not stall';
      // Elsewhere a run outlives a stall, so its ending says nothing of it.
      return protocol.endpoint === 'stalled'
        ? null
        : 'stalls did not end the runs; the report counts them beside the outcomes';
    default:
      return null;
  }
}
