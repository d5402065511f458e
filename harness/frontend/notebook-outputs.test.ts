import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withMergedStreams } from '../../tools/testing/merged-streams.ts';
import type { IopubMessage } from './cell-output.ts';
import { executedNotebook, notebookText } from './executed-notebook.ts';
import { type JsonObject, parsedNotebook } from './notebook.ts';
import { NotebookOutputs, type OutputSync } from './notebook-outputs.ts';

type RecordedEvent =
  | { type: 'iopub'; message: Omit<IopubMessage, 'buffers'> & { buffers: string[] } }
  | { type: 'sent'; content: JsonObject; parent: string };

/** See golden/record_nbclient.py. */
const recordingPath = new URL('./golden/nbclient-recording.json', import.meta.url);
const recording = JSON.parse(readFileSync(recordingPath, 'utf8')) as {
  notebook: JsonObject;
  cells: { index: number; msgId: string }[];
  events: RecordedEvent[];
  executed: JsonObject & { metadata: { language_info: JsonObject } };
};

function replayed(outputs: NotebookOutputs): { sent: unknown[]; recorded: unknown[] } {
  for (const { index, msgId } of recording.cells) outputs.beginCell(index, msgId);
  const sent: unknown[] = [];
  const recorded: unknown[] = [];
  for (const [place, event] of recording.events.entries()) {
    if (event.type === 'iopub') {
      const buffers = event.message.buffers.map((text) => Buffer.from(text, 'base64'));
      for (const sync of outputs.receive({ ...event.message, buffers })) {
        // nbclient sends at once: the message that caused it is the last one before.
        sent.push({
          after: place,
          parent: sync.parentHeader['msg_id'],
          comm: sync.commId,
          state: JSON.parse(JSON.stringify(sync.state)),
        });
      }
    } else {
      const { comm_id: comm, data } = event.content as { comm_id: string; data: { state: unknown } };
      recorded.push({ after: place - 1, parent: event.parent, comm, state: data.state });
    }
  }
  return { sent, recorded };
}

describe('NotebookOutputs against a recorded nbclient', () => {
  const notebook = parsedNotebook(Buffer.from(JSON.stringify(recording.notebook)), 'recorded.ipynb');
  const outputs = new NotebookOutputs();
  const { sent, recorded } = replayed(outputs);

  it('sends the same widget states, for the same messages, in the same order, their keys too', () => {
    expect(recorded.length).toBeGreaterThan(15);
    expect(sent.map((each) => JSON.stringify(each))).toEqual(recorded.map((each) => JSON.stringify(each)));
  });

  it('leaves the same executed notebook, widget state and its buffers included', () => {
    const info = recording.executed.metadata.language_info;
    const text = notebookText(executedNotebook(notebook, outputs, info));
    expect(JSON.parse(text)).toEqual(JSON.parse(notebookText(withMergedStreams(recording.executed))));
  });

  it('keeps as much as it is allowed to, and sends as many widget states all the same', () => {
    const bounded = new NotebookOutputs({ maxCharacters: 2000 });
    const all = replayed(bounded);
    expect(all.sent.length).toBe(sent.length);
    expect(bounded.dropped).toBeGreaterThan(0);
    expect(JSON.stringify(bounded.executedCells()).length).toBeLessThan(
      JSON.stringify(outputs.executedCells()).length,
    );
  });
});

const PARENT = { msg_id: 'cell-1', session: 's' };

function message(msgType: string, content: JsonObject, parent: JsonObject = PARENT): IopubMessage {
  return { header: { msg_type: msgType }, parent_header: parent, content };
}

function stream(text: string, name = 'stdout'): IopubMessage {
  return message('stream', { name, text });
}

function begun(): NotebookOutputs {
  const outputs = new NotebookOutputs();
  outputs.beginCell(0, 'cell-1');
  return outputs;
}

describe('NotebookOutputs', () => {
  it('has no count and no outputs for a cell that the kernel never began', () => {
    expect(begun().executedCells()).toEqual([{ index: 0, executionCount: null, outputs: [] }]);
  });

  it("takes the kernel's count until the cell is idle, then the place among the executed cells", () => {
    const outputs = begun();
    outputs.receive(message('execute_input', { code: '1', execution_count: 41 }));
    expect(outputs.executedCells()[0]?.executionCount).toBe(41);
    outputs.receive(message('status', { execution_state: 'idle' }));
    expect(outputs.executedCells()[0]?.executionCount).toBe(1);
  });

  it('ignores what comes after the idle status, as nbclient has stopped reading by then', () => {
    const outputs = begun();
    outputs.receive(stream('in time'));
    outputs.receive(message('status', { execution_state: 'idle' }));
    outputs.receive(stream('late'));
    expect(outputs.executedCells()[0]?.outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'in time' },
    ]);
  });

  it.each(['a\rb\n', 'a\r\n', 'a\rb\rc', 'a\r', 'ab\b\bc'])('keeps %j as it came', (text) => {
    const outputs = begun();
    for (const character of text) outputs.receive(stream(character));
    expect(outputs.executedCells()[0]?.outputs).toEqual([{ output_type: 'stream', name: 'stdout', text }]);
  });

  it('keeps the order of a cell, merging a stream only into the output just before', () => {
    const outputs = begun();
    const shown = message('display_data', { data: { 'text/plain': 'figure' }, metadata: {} });
    const all = [stream('e', 'stderr'), stream('1'), stream('2'), shown, stream('3'), stream('e', 'stderr')];
    for (const each of all) outputs.receive(each);
    const kept = outputs.executedCells()[0]?.outputs ?? [];
    expect(
      kept.map((output) => (output.output_type === 'stream' ? `${output.name} ${output.text}` : 'figure')),
    ).toEqual(['stderr e', 'stdout 12', 'figure', 'stdout 3', 'stderr e']);
  });

  it('keeps the cells of a pipeline apart, whatever the order of their messages', () => {
    const outputs = begun();
    outputs.beginCell(3, 'cell-2');
    outputs.receive(message('stream', { name: 'stdout', text: 'second' }, { msg_id: 'cell-2' }));
    outputs.receive(stream('first'));
    outputs.receive(message('stream', { name: 'stdout', text: 'nobody' }, { msg_id: 'cell-9' }));
    outputs.receive(message('stream', { name: 'stdout', text: 'nobody' }, {}));
    const texts = outputs.executedCells().map((cell) => [cell.index, cell.outputs]);
    expect(texts).toEqual([
      [0, [{ output_type: 'stream', name: 'stdout', text: 'first' }]],
      [3, [{ output_type: 'stream', name: 'stdout', text: 'second' }]],
    ]);
  });

  it('survives malformed messages and keys that name prototypes', () => {
    const outputs = begun();
    const hostile = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    for (const type of [
      'stream',
      'display_data',
      'execute_result',
      'error',
      'clear_output',
      'comm_open',
      'comm_msg',
      'status',
      'debug_event',
    ]) {
      for (const content of [{}, hostile, { data: 7, transient: [], comm_id: '__proto__' }]) {
        outputs.receive(message(type, content));
      }
    }
    const state = JSON.parse('{"_model_name":"X","__proto__":{"polluted":1}}');
    const open = message('comm_open', {
      comm_id: '__proto__',
      target_name: 'jupyter.widget',
      data: { state },
    });
    outputs.receive(open);
    expect(({} as JsonObject)['polluted']).toBeUndefined();
    const widgets = outputs.widgetState()?.['application/vnd.jupyter.widget-state+json'].state ?? {};
    expect(Object.keys(widgets)).toEqual(['__proto__']);
    expect(JSON.stringify(widgets)).toContain('"__proto__":{"polluted":1}');
  });

  it('returns snapshots: later output does not change a state that waits to be sent', () => {
    const outputs = begun();
    const state = { _model_module: '@jupyter-widgets/output', _model_name: 'OutputModel', outputs: [] };
    outputs.receive(
      message('comm_open', {
        comm_id: 'w',
        target_name: 'jupyter.widget',
        data: { state, buffer_paths: [] },
      }),
    );
    outputs.receive(
      message('comm_msg', { comm_id: 'w', data: { method: 'update', state: { msg_id: 'cell-1' } } }),
    );
    const syncs: OutputSync[] = ['a', 'b'].flatMap((text) => outputs.receive(stream(text)));
    const texts = syncs.map(({ state: { outputs: sent } }) =>
      sent.map((output) => 'text' in output && output.text),
    );
    expect(texts).toEqual([['a'], ['ab']]);
    expect(syncs.map((sync) => sync.parentHeader)).toEqual([PARENT, PARENT]);
  });

  it('bounds what updates make of a display, and gives back what they replace', () => {
    const outputs = new NotebookOutputs({ maxCharacters: 100_000 });
    outputs.beginCell(0, 'cell-1');
    const shown = (type: string, id: string, text: string) =>
      outputs.receive(message(type, { data: { text }, metadata: {}, transient: { display_id: id } }));
    for (const id of ['a', 'b', 'c']) shown('display_data', id, '');
    for (let i = 0; i < 1_000; i += 1) shown('update_display_data', 'a', `${i}${'x'.repeat(10_000)}`);
    expect(outputs.dropped).toBe(0);
    shown('update_display_data', 'b', 'y'.repeat(80_000));
    shown('update_display_data', 'c', 'z'.repeat(80_000));
    expect(outputs.dropped).toBe(1);
    shown('update_display_data', 'b', '');
    shown('update_display_data', 'c', 'z'.repeat(80_000));
    expect(outputs.dropped).toBe(1);
    const lengths = outputs.executedCells()[0]?.outputs.map((output) => JSON.stringify(output).length);
    expect(lengths?.map((length) => Math.floor(length / 10_000))).toEqual([1, 0, 8]);
  });

  it('bounds the state of widgets, and gives back what is replaced', () => {
    const outputs = new NotebookOutputs({ maxCharacters: 100_000 });
    outputs.beginCell(0, 'cell-1');
    const update = (id: string, value: string) =>
      outputs.receive(message('comm_msg', { comm_id: id, data: { state: { _model_name: 'X', value } } }));
    for (let i = 0; i < 1_000; i += 1) update('a', 'x'.repeat(10_000 + i));
    expect(outputs.dropped).toBe(0);
    for (let i = 0; i < 100; i += 1) update(`w${i}`, 'x'.repeat(10_000));
    expect(outputs.dropped).toBeGreaterThan(90);
    expect(JSON.stringify(outputs.widgetState()).length).toBeLessThan(110_000);
    for (let i = 0; i < 10_000; i += 1) update(`more${i}`, '');
    expect(JSON.stringify(outputs.widgetState()).length).toBeLessThan(200_000);
  });

  it('takes a flood of small messages in bounded memory and little time', () => {
    const outputs = new NotebookOutputs({ maxCharacters: 1_000_000 });
    outputs.beginCell(0, 'cell-1');
    const one = stream('0123456789');
    const startMs = performance.now();
    for (let i = 0; i < 300_000; i += 1) outputs.receive(one);
    expect(performance.now() - startMs).toBeLessThan(5000);
    const [output] = outputs.executedCells()[0]?.outputs ?? [];
    expect(output?.output_type === 'stream' && output.text.length).toBeLessThanOrEqual(1_000_000);
    expect(outputs.dropped).toBeGreaterThan(200_000);
  });
});
