import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import {
  type FaultyBehaviour,
  faultyKernelArgv,
  type OddMessages,
} from '../../tools/testing/faulty-kernel.ts';
import { FAULTY_CELL, type FaultyRuns, faultyRuns } from '../../tools/testing/faulty-run.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { executeRun } from './execute-run.ts';

let runs: FaultyRuns;
let python: string;

beforeAll(async () => {
  runs = await faultyRuns();
  python = await testPython();
});

afterAll(() => runs.close());

/** As the kernel of a kernelspec: its command allows for what ipykernel does not do. */
const ANY_KERNEL = { mayLackControl: true };
const AT_THE_CELL = FAULTY_CELL - 1;

describe('messages that jupyter_client takes', () => {
  test.each<[OddMessages, string]>([
    ['null-metadata', 'metadata is null'],
    ['nan-metadata', 'NaN or Infinity in metadata'],
    ['null-no-parent', 'parent_header is null'],
    ['text-count', 'execution_count is a text'],
    ['bare-header', 'header without date'],
    ['zoneless-date', 'header.date without a time zone'],
    ['number-id', 'header.msg_id is a number'],
  ])('%s: the run completes, and says what was odd', async (odd, deviation) => {
    const { record } = await runs.provoked({ name: 'normal', odd });
    expect(record.outcome.kind).toBe('completed');
    expect(record.client.rejected).toBe(0);
    expect(record.client.deviations?.[deviation]).toBeGreaterThan(0);
  });

  test('a kernel that writes as the protocol has it has nothing odd', async () => {
    const { record } = await runs.provoked({ name: 'normal' });
    expect(record.client).not.toHaveProperty('deviations');
  });

  test('a reply with a wrong signature is not taken, however odd the kernel is otherwise', async () => {
    const { record } = await runs.provoked({ name: 'bad-signature', odd: 'null-metadata' });
    expect(record.outcome).toMatchObject({ kind: 'lost-reply', cell: AT_THE_CELL });
    expect(record.client.rejected).toBe(1);
  });
});

test('a start whose answers were all turned away says so, how many and why, and denies nothing', async () => {
  const { record } = await runs.provoked(
    { name: 'normal', odd: 'list-header' },
    { startTimeoutMs: 4_000 },
    'sequential',
    ANY_KERNEL,
  );
  expect(record.outcome.kind).toBe('start-failed');
  expect(record.outcome.reason).toMatch(
    /the kernel's answers came and were turned away: .*\d+ on iopub \(malformed: the header is a list\).*1 on shell \(malformed: the header is a list\)/,
  );
});

describe('a start', () => {
  test('needs no status for control requests: shell has to do', async () => {
    const { record } = await runs.provoked(
      { name: 'normal', controlStatus: false, welcome: false },
      {},
      'sequential',
      ANY_KERNEL,
    );
    expect(record.outcome.kind).toBe('completed');
  });

  test('of a kernel without control waits a third of the five seconds that it waited', async () => {
    const { record } = await runs.provoked(
      { name: 'normal', control: false, controlStatus: false, welcome: false },
      {},
      'sequential',
      ANY_KERNEL,
    );
    expect(record.outcome.kind).toBe('completed');
    // The process itself starts in a few hundred milliseconds.
    expect(record.startMs).toBeGreaterThan(1_600);
    expect(record.startMs).toBeLessThan(3_600);
  });
});

test('a request that the kernel went past is none that it left unread', async () => {
  const { record } = await runs.provoked({ name: 'never-replies' }, { timeoutMs: 3_000 }, 'pipeline');
  expect(record.outcome).toMatchObject({ kind: 'no-answer', source: 'kernel', cell: AT_THE_CELL });
  expect(record.outcome.reason).toMatch(/the kernel turned to 2 requests that the same client sent after it/);
});

/** A notebook whose third cell may raise, so that the run goes on. */
async function afterAllowedError(behaviour: FaultyBehaviour, traffic: 'sequential' | 'pipeline') {
  const notebook = codeNotebook(
    'may-raise.ipynb',
    Array.from({ length: 6 }, (_, index) => `print:cell ${index}`),
  );
  const cells = notebook.codeCells.map((cell, index) => ({ ...cell, mayRaise: index === AT_THE_CELL }));
  const result = await executeRun(
    { run: 'b000-odd', block: 0, position: 0, arm: 'odd', notebookIndex: 0, traffic, seed: 1 },
    { ...notebook, codeCells: cells },
    (_folder, connectionFile) => ({
      argv: faultyKernelArgv({ at: FAULTY_CELL, ...behaviour }, connectionFile, python) as [
        string,
        ...string[],
      ],
      countersPath: null,
      identityPath: null,
    }),
    runs.context,
    new AbortController().signal,
  );
  return result?.record.outcome;
}

describe('a cell that was not executed', () => {
  test('is no completed one: the next cell after an error is answered `abort`, without busy and idle', async () => {
    const outcome = await afterAllowedError({ name: 'aborts-next' }, 'sequential');
    expect(outcome).toMatchObject({ kind: 'aborted', source: 'kernel', cell: FAULTY_CELL });
    expect(outcome?.reason).toBe('a cell was not executed: the kernel answered it with the status "abort"');
  });

  test('is `aborted` too where it was queued', async () => {
    const outcome = await afterAllowedError({ name: 'aborted', delayMs: 300 }, 'pipeline');
    expect(outcome).toMatchObject({ kind: 'aborted', cell: FAULTY_CELL });
    expect(outcome?.reason).toContain('"aborted"');
  });

  test('is not taken for one that raised: a queued cell was answered with the error of another', async () => {
    const outcome = await afterAllowedError({ name: 'infects', delayMs: 300 }, 'pipeline');
    expect(outcome).toMatchObject({ kind: 'aborted', cell: FAULTY_CELL });
    expect(outcome?.reason).toMatch(
      /answered with that error, word for word \(ZeroDivisionError: division by zero\)/,
    );
  });

  test('is not taken for one that raised: the kernel answered it with an error and never began it', async () => {
    const outcome = await afterAllowedError({ name: 'aborts-as-error', delayMs: 300 }, 'pipeline');
    expect(outcome).toMatchObject({ kind: 'aborted', cell: FAULTY_CELL });
    expect(outcome?.reason).toMatch(
      /RuntimeError: Aborting due to prior exception\) but without the execute_input/,
    );
  });

  test('behind one that raised and must not, without busy and idle: that one is the outcome', async () => {
    const { record } = await runs.provoked({ name: 'aborts-next', delayMs: 300 }, {}, 'pipeline');
    expect(record.outcome).toMatchObject({ kind: 'cell-error', cell: AT_THE_CELL });
  });
});

describe('an error', () => {
  test.each<['nameless-error' | 'published-error', string, string]>([
    ['nameless-error', 'error without a name', 'Error: boom\n    at <anonymous>'],
    ['published-error', 'Boom', 'it went'],
  ])('whose reply has neither name nor text gets what was published: %s', async (name, ename, evalue) => {
    const { record } = await runs.provoked({ name });
    expect(record.outcome).toMatchObject({ kind: 'cell-error', cell: AT_THE_CELL, error: { ename, evalue } });
  });
});

test('a kernel that dies and complains on standard output alone is quoted', async () => {
  const { record } = await runs.provoked({ name: 'exits-saying-so' });
  expect(record.outcome).toMatchObject({
    kind: 'died',
    stderrTail: '',
    stdoutTail: 'lua: not enough memory\n',
  });
});
