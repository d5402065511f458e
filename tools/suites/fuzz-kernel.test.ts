import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { executedNotebook, notebookText } from '../../harness/frontend/executed-notebook.ts';
import { parsedNotebook } from '../../harness/frontend/notebook.ts';
import { NotebookOutputs } from '../../harness/frontend/notebook-outputs.ts';
import { readLines } from '../../harness/kernel/bounded-lines.ts';
import { createCounterFile, readCounters } from '../../harness/kernel/counters.ts';
import { readIdentity } from '../../harness/kernel/kernel-identity.ts';
import { KERNEL_COUNTERS, kernelCountersSchema } from '../../harness/model/arm.ts';
import { lookOfKernel, lookSchema } from '../../harness/model/observations.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { CASES, damaged, fuzz, inBoundedMemory, read, SEED, TIMEOUT_MS } from './fuzzing.ts';

// What a kernel says besides its answers: outputs, files of its own, and words on control.

// Each of these writes a file, or a notebook.
const FILE_CASES = Math.ceil(CASES / 5);
const KEPT_CHARACTERS = 20_000;
let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});

/** Mostly what the readers look for, with anything in its place. */
const key = fc.constantFrom(
  'name',
  'text',
  'data',
  'metadata',
  'transient',
  'display_id',
  'execution_count',
  'execution_state',
  'wait',
  'comm_id',
  'state',
  'msg_id',
  'outputs',
  'buffer_paths',
  'target_name',
  '_model_module',
  '_model_name',
  'ename',
  'evalue',
  'traceback',
  '__proto__',
  'constructor',
  'toString',
  'text/plain',
);
const word = fc.constantFrom(
  'a',
  'b',
  'stdout',
  'stderr',
  'idle',
  'busy',
  'jupyter.widget',
  '@jupyter-widgets/output',
  'OutputModel',
  'cell-0',
  'cell-1',
  '',
  '\ud800',
  '\r\n\r',
  '__proto__',
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    word,
    fc.constantFrom<unknown>(null, true, 0, -1, 1e300, 'x'.repeat(5_000)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 8 })
      .map((entries) =>
        JSON.parse(
          `{${entries.map((pair) => pair.map((each) => JSON.stringify(each)).join(':')).join(',')}}`,
        ),
      ),
  ),
}));
const content = fc
  .array(fc.tuple(key, value), { maxLength: 10 })
  .map(
    (entries) =>
      JSON.parse(
        `{${entries.map((pair) => pair.map((each) => JSON.stringify(each)).join(':')).join(',')}}`,
      ) as Record<string, unknown>,
  );
const message = fc.record({
  type: fc.constantFrom(
    'stream',
    'display_data',
    'update_display_data',
    'execute_result',
    'error',
    'clear_output',
    'status',
    'comm_open',
    'comm_msg',
    'comm_close',
    'execute_input',
    '__proto__',
  ),
  parent: fc.constantFrom<unknown>('cell-0', 'cell-1', 'cell-0', 'cell-1', 'other', 7, null),
  content,
  // As ipywidgets and display have them, so that more than one message in a thousand gets anywhere.
  like: fc.constantFrom<Record<string, unknown>>(
    {},
    { name: 'stdout', text: 'x\r' },
    { data: { 'text/plain': 'x' }, transient: { display_id: 'a' } },
    { comm_id: 'a', data: { state: { msg_id: 'cell-0', outputs: [] } } },
    {
      comm_id: 'a',
      target_name: 'jupyter.widget',
      data: { state: { _model_module: '@jupyter-widgets/output', _model_name: 'OutputModel' } },
    },
  ),
});

describe('whatever a kernel says, it is taken or refused:', () => {
  test(
    'outputs, of which no more is saved than is kept',
    async () => {
      const cell = { cell_type: 'code', source: 'x', metadata: {}, outputs: [], execution_count: null };
      const json = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell, cell] };
      const notebook = parsedNotebook(Buffer.from(JSON.stringify(json)), 'fuzz.ipynb');
      let outputs = 0;
      let syncs = 0;
      let dropped = 0;
      await inBoundedMemory(() =>
        fc.assert(
          fc.asyncProperty(fc.array(message, { maxLength: 60, size: 'max' }), async (messages) => {
            await read(() => {
              const taken = new NotebookOutputs({ maxCharacters: KEPT_CHARACTERS });
              for (const index of [0, 1]) taken.beginCell(index, `cell-${index}`);
              for (const { type, parent, content, like } of messages) {
                const sent = taken.receive({
                  header: { msg_type: type },
                  parent_header: { msg_id: parent },
                  content: { ...content, ...like },
                  buffers: [Buffer.from('x')],
                });
                syncs += sent.length;
              }
              const text = notebookText(executedNotebook(notebook, taken));
              // Each kept character may be written as an escape of six, in a line of its own, deeply indented.
              expect(text.length).toBeLessThan(KEPT_CHARACTERS * 60);
              dropped += taken.dropped;
              outputs += taken.executedCells().reduce((sum, each) => sum + each.outputs.length, 0);
              const saved = parsedNotebook(Buffer.from(text), 'saved.ipynb');
              expect(saved.cells).toHaveLength(2);
            });
          }),
          { numRuns: Math.ceil(FILE_CASES / 2), seed: SEED },
        ),
      );
      expect(Math.min(outputs, syncs, dropped)).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'counters, in a file that it can write to',
    () => {
      const sound = join(folder, 'sound.bin');
      const path = join(folder, 'counters.bin');
      createCounterFile(sound);
      const seed = Buffer.concat([
        Buffer.from('KSOAK\0\0\x01', 'latin1'),
        ...KERNEL_COUNTERS.map((_, index) => Buffer.from([index, 0, 0, 0, 0, 0, index, 0])),
      ]);
      return fuzz(
        [seed],
        (bytes) => {
          writeFileSync(path, bytes);
          const counters = readCounters(path);
          // What is taken can be journalled, and read again.
          if (counters !== null) kernelCountersSchema.parse(JSON.parse(JSON.stringify(counters)));
          return counters;
        },
        FILE_CASES,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'what it is, in another',
    () => {
      const path = join(folder, 'identity.json');
      const seed = {
        sources: { 'ipykernel/kernelapp.py': 'a'.repeat(64) },
        ipykernel: '7.3.0',
        python: '3.11.7',
        pyzmq: '27.1.0',
        libzmq: '4.3.5',
        eventLoop: 'x',
        mainLoop: null,
        pid: 1234,
      };
      return fuzz(
        [Buffer.from(JSON.stringify(seed))],
        (bytes) => {
          writeFileSync(path, bytes);
          const identity = readIdentity(path);
          if (identity !== null) expect(identity.pid).toBeGreaterThan(1);
          return identity;
        },
        FILE_CASES,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'how its loop stands, of which little is kept',
    () => {
      const threads = {
        MainThread: ['selectors.py:468 select'],
        'Shell channel': ['selectors.py:468 select'],
      };
      const seed = {
        fdReadable: false,
        fdRegistered: true,
        pollin: true,
        pollout: true,
        receiving: true,
        threads: {
          ...Object.fromEntries(
            Array.from({ length: 100 }, (_, index) => [`t${index}`, Array(50).fill('f')]),
          ),
          ...threads,
        },
      };
      return fuzz([Buffer.from(JSON.stringify(seed))], (bytes) => {
        let json: unknown = null;
        try {
          json = JSON.parse(bytes.toString('utf8'));
        } catch {
          return null;
        }
        const look = lookOfKernel(json);
        if (look !== null) {
          const text = JSON.stringify(look);
          expect(text.length).toBeLessThan(40 * 8 * 1_300);
          lookSchema.parse(JSON.parse(text));
        }
        return look;
      });
    },
    TIMEOUT_MS,
  );

  test(
    'lines of what forks it',
    async () => {
      const seeds = [Buffer.from('{"event":"ready"}\n{"event":"exit","pid":1,"code":null,"signal":9}\n')];
      await inBoundedMemory(async () =>
        fc.assert(
          fc.property(damaged(seeds), fc.nat(1_000), (bytes, cut) => {
            const stream = new PassThrough();
            const lines: string[] = [];
            readLines(stream, 5_000, (line) => lines.push(line));
            for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) stream.emit('data', piece);
            const whole = bytes.toString('utf8').split('\n').slice(0, -1);
            expect(lines.length).toBeLessThanOrEqual(whole.length);
            for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(15_000);
          }),
          { numRuns: CASES, seed: SEED },
        ),
      );
    },
    TIMEOUT_MS,
  );
});

test('a folder, a pipe or nothing in the place of a file is no file', () => {
  mkdirSync(join(folder, 'directory'));
  expect(readCounters(join(folder, 'directory'))).toBeNull();
  expect(readIdentity(join(folder, 'nothing'))).toBeNull();
  if (process.platform !== 'win32') {
    // Whoever opened either and read it would wait, or never end.
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('/dev/zero', join(folder, 'endless'));
    for (const name of ['pipe', 'endless']) expect(readCounters(join(folder, name))).toBeNull();
  }
  writeFileSync(join(folder, 'large'), Buffer.alloc(9 * 2 ** 20, ' '));
  expect(readIdentity(join(folder, 'large'))).toBeNull();
});

describe('outputs by the hundred thousand', () => {
  const MANY = 100_000;
  const message = (type: string, content: Record<string, unknown>) => ({
    header: { msg_type: type },
    parent_header: { msg_id: 'cell-0' },
    content,
  });

  // Each looked through all before it: a run's deadline passed within the harness, not within the kernel.
  test.each([
    ['streams of as many names', (at: number) => message('stream', { name: `n${at}`, text: 'x' })],
    [
      'displays of one id',
      (at: number) =>
        message('display_data', { data: { 'text/plain': `${at}` }, transient: { display_id: 'a' } }),
    ],
  ])('take time in proportion: %s', (_what, made) => {
    const outputs = new NotebookOutputs();
    outputs.beginCell(0, 'cell-0');
    const startMs = performance.now();
    for (let at = 0; at < MANY; at += 1) outputs.receive(made(at));
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(outputs.executedCells()[0]?.outputs).toHaveLength(MANY);
  });

  test('updates and widget states take the place of what they replace, and are not kept beyond the bound', () => {
    const outputs = new NotebookOutputs({ maxCharacters: 1_000_000 });
    outputs.beginCell(0, 'cell-0');
    const transient = { display_id: 'a' };
    const data = (at: number) => ({ 'text/plain': `${at} ${'x'.repeat(1_000)}` });
    outputs.receive(message('display_data', { data: data(0), transient }));
    for (let at = 1; at < 10_000; at += 1) {
      outputs.receive(message('update_display_data', { data: data(at), transient }));
      outputs.receive(
        message('comm_open', { comm_id: 'w', data: { state: { _model_name: 'X', value: data(at) } } }),
      );
    }
    expect(outputs.dropped).toBe(0);
    expect(JSON.stringify(outputs.executedCells())).toContain('9999 x');
    for (let at = 0; at < 10_000; at += 1) {
      outputs.receive(
        message('comm_open', { comm_id: `w${at}`, data: { state: { _model_name: 'X', value: data(at) } } }),
      );
    }
    outputs.receive(
      message('update_display_data', { data: { 'text/plain': 'y'.repeat(2_000_000) }, transient }),
    );
    expect(outputs.dropped).toBeGreaterThan(9_000);
    expect(JSON.stringify(outputs.widgetState()).length).toBeLessThan(1_500_000);
    expect(JSON.stringify(outputs.executedCells())).toContain('9999 x');
  });
});
