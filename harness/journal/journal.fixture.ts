import type { ExperimentRecord, JournalRecord, RunRecord } from '../model/journal.ts';
import { type Protocol, protocolHash } from '../model/protocol.ts';

const PROTOCOL: Protocol = {
  arms: ['control', 'fix'].map((name) => ({
    name,
    role: name === 'control' ? 'control' : 'treatment',
    description: name,
    patchSha256: null,
    treeSha256: 'f'.repeat(64),
    engagement: null,
  })),
  notebooks: [{ name: 'a.ipynb', sha256: 'e'.repeat(64), codeCells: [0, 2] }],
  traffic: ['widgets'],
  latency: { spec: 'none', sha256: null },
  pipelineDepth: 4,
  seed: 123_456,
  blocks: 20,
  concurrency: 1,
  timeoutMs: 10_000,
  startTimeoutMs: 60_000,
  suspectAfterMs: 1000,
  launch: 'spawn',
  decision: { stopping: 'fixed', test: 'boschloo', alpha: 0.05, p0: null },
  harness: '0.1.0',
  runtimeSha256: 'd'.repeat(64),
};

/** The first record of a small experiment of the arms control and fix. */
export function experimentRecord(): ExperimentRecord {
  return {
    type: 'experiment',
    schema: 1,
    at: '2026-01-01T00:00:00.000Z',
    protocol: PROTOCOL,
    protocolSha256: protocolHash(PROTOCOL),
    environment: {
      key: 'k',
      platform: 'linux',
      arch: 'x64',
      osRelease: '6',
      cpus: 2,
      memoryBytes: 1,
      node: '20',
      zeromqJs: '6',
      libzmq: '4',
      python: 'CPython 3.13',
      kernelLibzmq: '4',
      eventLoop: 'asyncio',
      ipykernel: '7.3.0',
      packages: {},
    },
    command: 'npm run soak --',
    baseline: null,
  };
}

/** A completed run. */
export function runRecord(block: number, arm: string, position = 0): RunRecord {
  return {
    type: 'run',
    run: `b00${block}-${arm}`,
    block,
    position,
    arm,
    notebook: 0,
    traffic: 'widgets',
    seed: 1,
    at: '2026-01-01T00:00:01.000Z',
    startMs: 400,
    notebookMs: 1000,
    outcome: {
      kind: 'completed',
      source: null,
      // Beyond ASCII, so that a byte is not a character.
      reason: 'every request was answered – 全て',
      cell: null,
      unanswered: null,
      waitedMs: null,
      error: null,
      exit: null,
      stderrTail: null,
      observations: null,
    },
    client: {
      sent: 3,
      replies: 3,
      idles: 3,
      byType: { kernel_info_request: 1, execute_request: 2 },
      rejected: 0,
    },
    kernel: null,
    cellMs: [1.5, 2],
    loopStallMs: 1,
  };
}

/** The begin of a run and its record. */
export function begunRun(block: number, arm: string, position = 0): JournalRecord[] {
  const run = runRecord(block, arm, position);
  return [{ type: 'begin', run: run.run, at: run.at }, run];
}

/** Records as a journal's bytes. */
export function journalBytes(records: readonly JournalRecord[]): Buffer {
  return Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}
