/**
 * Shows four runs, one of an earlier session, as on a terminal. `reference`: they are to show what control's runs show.
 * `client`: nbclient executes them, and stalls; a cell raises.
 */
import { experimentRecord, runRecord } from '../journal/journal.fixture.ts';
import type { Stall } from '../model/client.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { openDisplay } from './display.ts';

const run = (block: number, arm: string, kind: OutcomeKind) => {
  const record = runRecord(block, arm);
  return { ...record, outcome: { ...record.outcome, kind } };
};

const { protocol } = experimentRecord();
const byReference: Partial<Protocol> = {
  endpoint: 'lost-output',
  expected: { kind: 'reference', rulesSha256: '' },
};
const byClient: Partial<Protocol> = { client: { name: 'nbclient', cellTimeoutMs: null, versions: {} } };
const isClient = process.argv[2] === 'client';
const STALL: Stall = {
  cell: 3,
  request: 'execute_request',
  waitedMs: 1_000,
  replies: 5,
  taken: 4,
  cpuShare: 0,
  look: null,
  end: 'time-out',
  endedAfterMs: 6_000,
};
const withStall = (record: RunRecord): RunRecord => (isClient ? { ...record, stalls: [STALL] } : record);
const raising = (record: RunRecord): RunRecord => ({
  ...record,
  outcome: { ...record.outcome, kind: 'cell-error', error: { ename: 'KeyError', evalue: "'x'" } },
});
const display = openDisplay(
  { ...protocol, ...(process.argv[2] === 'reference' ? byReference : isClient ? byClient : {}) },
  [run(0, 'control', 'wedged-mute')],
  (text) => process.stdout.write(text),
  { isTerminal: true },
);
display.events.onStart?.({
  run: 'b001-control',
  block: 1,
  position: 0,
  arm: 'control',
  notebookIndex: 0,
  traffic: 'widgets',
  seed: 1,
});
display.events.onRun?.(run(1, 'control', 'completed'));
display.events.onRun?.(withStall(run(0, 'fix', 'completed')));
display.events.onRun?.(isClient ? withStall(run(1, 'fix', 'stalled')) : run(1, 'fix', 'busy'));
if (isClient) display.events.onRun?.(raising(run(2, 'fix', 'cell-error')));
display.close();
