import { canonicalJson } from '../model/canonical.ts';
import type { CellListing } from '../model/cell-outputs.ts';
import { COMMAND_CLIENT } from '../model/client.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { comparedCells } from '../model/run-status.ts';
import { type BlockRange, shardBlocks } from '../model/shard.ts';
import { hasProfile } from '../model/traffic.ts';
import { classify, isStrand } from '../oracle/classify.ts';
import { outputLosses } from '../oracle/output-losses.ts';
import { blockOrders, type RunOrder } from '../stats/schedule.ts';

/** One point in which a journal contradicts its protocol or its own records. */
export interface Contradiction {
  /** `run b007-fix, position`, `sessions`. */
  readonly place: string;
  /** The journal's value. */
  readonly found: string;
  /** The value that the protocol, the seed or the other records give. */
  readonly expected: string;
}

/**
 * The journal's values that differ from what can be recomputed: each block's order by the seed; each run's
 * seed, notebook, traffic and name; and whether each run's counts and observations fit its outcome. A journal
 * that kernel-soak wrote has no contradictions, whatever its kernels did.
 *
 * An empty result does not prove that a journal is true: it cannot reveal a person who changed every record
 * consistently. The witness against that is the hash in a copy of the evidence that somebody else holds.
 */
export function contradictions(journal: Journal): Contradiction[] {
  return [...journal.runs.flatMap((run) => ofRun(run, journal)), ...ofEnd(journal)];
}

function ofRun(run: RunRecord, journal: Journal): Contradiction[] {
  const { protocol, schema } = journal.experiment;
  const here = comparer(run);
  return [
    ...ofPlace(run, protocol, here),
    ...ofAccount(run, here),
    ...ofKind(run, protocol, here),
    ...ofObservations(run, schema, here),
    ...outputContradictions(run, protocol, journal.outputs),
  ];
}

type Compare = (what: string, found: unknown, expected: unknown) => Contradiction[];

function comparer({ run }: RunRecord): Compare {
  return (what, found, expected) =>
    found === expected
      ? []
      : [{ place: `run ${run}, ${what}`, found: String(found), expected: String(expected) }];
}

const orders = new WeakMap<Protocol, Map<number, RunOrder[]>>();

/** The run orders of a block, drawn once for all of its runs. */
function ordersOf(protocol: Protocol, block: number): RunOrder[] {
  const known = orders.get(protocol) ?? new Map<number, RunOrder[]>();
  orders.set(protocol, known);
  const found = known.get(block) ?? blockOrders(protocol, block);
  known.set(block, found);
  return found;
}

/** Checks the values that the schedule fixes before the run. */
function ofPlace(run: RunRecord, protocol: Protocol, here: Compare): Contradiction[] {
  const order = ordersOf(protocol, run.block).find(({ arm }) => arm === run.arm);
  if (order === undefined) return here('arm', run.arm, 'an arm of the protocol');
  return [
    ...here('name', run.source === undefined ? run.run : run.run.split('@')[0], order.run),
    ...here('position in its block', run.position, order.position),
    ...here('seed', run.seed, order.seed),
    ...here('notebook', run.notebook, order.notebookIndex),
    ...here('traffic', run.traffic, order.traffic),
    ...(run.interrupts !== undefined && !hasProfile(order.traffic, 'interrupt')
      ? here('interrupts', 'recorded', 'none, since its traffic does not interrupt')
      : []),
  ];
}

/** Checks that the sums in a run's own account agree. */
function ofAccount({ client, kernel, outcome }: RunRecord, here: Compare): Contradiction[] {
  const byType = Object.values(client.byType).reduce((sum, count) => sum + count, 0);
  return [
    ...here('requests sent, summed by type', byType, client.sent),
    ...(client.replies > client.sent
      ? here('replies received', client.replies, `at most ${client.sent}`)
      : []),
    // A client cannot receive a reply that the kernel never sent. But before a kernel has its ports, a client's socket can
    // connect to itself and receive its own requests. Older journals count those as replies (reports/stalled-negative).
    ...(kernel !== null && outcome.kind !== 'start-failed' && kernel.replies < client.replies
      ? here("replies by the kernel's own count", kernel.replies, `at least ${client.replies}, as received`)
      : []),
  ];
}

/** Number of requests that have a reply; `comm_msg` and similar messages have none. */
function replyable(byType: Readonly<Record<string, number>>): number {
  return Object.entries(byType).reduce(
    (sum, [type, count]) => sum + (type.endsWith('_request') ? count : 0),
    0,
  );
}

/** Checks the rest of a run's record against its outcome kind. */
function ofKind(run: RunRecord, protocol: Protocol, here: Compare): Contradiction[] {
  const { outcome, client, kernel, cellMs } = run;
  const cells = protocol.notebooks[run.notebook]?.codeCells.length ?? 0;
  if (outcome.kind === 'completed' && protocol.client?.name === COMMAND_CLIENT) {
    // A command is not counted: what there is of a completed run is the kernel's own count.
    const ended = kernel?.ended ?? 0;
    return [
      ...(ended < cells ? here('requests finished of a completed run', ended, `at least ${cells}`) : []),
      ...(run.startMs === null ? here('start of a completed run', 'none', 'milliseconds') : []),
    ];
  }
  if (outcome.kind === 'completed') {
    const requests = replyable(client.byType);
    return [
      // An interrupt may have a cell aborted, for which some kernels publish no idle status.
      ...(run.interrupts === undefined
        ? here('cells answered of a completed run', cellMs.length, cells)
        : []),
      ...here('cells sent of a completed run', client.byType['execute_request'] ?? 0, cells),
      ...here('replies of a completed run', client.replies, requests),
      // Another client program has its own subscription, so its idle statuses are not seen here.
      ...(protocol.client === undefined && run.interrupts === undefined && client.idles < requests
        ? here('idle statuses of a completed run', client.idles, `at least ${requests}`)
        : []),
      ...(kernel !== null && kernel.delivered < requests
        ? here('requests delivered of a completed run', kernel.delivered, `at least ${requests}`)
        : []),
      ...(run.startMs === null ? here('start of a completed run', 'none', 'milliseconds') : []),
      ...(run.interrupts?.sent.some(({ result }) => result === 'unanswered')
        ? here('interrupts of a completed run', 'one without a reply', 'a reply to each')
        : []),
      ...(outcome.observations != null
        ? here('outcome', 'completed', `${classify(outcome.observations).kind}, by its observations`)
        : []),
      ...(protocol.endpoint === 'stalled' && run.stalls !== undefined
        ? here('outcome', 'completed', 'stalled, by its stalls')
        : []),
    ];
  }
  return [
    ...(cellMs.length > cells ? here('cells answered', cellMs.length, `at most ${cells}`) : []),
    ...(EVENTS.includes(outcome.kind) && outcome.cell !== null
      ? here('cell of the outcome', outcome.cell, cellMs.length)
      : []),
    ...missingParts(run, protocol).flatMap((part) => here(part, 'none', `one, since it is ${outcome.kind}`)),
  ];
}

/** Kinds whose `cell` is the first one without an answer. */
const EVENTS: readonly OutcomeKind[] = ['wedged-stranded', 'wedged-mute', 'stalled'];

/** Record parts that a run of its kind should have and lacks. */
function missingParts({ outcome, stalls }: RunRecord, protocol: Protocol): string[] {
  const { kind } = outcome;
  const needsObservations =
    kind === 'wedged-stranded' || (kind === 'wedged-mute' && protocol.client === undefined);
  return [
    ...(needsObservations && outcome.observations == null ? ['observations'] : []),
    ...(kind === 'stalled' && stalls === undefined ? ['stalls'] : []),
    ...(kind === 'cell-error' && outcome.error === null ? ['error'] : []),
  ];
}

/**
 * Kinds whose boundaries have moved since journals of schema 1 were written. In such a journal, today's rules
 * may take one of these kinds for another of them, but for nothing else. The rules of schema 1 also accepted
 * a certificate alone as proof of a strand, whatever the kernel's counters said when they were read after it.
 */
const REDRAWN: readonly OutcomeKind[] = ['wedged-mute', 'busy', 'hung', 'late', 'no-answer'];

/** Derives the outcome again from the observations. */
function ofObservations({ outcome }: RunRecord, schema: number, here: Compare): Contradiction[] {
  const { observations, kind } = outcome;
  if (observations == null || kind === 'completed') return [];
  const again = classify(observations).kind;
  const hadCertificate =
    kind === 'wedged-stranded' && observations.look !== null && isStrand(observations.look);
  const wasRedrawn = schema === 1 && (hadCertificate || (REDRAWN.includes(kind) && REDRAWN.includes(again)));
  return [
    ...(wasRedrawn ? [] : here('outcome by its observations', kind, again)),
    ...here('unanswered request', outcome.unanswered, observations.request),
    // The outcome's value is rounded to microseconds.
    ...(Math.abs((outcome.waitedMs ?? 0) - observations.waitedMs) > 0.001
      ? here('wait, milliseconds', outcome.waitedMs, observations.waitedMs)
      : []),
  ];
}

/**
 * Where a run's losses do not follow from its recorded outputs and from those that were expected.
 *
 * @param outputs those that the journal holds, by their hash
 */
export function outputContradictions(
  run: RunRecord,
  { expected, notebooks }: Pick<Protocol, 'expected' | 'notebooks'>,
  outputs: ReadonlyMap<string, CellListing>,
): Contradiction[] {
  const here = comparer(run);
  if (expected === undefined || run.outputs === undefined) {
    return [
      ...(run.losses === undefined ? [] : here('losses', 'a list', 'none, since no outputs are recorded')),
      ...(run.outputs === undefined ? [] : here('outputs', 'a list', 'none, since nothing was expected')),
    ];
  }
  const compared = comparedCells(run, notebooks[run.notebook]?.codeCells.length ?? 0);
  const listing = (hash: string) => outputs.get(hash);
  const seen = run.outputs.map(listing);
  const wanted = expected.outputs?.[run.notebook]?.map(listing) ?? [];
  if ([...seen, ...wanted].includes(undefined)) {
    return here('outputs', 'hashes that the journal has no outputs of', 'outputs that it holds');
  }
  const count = here('cells whose outputs are recorded', seen.length, compared);
  // What follows from control's runs is derived whenever a journal is read.
  if (expected.kind === 'reference') return count;
  const again = outputLosses(wanted.map(known), seen.map(known));
  return [
    ...count,
    ...here('losses by its outputs', canonicalJson(run.losses ?? null), canonicalJson(again)),
  ];
}

function known(listing: CellListing | undefined): CellListing {
  if (listing === undefined) throw new Error('a listing that is not in the journal');
  return listing;
}

/** An experiment of fixed size that records its own end must have every run of its blocks. */
function ofEnd({ experiment, runs, sessions }: Journal): Contradiction[] {
  const { protocol, shard, sources } = experiment;
  if (protocol.decision.stopping !== 'fixed') return [];
  const parts = sources ?? [{ id: undefined, shard }];
  return parts.flatMap((part) => {
    const last = sessions.findLast(({ source }) => source === part.id);
    if (last?.event !== 'finished') return [];
    const range: BlockRange = shardBlocks(protocol.blocks, part.shard);
    const expected = (range.end - range.first) * protocol.arms.length;
    const recorded = runs.filter(({ source }) => source === part.id).length;
    if (recorded === expected) return [];
    const where = part.id === undefined ? '' : ` of ${part.id}`;
    return [
      {
        place: `session${where} that finished`,
        found: `${recorded} runs`,
        expected: `${expected}, ${range.end - range.first} blocks of ${protocol.arms.length} arms`,
      },
    ];
  });
}
