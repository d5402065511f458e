import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNotebook } from '../../harness/frontend/notebook.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import { isClientStrand } from '../../harness/oracle/classify-client.ts';
import { runSubject } from '../../harness/run/run-subject.ts';
import { codeNotebookText } from '../testing/code-notebook.ts';
import { type FaultName, faultyKernelArgv } from '../testing/faulty-kernel.ts';
import { hasProcessorTimes } from '../testing/processor-times.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testPython } from '../testing/test-python.ts';
import { withRepeats } from './repeat.ts';
import { stallingClient } from './stalling-client.ts';

async function record(name: FaultName): Promise<RunRecord> {
  const python = await testPython();
  const client = await stallingClient();
  const subject = client.subject((connectionFile, more) => {
    const [program = '', ...rest] = faultyKernelArgv({ name, at: 2, ...more }, connectionFile, python);
    return [program, ...rest];
  });
  const path = join(temporaryFolder(), 'three-cells.ipynb');
  await writeFile(path, codeNotebookText(['print:first', 'print:second', 'print:third']));
  const notebook = await readNotebook(path);
  const { signal } = new AbortController();
  const order = {
    run: 'b000-a',
    block: 0,
    position: 0,
    arm: 'a',
    notebookIndex: 0,
    traffic: 'sequential',
    seed: 1,
  } as const;
  const result = await withRepeats(python, (context) =>
    runSubject(order, notebook, subject, context, signal, 'stalled'),
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result.record;
}

test.runIf(hasProcessorTimes)(
  'where its kernel asks for it, the client really stalls: the reply is queued, the wait is pending, the edge is gone',
  async () => {
    const { outcome, stalls = [], kernel, clientCounters } = await record('stalls-client');
    expect(outcome).toMatchObject({ kind: 'stalled', source: 'client', cell: 1 });
    const [stall] = stalls;
    expect(stalls).toHaveLength(1);
    expect(stall?.look).toMatchObject({
      pollin: true,
      fdReadable: false,
      fdRegistered: true,
      receiving: true,
    });
    expect(stall?.look && isClientStrand(stall.look)).toBe(true);
    // It is no sleep that passes: one look for remaining events ends it, and nothing else had.
    expect(stall).toMatchObject({ request: 'execute_request', end: 're-arm' });
    expect(kernel?.replies).toBe((clientCounters?.taken ?? 0) + 1);
  },
);

test('any other kernel it takes through', async () => {
  const { outcome, stalls, kernel, clientCounters, cellMs } = await record('normal');
  expect(outcome.kind).toBe('completed');
  expect(stalls).toBeUndefined();
  expect(cellMs).toHaveLength(3);
  // The test kernel's account is as an arm's.
  expect(clientCounters?.taken).toBeGreaterThan(3);
  expect(kernel).toMatchObject({
    delivered: clientCounters?.shellSends,
    begun: clientCounters?.shellSends,
    ended: clientCounters?.shellSends,
    replies: clientCounters?.taken,
  });
});
