import { type Endpoint, type EndpointRule, isSameEndpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import { runStatus } from '../model/run-status.ts';
import { type ArmEvents, endpointCounts, whyUnrecorded } from '../stats/endpoint-counts.ts';
import { strataOf } from '../stats/strata.ts';
import {
  type Block,
  code,
  type Line,
  line,
  list,
  paragraph,
  type ReportDocument,
  runLink,
  strong,
  type Table,
  table,
  text,
} from './document.ts';
import { endpointName, endpointOptions, eventWords } from './endpoint-words.ts';
import { eventSeen } from './event-seen.ts';
import { percent, percentInterval } from './format-number.ts';
import { limitWords } from './limit-signs.ts';
import { printedDocument } from './render-terminal.ts';
import { kindWords, num, shortHash } from './words.ts';

/** Runs with an event that are listed at most; the journal holds all. */
const LISTED = 40;

/** An endpoint that was chosen after the runs. */
export type ChosenEndpoint = EndpointRule & { readonly endpoint: Endpoint };

/**
 * An old journal read under another endpoint: counts by arm with intervals, to be printed. The endpoint was chosen after
 * the runs, so there is no verdict and no p-value.
 *
 * @throws SoakError `not-recorded` when the runs were not watched for the endpoint; `bad-option` when it is the
 *   experiment's own; `bad-journal`
 */
export function printedExploration(journal: Journal, chosen: ChosenEndpoint): string {
  assertReadable(journal, chosen);
  return printedDocument(exploratoryDocument(journal, chosen));
}

function assertReadable({ experiment: { protocol }, runs }: Journal, chosen: ChosenEndpoint): void {
  if (isSameEndpoint(protocol, chosen)) {
    throw new SoakError('bad-option', `${endpointName(chosen)} is the experiment's own endpoint.`, {
      remedy: 'Leave out --endpoint: soak report then writes the report with its verdict.',
      option: { name: 'endpoint' },
    });
  }
  const unrecorded = whyUnrecorded(chosen, protocol, runs);
  if (unrecorded === null) return;
  throw new SoakError(
    'not-recorded',
    `The journal cannot be read for --endpoint ${chosen.endpoint}: ${unrecorded}.`,
    { remedy: `Run the experiment again with ${endpointOptions(chosen)}: then it is recorded.` },
  );
}

function exploratoryDocument({ experiment, runs, sha256 }: Journal, chosen: ChosenEndpoint): ReportDocument {
  const { protocol } = experiment;
  const words = eventWords(chosen);
  const hits = runs.filter((run) => runStatus(run, chosen) === 'wedged');
  const lead: Block[] = [
    {
      kind: 'callout',
      line: line`${strong(text('Exploratory'))}: this endpoint was chosen after the runs. The experiment asked for ${code(endpointName(protocol))}. Whoever looks at several endpoints finds a difference in one of them by chance. So these counts can raise a question and cannot answer it. There is no verdict and no p-value.`,
    },
    countsTable(endpointCounts(protocol, runs, strataOf(experiment), chosen), chosen),
    paragraph(
      line`${text(words.definition)} The counts cover the blocks that the experiment's own rates cover. The intervals are Clopper–Pearson.`,
    ),
    ...unseenBlocks(chosen, runs),
    paragraph(
      line`To answer the question, name the endpoint before the first run of a new experiment: ${code(endpointOptions(chosen))}.`,
    ),
    paragraph(
      line`Protocol ${shortHash(experiment.protocolSha256)}, begun ${code(experiment.at)}, journal ${shortHash(sha256)}.`,
    ),
  ];
  const sections =
    hits.length === 0
      ? []
      : [{ id: 'runs', title: `Runs that ${words.past}`, blocks: [list(hitLines(hits, chosen))] }];
  return { title: line`${text(words.title)} by arm (exploratory)`, lead, sections };
}

function countsTable(arms: readonly ArmEvents[], chosen: ChosenEndpoint): Table {
  const { column, runsThat } = eventWords(chosen);
  return table(
    `${runsThat} by arm, exploratory`,
    `Arm | >${column} | >Rate | >95 % interval | >Ended otherwise | >Not observed`,
    arms.map(({ arm, wedged, runs, rate, clopperPearson95, competing, invalid }): Line[] => [
      [code(arm)],
      [num(`${wedged}/${runs}`)],
      [num(percent(rate))],
      [num(runs === 0 ? 'n/a' : percentInterval(clopperPearson95))],
      [num(String(competing))],
      [num(String(invalid))],
    ]),
  );
}

/** What `any` could not see, because it was not recorded or has no limit. */
function unseenBlocks(chosen: ChosenEndpoint, runs: readonly RunRecord[]): Block[] {
  if (chosen.endpoint !== 'any') return [];
  const unseen = [
    ...(runs.some(({ losses }) => losses !== undefined) ? [] : ['lost output (not compared)']),
    ...(chosen.slowAfterMs === undefined ? ['slow cells (no --slow-after)'] : []),
    ...(chosen.memoryAboveBytes === undefined
      ? ['memory (no --memory-above)']
      : runs.some(({ memory }) => memory !== undefined)
        ? []
        : ['memory (not sampled)']),
  ];
  return unseen.length === 0 ? [] : [paragraph(line`Not among the events: ${text(unseen.join(', '))}.`)];
}

function hitLines(hits: readonly RunRecord[], chosen: ChosenEndpoint): Line[] {
  const lines = hits.slice(0, LISTED).map((run) => {
    const limits = limitWords(run, chosen);
    const seen = eventSeen(run, chosen) ?? kindWords(run.outcome.kind);
    return line`${runLink(run.run)}: ${text(limits === '' ? seen : `${seen}; ${limits}`)}`;
  });
  const more = hits.length - LISTED;
  return more > 0 ? [...lines, line`and ${num(String(more))} more, in the journal`] : lines;
}
