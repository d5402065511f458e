import { sha256 } from '../model/canonical.ts';
import type { RunRecord } from '../model/journal.ts';
import { seededUniform } from '../stats/random.ts';
import type { RunOrder } from '../stats/schedule.ts';
import { nextChoice } from './allocation.ts';
import {
  type BatchRecord,
  type BisectEntry,
  type BisectJournal,
  type BisectProtocol,
  bisectRunName,
} from './journal.ts';
import { type BisectState, bisectState, findingOf } from './results.ts';

/** What a session needs. Everything that touches a kernel, a disk or a clock is passed in. */
export interface BisectSession {
  /** What is recorded; a bisect that begins has no batch. */
  readonly journal: BisectJournal;
  readonly append: (entry: BisectEntry) => Promise<void>;
  /**
   * Make a release's kernels launchable, if they are not.
   *
   * @returns why it cannot be run, or `null` when it can; rejects with the signal's reason when it is interrupted
   */
  readonly makeRelease: (release: number) => Promise<string | null>;
  /** One fresh kernel, one run; `null` when it was interrupted. */
  readonly run: (release: number, order: RunOrder) => Promise<RunRecord | null>;
  readonly signal: AbortSignal;
  /** A monotonic clock, milliseconds. */
  readonly nowMs: () => number;
  readonly onBatch?: (plan: BatchRecord, state: BisectState) => void;
  readonly onStart?: (order: RunOrder) => void;
  readonly onRun?: (record: RunRecord) => void;
  readonly onState?: (state: BisectState) => void;
}

/** How a session ended. */
export interface BisectEnd {
  readonly event: 'finished' | 'interrupted';
  readonly reason: string;
  readonly state: BisectState;
}

const INTERRUPTED = Symbol('interrupted');

/** If the best batch tells less than this, what is left cannot be told apart. */
const LEAST_BITS = 1e-6;

/** A seed for one place of the bisect; hashed, because places are consecutive numbers. */
function placeSeed(seed: number, place: string): number {
  return Number.parseInt(sha256(`bisect/${seed}/${place}`).slice(0, 13), 16);
}

/** The next batch, and the order of its runs, drawn from the seed. `null` when no batch would tell anything. */
export function nextPlan(protocol: BisectProtocol, state: BisectState): BatchRecord | null {
  const batch = state.batches.length;
  const uniform = seededUniform(placeSeed(protocol.seed, `batch/${batch}`), 'bisect batch');
  const choice = nextChoice(state.belief, state.skipped, uniform);
  if (choice === null || choice.bits < LEAST_BITS) return null;
  const order = new Array<number>(choice.runs + 1).fill(choice.probe);
  order[Math.floor(uniform() * order.length)] = protocol.bad;
  return {
    type: 'batch',
    batch,
    probe: choice.probe,
    order,
    bits: Math.round(choice.bits * 1e6) / 1e6,
  };
}

/** The order of one run of a batch. Its seed depends on its place, never on the name of its release. */
export function bisectOrder(protocol: BisectProtocol, plan: BatchRecord, position: number): RunOrder {
  const release = plan.order[position];
  const name = release === undefined ? undefined : protocol.releases[release];
  if (name === undefined) throw new Error('A run is not of its batch.');
  return {
    run: bisectRunName(plan.batch, position, name),
    block: plan.batch,
    position,
    arm: name,
    notebookIndex: 0,
    traffic: protocol.traffic,
    seed: placeSeed(protocol.seed, `${plan.batch}/${position}`),
  };
}

/**
 * Bisect: batches, one after another, each where it tells most, until the change points are named with the wanted
 * confidence, nothing more can be told, or the budget is spent. Only complete batches change the belief. A batch that
 * was cut short is completed first when a session continues.
 */
export async function bisect(session: BisectSession): Promise<BisectEnd> {
  const { signal, append } = session;
  /** An installation that is ended rejects with the signal's reason. */
  const orInterrupted = async (made: Promise<string | null>): Promise<string | null | typeof INTERRUPTED> =>
    made.catch((error: unknown) => {
      if (signal.aborted && error === signal.reason) return INTERRUPTED;
      throw error;
    });
  const { bisect: record, skips } = session.journal;
  const { protocol } = record;
  const startedMs = session.nowMs();
  const journal = {
    bisect: record,
    skips: [...skips],
    batches: session.journal.batches.map(({ plan, runs }) => ({ plan, runs: [...runs] })),
  };
  let state = bisectState(journal);
  const end = (event: BisectEnd['event'], reason: string): BisectEnd => ({ event, reason, state });
  const interrupted = () => end('interrupted', String(signal.reason ?? 'interrupted'));

  /** @returns whether the release can be run, as far as is known */
  const made = async (release: number): Promise<boolean> => {
    const reason = await orInterrupted(session.makeRelease(release));
    if (reason === null) return true;
    if (reason === INTERRUPTED) return false;
    const batch = state.batches.length;
    const skip = { type: 'skip' as const, release, batch, at: new Date().toISOString(), reason };
    await append(skip);
    journal.skips.push(skip);
    state = bisectState(journal, state);
    return false;
  };

  session.onState?.(state);
  for (;;) {
    let open = journal.batches.at(-1);
    if (open === undefined || open.runs.length === open.plan.order.length) {
      const finding = findingOf(state, protocol);
      if (finding !== null) return end('finished', finding);
      if (signal.aborted) return interrupted();
      const plan = nextPlan(protocol, state);
      if (plan === null) return end('finished', 'nothing-left');
      if (state.runs + plan.order.length > protocol.maxRuns) return end('finished', 'max-runs');
      if (protocol.maxMinutes !== null && session.nowMs() - startedMs >= protocol.maxMinutes * 60_000) {
        return end('finished', 'max-minutes');
      }
      if (!(await made(plan.probe))) continue;
      await append(plan);
      open = { plan, runs: [] };
      journal.batches.push(open);
    }
    session.onBatch?.(open.plan, state);
    for (let position = open.runs.length; position < open.plan.order.length; position += 1) {
      if (signal.aborted) return interrupted();
      const release = open.plan.order[position] as number;
      const reason = await orInterrupted(session.makeRelease(release));
      if (reason === INTERRUPTED) return interrupted();
      if (reason !== null) throw new Error(`A release that could be run no longer can: ${reason}`);
      const order = bisectOrder(protocol, open.plan, position);
      await append({ type: 'begin', run: order.run, at: new Date().toISOString() });
      session.onStart?.(order);
      const ran = await session.run(release, order);
      if (ran === null) return interrupted();
      await append(ran);
      open.runs.push(ran);
      session.onRun?.(ran);
    }
    state = bisectState(journal, state);
    session.onState?.(state);
  }
}
