import { readJournal } from '../journal/read.ts';
import { type EndpointRule, endpointRule, isSameEndpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { Baseline, ExperimentRecord } from '../model/journal.ts';
import { isObserved, runStatus } from '../model/run-status.ts';

/** An earlier experiment whose control is the baseline of this one, and that control's counts. */
export interface EarlierExperiment {
  readonly experiment: ExperimentRecord;
  readonly counts: Baseline;
}

/**
 * The control of an earlier experiment, counted by this experiment's endpoint. The journal keeps what was seen of each
 * run, so a baseline that was made for another endpoint is counted again, and the record says so.
 *
 * @param rule of this experiment
 * @throws SoakError `bad-baseline` without a run of a control arm in which this endpoint was observed
 */
export async function readBaseline(
  folder: string | null,
  rule: EndpointRule,
): Promise<EarlierExperiment | null> {
  if (folder === null) return null;
  const { journal } = await readJournal(folder);
  const { experiment } = journal;
  const control = experiment.protocol.arms.find(({ role }) => role === 'control');
  const statuses = journal.runs
    .filter(({ arm }) => arm === control?.name)
    .map((run) => runStatus(run, rule))
    .filter(isObserved);
  if (control === undefined || statuses.length === 0) {
    const { endpoint = 'wedged' } = rule;
    throw new SoakError(
      'bad-baseline',
      `The report ${folder} has no run of a control arm in which the endpoint ${endpoint} was observed.`,
      {
        remedy:
          'Give the folder of an experiment of the same endpoint with control in it, or run control together with the arm.',
      },
    );
  }
  return {
    experiment,
    counts: {
      protocolSha256: experiment.protocolSha256,
      at: experiment.at,
      arm: control.name,
      wedged: statuses.filter((status) => status === 'wedged').length,
      runs: statuses.length,
      ...(isSameEndpoint(experiment.protocol, rule)
        ? {}
        : { recountedFrom: { endpoint: 'wedged' as const, ...endpointRule(experiment.protocol) } }),
    },
  };
}
