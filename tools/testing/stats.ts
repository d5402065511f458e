import { KERNEL_COUNTERS, type KernelCounters, type ProtocolArm } from '../../harness/model/arm.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import type { OutcomeKind } from '../../harness/model/outcome.ts';
import type { Protocol } from '../../harness/model/protocol.ts';

/** Protocols and runs for tests: whole records, so that the schemas accept them. */

const SHA256 = 'a'.repeat(64);

export function protocolOf(
  arms: readonly (readonly [name: string, role: ProtocolArm['role']])[],
  decision: Partial<Protocol['decision']> = {},
  cells = 4,
): Protocol {
  return {
    arms: arms.map(([name, role]) => ({
      name,
      role,
      description: name,
      patchSha256: null,
      treeSha256: SHA256,
      engagement: role === 'treatment' ? 'rearms' : null,
    })),
    notebooks: [
      { name: 'real.ipynb', sha256: SHA256, codeCells: Array.from({ length: cells }, (_, cell) => cell) },
    ],
    traffic: ['widgets'],
    latency: { spec: 'uniform:0-5', sha256: null },
    pipelineDepth: 1,
    seed: 7,
    blocks: 20,
    concurrency: 2,
    timeoutMs: 10_000,
    startTimeoutMs: 30_000,
    launch: 'spawn',
    decision: { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: null, ...decision },
    suspectAfterMs: 1000,
    harness: '0.1.0',
    runtimeSha256: SHA256,
  };
}

export interface RunOptions {
  readonly kind?: OutcomeKind;
  readonly cell?: number | null;
  readonly replies?: number;
  readonly kernel?: Partial<KernelCounters> | null;
  readonly cellMs?: readonly number[];
}

export function runOf(arm: string, block: number, options: RunOptions = {}): RunRecord {
  const kind = options.kind ?? 'completed';
  const replies = options.replies ?? 5;
  const counters = Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, 0])) as KernelCounters;
  return {
    type: 'run',
    run: `b${String(block).padStart(3, '0')}-${arm}`,
    block,
    position: 0,
    arm,
    notebook: 0,
    traffic: 'widgets',
    seed: block,
    at: '2026-01-01T00:00:00.000Z',
    startMs: 400,
    notebookMs: 1000,
    outcome: {
      kind,
      source: null,
      reason: kind,
      cell: options.cell ?? (kind.startsWith('wedged') ? 1 : null),
      unanswered: null,
      waitedMs: null,
      error: null,
      exit: null,
      stderrTail: null,
    },
    client: { sent: replies, replies, idles: replies, byType: {}, rejected: 0 },
    kernel:
      options.kernel === null
        ? null
        : {
            ...counters,
            replies,
            rearms: ['control', 'sham'].includes(arm) ? 0 : replies,
            ...options.kernel,
          },
    cellMs: [...(options.cellMs ?? [20, 30])],
    loopStallMs: 1,
  };
}

/** `wedged` runs first, then completed ones, `runs` in all, blocks 0 onwards. */
export function armRuns(arm: string, wedged: number, runs: number): RunRecord[] {
  return Array.from({ length: runs }, (_, block) =>
    runOf(arm, block, { kind: block < wedged ? 'wedged-stranded' : 'completed' }),
  );
}
