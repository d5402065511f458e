/** Shows four runs, one of an earlier session, as on a terminal. `reference`: they are to show what control's runs show. */
import { experimentRecord, runRecord } from '../journal/journal.fixture.ts';
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
const display = openDisplay(
  { ...protocol, ...(process.argv[2] === 'reference' ? byReference : {}) },
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
display.events.onRun?.(run(0, 'fix', 'completed'));
display.events.onRun?.(run(1, 'fix', 'busy'));
display.close();
