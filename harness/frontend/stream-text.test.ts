import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { codeNotebook } from '../../tools/testing/code-notebook.ts';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { LongText } from '../model/long-text.ts';
import { seededUniform } from '../stats/random.ts';
import { executedNotebook, notebookPieces, notebookText } from './executed-notebook.ts';
import { NotebookOutputs } from './notebook-outputs.ts';
import { StreamText } from './stream-text.ts';
import { TextSpill } from './text-spill.ts';

const spills: TextSpill[] = [];

// A file that is open keeps its folder on Windows.
afterEach(async () => {
  for (const spill of spills.splice(0)) await spill.remove();
});

function spillIn(within = temporaryFolder()) {
  const removed: string[] = [];
  const spill = new TextSpill({
    makeFolder: (start) => {
      const folder = join(within, start);
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    },
    removeFolder: async (folder) => {
      removed.push(folder);
      rmSync(folder, { recursive: true });
    },
  });
  spills.push(spill);
  return { spill, within, removed };
}

const PARTS = ['\r', '\n', '\r\n', 'é', '漢', '😀', '\ud83d', '\ude00', '\v', '\u2028', '\x85'];

/** Messages of 3 MB: short and long ones, lines of every length, carriage returns, halves of characters. */
function messages(seed: number): string[] {
  const uniform = seededUniform(seed, 'stream text');
  const all: string[] = [];
  for (let size = 0; size < 3_000_000; size += all.at(-1)?.length ?? 0) {
    const part = PARTS[Math.floor(uniform() * PARTS.length)] ?? '';
    const isLong = uniform() < 0.5;
    all.push('x'.repeat(Math.floor(uniform() * (isLong ? 60_000 : 100))) + part);
  }
  return all;
}

describe('StreamText', () => {
  it.each([1, 2, 3])('that is set aside is the text that is not (seed %i)', (seed) => {
    const { spill, within } = spillIn();
    const store = { spill, held: 0 };
    const [aside, inMemory] = [new StreamText(store), new StreamText({ spill: null, held: 0 })];
    let most = 0;
    const all = messages(seed);
    for (const text of all) {
      aside.append(text);
      inMemory.append(text);
      most = Math.max(most, store.held);
    }
    const expected = all.join('');
    expect(inMemory.value() === expected).toBe(true);
    const value = aside.value();
    expect(value).toBeInstanceOf(LongText);
    expect(String(value) === expected).toBe(true);
    expect(value.length).toBe(expected.length);
    expect(most).toBeLessThan(1_300_000);
    expect(readdirSync(within)).toEqual(['soak-output-']);
    // What was released is no longer counted, and what comes after is text of its own.
    aside.release();
    aside.append('after');
    expect([aside.value(), store.held]).toEqual(['after', 5]);
  });

  it('keeps short text in memory, and makes no folder for it', () => {
    const { spill, within } = spillIn();
    const text = new StreamText({ spill, held: 0 });
    text.append('x'.repeat(1_000_000));
    expect(typeof text.value()).toBe('string');
    expect(readdirSync(within)).toEqual([]);
  });

  it('takes a message in pieces, which are never all in memory', () => {
    const { spill } = spillIn();
    const store = { spill, held: 0 };
    const text = new StreamText(store);
    let most = 0;
    class Counting extends LongText {
      readonly length = 20_000_000;
      *pieces() {
        for (let i = 0; i < 2_000; i += 1) {
          yield 'x'.repeat(10_000);
          most = Math.max(most, store.held);
        }
      }
    }
    text.append(new Counting());
    expect(text.value().length).toBe(20_000_000);
    expect(most).toBeLessThan(1_200_000);
  });
});

describe('TextSpill', () => {
  it.skipIf(process.platform === 'win32')('is private, and gone when it is removed', async () => {
    const { spill, within, removed } = spillIn();
    const piece = spill.write('text');
    const folder = join(within, 'soak-output-');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'text')).mode & 0o777).toBe(0o600);
    expect(spill.read(piece)).toBe('text');
    await spill.remove();
    expect(existsSync(folder)).toBe(false);
    expect(removed).toEqual([folder]);
    expect(() => spill.read(piece)).toThrow('removed');
    await spill.remove();
  });

  it('says that it cannot write, without the place', async () => {
    const spill = new TextSpill({ makeFolder: () => '/not/there', removeFolder: async () => {} });
    const error = await soakErrorOf(async () => spill.write('text'));
    expect([error.code, error.message]).toEqual([
      'output-not-set-aside',
      'The long output of a cell could not be written to the folder for temporary files: ENOENT.',
    ]);
    expect(error.remedy).toContain('TMPDIR');
  });
});

describe('a notebook whose outputs were set aside', () => {
  const notebook = codeNotebook('n.ipynb', ['x', 'x']);

  it.each([7, 8, 9])('is byte for byte the one that was in memory (seed %i)', (seed) => {
    const { spill } = spillIn();
    const outputs = [new NotebookOutputs(), new NotebookOutputs({ spill })] as const;
    const uniform = seededUniform(seed, 'notebook');
    for (const each of outputs) for (const cell of [0, 1]) each.beginCell(cell, `cell-${cell}`);
    const receive = (type: string, cell: number, content: Record<string, unknown>) => {
      const message = { header: { msg_type: type }, parent_header: { msg_id: `cell-${cell}` }, content };
      for (const each of outputs) each.receive(message);
    };
    for (const text of messages(seed)) {
      const cell = uniform() < 0.8 ? 0 : 1;
      receive('stream', cell, { name: uniform() < 0.9 ? 'stdout' : 'stderr', text });
      if (uniform() < 0.1) receive('display_data', cell, { data: { 'text/plain': text }, metadata: {} });
    }
    const [whole, pieces] = outputs.map((each) => executedNotebook(notebook, each));
    // The writer before this one took lines from the whole text, as JSON.stringify has them.
    const text = notebookText(whole ?? {});
    expect([...notebookPieces(pieces ?? {})].join('') === text).toBe(true);
    const asJson = JSON.parse(text) as { cells: { outputs: { text?: string[] }[] }[] };
    expect(`${JSON.stringify(asJson, null, 1)}\n` === text).toBe(true);
    const kept = outputs[1].executedCells().flatMap((cell) => cell.outputs);
    expect(kept.some((output) => output.output_type === 'stream' && output.text instanceof LongText)).toBe(
      true,
    );
  });

  it('forgets what was cleared', () => {
    const { spill } = spillIn();
    const outputs = new NotebookOutputs({ spill });
    outputs.beginCell(0, 'cell-0');
    const message = (type: string, content: Record<string, unknown>) => ({
      header: { msg_type: type },
      parent_header: { msg_id: 'cell-0' },
      content,
    });
    outputs.receive(message('stream', { name: 'stdout', text: 'x'.repeat(3_000_000) }));
    outputs.receive(message('clear_output', { wait: true }));
    outputs.receive(message('stream', { name: 'stdout', text: 'y' }));
    expect(outputs.executedCells()[0]?.outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'y' },
    ]);
  });
});
