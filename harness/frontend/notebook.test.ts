import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { executedNotebook, notebookPieces, notebookText } from './executed-notebook.ts';
import {
  assertHasCode,
  type JsonObject,
  MAX_NOTEBOOK_BYTES,
  parsedNotebook,
  readNotebook,
} from './notebook.ts';
import { NotebookOutputs } from './notebook-outputs.ts';

const CODE = { cell_type: 'code', source: '1', metadata: {}, outputs: [], execution_count: null };

function file(changes: JsonObject): Uint8Array {
  return Buffer.from(
    JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [CODE], ...changes }),
  );
}

function refusal(bytes: Uint8Array): SoakError {
  try {
    parsedNotebook(bytes, 'bad.ipynb');
  } catch (error) {
    if (error instanceof SoakError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('parsedNotebook', () => {
  it('leaves out what nbclient does not execute, and keeps the places of the rest', () => {
    const cells = [
      { cell_type: 'markdown', source: '# x', metadata: {} },
      { ...CODE, source: ['a = 1\n', 'a'] },
      { ...CODE, source: ' \n\t' },
      { ...CODE, metadata: { tags: ['skip-execution'] } },
      { ...CODE, metadata: { tags: ['raises-exception', 'x'] } },
      { cell_type: 'raw', source: 'x', metadata: {} },
    ];
    const notebook = parsedNotebook(file({ cells }), 'folder/some.ipynb');
    expect(notebook.name).toBe('some.ipynb');
    expect(notebook.cells).toHaveLength(6);
    expect(notebook.codeCells).toEqual([
      { index: 1, source: 'a = 1\na', mayRaise: false },
      { index: 4, source: '1', mayRaise: true },
    ]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])('reads nbformat 4.%i', (minor) => {
    expect(parsedNotebook(file({ nbformat_minor: minor }), 'x').nbformatMinor).toBe(minor);
  });

  it('tolerates a byte order mark, absent cell metadata and an absent minor version', () => {
    const bytes = file({ nbformat_minor: undefined, cells: [{ cell_type: 'code', source: '1' }] });
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    expect(parsedNotebook(marked, 'x')).toMatchObject({ nbformatMinor: 0, codeCells: [{ index: 0 }] });
  });

  it.each([
    [{ kernelspec: { language: 'R' }, language_info: { name: 'python' } }, 'R'],
    [{ language_info: { name: 'julia' } }, 'julia'],
    [{ kernelspec: { name: 'python3' } }, null],
    [{}, null],
  ])('knows the language of %j: %s', (metadata, language) => {
    expect(parsedNotebook(file({ metadata }), 'x').language).toBe(language);
  });

  it('hashes the bytes as they are', () => {
    const other = Buffer.concat([file({}), Buffer.from('\n')]);
    expect(parsedNotebook(file({}), 'x').sha256).not.toBe(parsedNotebook(other, 'x').sha256);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', Buffer.from(''), /is empty/],
    ['text', Buffer.from('print(1)'), /is not JSON/],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe]), /not UTF-8/],
    ['a list', Buffer.from('[1, 2]'), /holds \[1,2\]/],
    ['other JSON', Buffer.from('{"a": 1}'), /states no nbformat/],
    ['nbformat 5', file({ nbformat: 5 }), /is of nbformat 5/],
    ['a minor version of text', file({ nbformat_minor: '5' }), /"5" as its nbformat_minor/],
    ['no cells', file({ cells: undefined }), /has nothing where its list of cells/],
    ['cells of text', file({ cells: 'x' }), /has "x" where its list of cells/],
    ['a cell that is null', file({ cells: [CODE, null] }), /null as cell 1/],
    ['a cell of no type', file({ cells: [{ source: '' }] }), /cell_type of nothing in cell 0/],
    ['a source of numbers', file({ cells: [{ ...CODE, source: [1] }] }), /\[1\] as the source of cell 0/],
    ['metadata of text', file({ metadata: 'x' }), /"x" as its metadata/],
    ['tags of text', file({ cells: [{ ...CODE, metadata: { tags: 'x' } }] }), /"x" as the tags of cell 0/],
  ])('refuses %s, naming the file and what was found', (_what, bytes, found) => {
    const error = refusal(bytes);
    expect(error.code).toBe('bad-notebook');
    expect(error.message).toContain('bad.ipynb');
    expect(error.message).toMatch(found);
    expect(error.remedy).not.toBe('');
    expect(error.exitCode).toBe(2);
  });

  it('says how an old notebook is converted', () => {
    expect(refusal(file({ nbformat: 1 })).remedy).toContain('nbconvert --to notebook --nbformat 4');
  });

  it.each([
    [[]],
    [[{ cell_type: 'markdown', source: '# x', metadata: {} }]],
    [[{ ...CODE, source: '' }]],
    [[{ ...CODE, metadata: { tags: ['skip-execution'] } }]],
  ])('reads a notebook without code, which an experiment refuses: %j', (cells) => {
    const notebook = parsedNotebook(file({ cells }), 'text.ipynb');
    expect(notebook.codeCells).toEqual([]);
    expect(() => assertHasCode(notebook)).toThrow(
      /text\.ipynb has no code cell to execute \((1 cell|0 cells);/,
    );
  });

  it('reads numbers as Python does, and writes them as they were', () => {
    const numbers = '[1.0,-0.0,1e400,12345678901234567890,NaN,-Infinity,Infinity,7,0.1]';
    const text = `{"nbformat":4,"nbformat_minor":5,"metadata":{"numbers":${numbers},"words":"NaN 1.0 \\"2.0"},"cells":[]}`;
    const notebook = parsedNotebook(Buffer.from(text), 'x');
    const written = notebookText(executedNotebook(notebook, new NotebookOutputs()));
    expect(written.replace(/\s/g, '')).toContain(`"numbers":${numbers},"words":"NaN1.0\\"2.0"`);
  });

  it.each(['{"a": NaN', '{"a": 1.0, }', '{"a": -NaN}', '{"a": 01.0}', '{"a": .5}'])('refuses %s', (text) => {
    expect(refusal(Buffer.from(text)).message).toMatch(/is not JSON/);
  });

  it('is not misled by keys that name prototypes', () => {
    const bytes = Buffer.from(
      `{"nbformat": 4, "nbformat_minor": 5, "metadata": {"__proto__": {"kernelspec": {"language": "x"}}},
        "cells": [{"cell_type": "code", "source": "1", "metadata": {"__proto__": {"tags": ["skip-execution"]}}}]}`,
    );
    const notebook = parsedNotebook(bytes, 'x');
    expect(notebook).toMatchObject({ language: null, codeCells: [{ index: 0 }] });
    const text = notebookText(executedNotebook(notebook, new NotebookOutputs()));
    expect(text).toContain('__proto__');
    expect(({} as JsonObject)['kernelspec']).toBeUndefined();
  });
});

describe('readNotebook', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'notebook-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('says which file is missing', async () => {
    const path = join(folder, 'none.ipynb');
    await expect(readNotebook(path)).rejects.toMatchObject({
      code: 'bad-notebook',
      message: expect.stringContaining(path),
    });
  });

  it('says that a folder is no notebook', async () => {
    await expect(readNotebook(folder)).rejects.toMatchObject({ code: 'bad-notebook' });
  });

  it('refuses a file beyond its bound without reading it', async () => {
    const path = join(folder, 'large.ipynb');
    const handle = await open(path, 'w');
    await handle.truncate(MAX_NOTEBOOK_BYTES + 1);
    await handle.close();
    await expect(readNotebook(path)).rejects.toThrow(/at most 268435456 are read/);
  });

  it.each([
    ['widgets', 29],
    ['data', 14],
    ['plain', 22],
    ['many-cells', 161],
  ])("reads the project's %s notebook, and writes it back byte for byte", async (name, codeCells) => {
    const path = join(packageRoot(), 'notebooks', `${name}.ipynb`);
    const notebook = await readNotebook(path);
    expect(notebook.codeCells).toHaveLength(codeCells);
    expect(notebook.language).toBe('python');
    const text = notebookText(executedNotebook(notebook, new NotebookOutputs()));
    expect(text).toBe(await readFile(path, 'utf8'));
  });

  it('splits lines where nbformat does', async () => {
    const path = join(folder, 'lines.ipynb');
    const source = ['a\r\n', 'b\r', 'c\u2028', 'd\f', 'e'];
    await writeFile(path, file({ cells: [{ ...CODE, source: source.join('') }] }));
    const text = notebookText(executedNotebook(await readNotebook(path), new NotebookOutputs()));
    expect(JSON.parse(text).cells[0].source).toEqual(source);
  });
});

it('a long text is written piece by piece, and reads as any other', () => {
  const lines = Array.from(
    { length: 30_000 },
    (_, i) => `${i} "é" \u001b[1m${'x'.repeat(40)}${['\n', '\r\n', '\u2028', '\v'][i % 4]}`,
  );
  const text = `${lines.join('')}the end`;
  expect(text.length).toBeGreaterThan(1024 * 1024);
  const output = { output_type: 'stream', name: 'stdout', text };
  const cell = {
    cell_type: 'code',
    source: 'x\n',
    metadata: {},
    execution_count: 1,
    outputs: [output, output],
  };
  const notebook = { nbformat: 4, nbformat_minor: 4, metadata: {}, cells: [cell] };
  const pieces = [...notebookPieces(notebook)];
  expect(pieces.length).toBeGreaterThan(10);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(text.length / 2);
  const written = pieces.join('');
  const read = JSON.parse(written) as { cells: { outputs: { text: string[] }[] }[] };
  for (const { text: list } of read.cells[0]?.outputs ?? []) expect(list).toEqual([...lines, 'the end']);
  expect(written).toBe(`${JSON.stringify(read, null, 1)}\n`);
});
