import {
  BISECT_SCHEMA,
  type BisectEntry,
  type BisectJournal,
  type BisectProtocol,
  bisectProtocolHash,
} from '../../harness/bisect/journal.ts';
import { DEFAULT_MODEL } from '../../harness/bisect/model.ts';
import { type BisectEnd, bisect } from '../../harness/bisect/session.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import type { OutcomeKind } from '../../harness/model/outcome.ts';
import { syntheticJournal } from '../../harness/report/fixtures/synthetic-journal.ts';
import type { RunOrder } from '../../harness/stats/schedule.ts';

const BASE = syntheticJournal({ blocks: 1 });
const [BASE_RUN] = BASE.runs;

/** Seven releases as ipykernel's were, the sixth the bad one. */
export function bisectProtocol(overrides: Partial<BisectProtocol> = {}): BisectProtocol {
  const { protocol } = BASE.experiment;
  const [notebook] = protocol.notebooks;
  if (notebook === undefined) throw new Error('The fixture has no notebook.');
  return {
    package: 'ipykernel',
    source: 'releases',
    releases: ['6.31.0', '7.0.0', '7.0.1', '7.1.0', '7.2.0', '7.3.0', '7.4.0'],
    bad: 5,
    model: DEFAULT_MODEL,
    confidence: 0.95,
    maxRuns: 300,
    maxMinutes: null,
    notebook,
    traffic: 'overlap',
    latency: protocol.latency,
    pipelineDepth: 4,
    seed: 1,
    timeoutMs: 10_000,
    startTimeoutMs: 60_000,
    suspectAfterMs: 1_000,
    launch: 'spawn',
    harness: '0',
    runtimeSha256: '0',
    ...overrides,
  };
}

/** An empty journal of a bisect. */
export function emptyBisect(protocol: BisectProtocol): BisectJournal {
  return {
    bisect: {
      type: 'bisect',
      schema: BISECT_SCHEMA,
      at: '2026-01-01T00:00:00.000Z',
      protocol,
      protocolSha256: bisectProtocolHash(protocol),
      environment: BASE.experiment.environment,
      command: 'npm run soak -- bisect',
    },
    releases: [],
    skips: [],
    batches: [],
    sessions: [],
    outputs: new Map(),
    abandoned: [],
    torn: false,
    sha256: '0'.repeat(64),
  };
}

/** What kernels would have done. */
export interface Simulation {
  readonly outcomeOf: (order: RunOrder) => OutcomeKind;
  /** What else was recorded of a run, such as its times; absent: nothing. */
  readonly seenIn?: (order: RunOrder) => Partial<RunRecord>;
  /** Why a release cannot be run; absent: all can. */
  readonly unusable?: (release: number) => string | null;
  /** Interrupted instead of this run, counted over the session. */
  readonly interruptedAt?: number;
  /** Milliseconds that a run takes. */
  readonly runMs?: number;
}

/** A bisect whose runs are simulated: the session itself, its journal and its choices are the real ones. */
export async function simulatedBisect(
  journal: BisectJournal,
  { outcomeOf, seenIn = () => ({}), unusable = () => null, interruptedAt, runMs = 3_000 }: Simulation,
): Promise<{ readonly end: BisectEnd; readonly entries: readonly BisectEntry[] }> {
  const entries: BisectEntry[] = [];
  const interruption = new AbortController();
  let nowMs = 0;
  let runs = 0;
  const end = await bisect({
    journal,
    append: async (entry) => void entries.push(entry),
    makeRelease: async (release) => unusable(release),
    run: async (_release, order) => {
      if (runs === interruptedAt) {
        interruption.abort('interrupted');
        return null;
      }
      runs += 1;
      nowMs += runMs;
      return { ...simulatedRun(order, outcomeOf(order)), ...seenIn(order) };
    },
    signal: interruption.signal,
    nowMs: () => nowMs,
  });
  return { end, entries };
}

/** A run of a bisect with that outcome; its times and counters are of no kernel. */
export function simulatedRun(order: RunOrder, kind: OutcomeKind): RunRecord {
  if (BASE_RUN === undefined) throw new Error('The fixture has no run.');
  const { run, block, position, arm, traffic, seed } = order;
  return {
    ...BASE_RUN,
    run,
    block,
    position,
    arm,
    traffic,
    seed,
    outcome: { ...BASE_RUN.outcome, kind, reason: kind, cell: kind === 'completed' ? null : 0 },
  };
}
