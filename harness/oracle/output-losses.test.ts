import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keptText } from '../frontend/cell-listing.ts';
import type { CellListing, ListedOutput } from '../model/cell-outputs.ts';
import { labelOf, outputLosses } from './output-losses.ts';

function stream(text: string, name = 'stdout'): ListedOutput {
  return { type: 'stream', name, parts: { 'text/plain': keptText([text], []) } };
}

function result(text: string): ListedOutput {
  return { type: 'execute_result', name: 'text/plain', parts: { 'text/plain': text } };
}

function image(size: string): ListedOutput {
  return { type: 'display_data', name: 'image/png', parts: { 'image/png': size, 'text/plain': '<Figure>' } };
}

function cells(...outputs: readonly (readonly ListedOutput[])[]): CellListing[] {
  return outputs.map((each) => ({ outputs: [...each] }));
}

describe('any output of any notebook', () => {
  // Every text is one that occurs once, so that the right name of what happened is certain.
  const kinds = fc.array(
    fc.array(fc.constantFrom('stdout', 'stderr', 'result', 'display', 'image'), {
      minLength: 1,
      maxLength: 4,
    }),
    { minLength: 2, maxLength: 6 },
  );
  const notebooks = kinds.map((all) =>
    all.map((kindsOfCell, cell): CellListing => {
      const distinct = kindsOfCell.filter(
        (kind, index) => !kind.startsWith('std') || kindsOfCell.indexOf(kind) === index,
      );
      return {
        outputs: distinct.map((kind, index): ListedOutput => {
          const text = `${kind} no. ${index} of cell ${cell}\nand its second line\n`;
          if (kind.startsWith('std')) return stream(text, kind);
          if (kind === 'image') return image(`${100 + cell}x${100 + index}`);
          if (kind === 'result') return result(text);
          return { type: 'display_data', name: 'text/html', parts: { 'text/html': text } };
        }),
      };
    }),
  );
  const chosen = notebooks.chain((notebook) =>
    fc.record({
      notebook: fc.constant(notebook),
      cell: fc.nat(notebook.length - 1),
      pick: fc.nat(100),
      other: fc.nat(100),
      at: fc.nat(1000),
    }),
  );
  function picked({ notebook, cell, pick }: { notebook: CellListing[]; cell: number; pick: number }) {
    const outputs = notebook[cell]?.outputs ?? [];
    const index = pick % outputs.length;
    const output = outputs[index] as ListedOutput;
    const replaced = (...by: ListedOutput[]) =>
      notebook.map((each, position) =>
        position === cell ? { outputs: outputs.flatMap((one, i) => (i === index ? by : [one])) } : each,
      );
    return { output, replaced, label: labelOf(output) };
  }

  test('is not lost when the run shows the same', () => {
    fc.assert(
      fc.property(notebooks, (notebook) => {
        expect(outputLosses(notebook, notebook)).toEqual([]);
      }),
    );
  });

  test('is missing when it is dropped', () => {
    fc.assert(
      fc.property(chosen, (choice) => {
        const { replaced, label } = picked(choice);
        expect(outputLosses(choice.notebook, replaced())).toEqual([
          { loss: 'missing', cell: choice.cell, output: label },
        ]);
      }),
    );
  });

  test('is doubled when it comes twice', () => {
    fc.assert(
      fc.property(chosen, (choice) => {
        const { output, replaced, label } = picked(choice);
        const text = output.parts['text/plain'];
        const twice =
          output.type === 'stream'
            ? [{ ...output, parts: { 'text/plain': `${String(text)}${String(text)}` } }]
            : [output, output];
        expect(outputLosses(choice.notebook, replaced(...twice))).toEqual([
          { loss: 'doubled', cell: choice.cell, output: label },
        ]);
      }),
    );
  });

  test('is cut, at the number of characters that came', () => {
    fc.assert(
      fc.property(chosen, (choice) => {
        const { output, replaced, label } = picked(choice);
        fc.pre(output.name !== 'image/png');
        const [[type, text] = ['', '']] = Object.entries(output.parts);
        const at = 1 + (choice.at % (String(text).length - 1));
        const cut = { ...output, parts: { [type]: String(text).slice(0, at) } };
        expect(outputLosses(choice.notebook, replaced(cut))).toEqual([
          { loss: 'cut', cell: choice.cell, output: label, at },
        ]);
      }),
    );
  });

  test('is under another cell when it is moved there, also into the text of that cell’s stream', () => {
    fc.assert(
      fc.property(chosen, (choice) => {
        const { notebook, cell } = choice;
        const { output, replaced, label } = picked(choice);
        const to = (cell + 1 + (choice.other % (notebook.length - 1))) % notebook.length;
        const seen = replaced().map((each, position) => {
          if (position !== to) return each;
          const there = each.outputs.find((one) => output.type === 'stream' && one.name === output.name);
          if (there === undefined) return { outputs: [...each.outputs, output] };
          const text = `${String(output.parts['text/plain'])}${String(there.parts['text/plain'])}`;
          return { outputs: each.outputs.map((one) => (one === there ? stream(text, one.name) : one)) };
        });
        expect(outputLosses(notebook, seen)).toEqual([{ loss: 'moved', cell, output: label, at: to }]);
      }),
    );
  });
});

describe('streams', () => {
  const losses = (expected: string[], seen: string[]) =>
    outputLosses(
      cells(...expected.map((text) => (text === '' ? [] : [stream(text)]))),
      cells(...seen.map((text) => (text === '' ? [] : [stream(text)]))),
    );

  test.each<[string, string[], string[], unknown[]]>([
    [
      'every output comes one cell late',
      ['a child\n', 'b child\n', ''],
      ['', 'a child\n', 'b child\n'],
      [
        { loss: 'moved', cell: 0, output: 'stdout', at: 1 },
        { loss: 'moved', cell: 1, output: 'stdout', at: 2 },
      ],
    ],
    [
      'a line from the middle goes',
      ['a\nb\nc\n'],
      ['a\nc\n'],
      [{ loss: 'cut', cell: 0, output: 'stdout', at: 4 }],
    ],
    [
      'a line moves, another goes',
      ['a\nb b\nc c\n', ''],
      ['a\n', 'b b\n'],
      [
        { loss: 'moved', cell: 0, output: 'stdout', at: 1 },
        { loss: 'cut', cell: 0, output: 'stdout', at: 2 },
      ],
    ],
    ['lines change places', ['a\nb\n'], ['b\na\n'], [{ loss: 'differs', cell: 0, output: 'stdout' }]],
    ['a value changes', ['took 12\n'], ['took 1\n'], [{ loss: 'differs', cell: 0, output: 'stdout' }]],
    [
      'two numbers change places by chance',
      ['3\n', '5\n'],
      ['5\n', '3\n'],
      [
        { loss: 'differs', cell: 0, output: 'stdout' },
        { loss: 'differs', cell: 1, output: 'stdout' },
      ],
    ],
    [
      'a text comes that nobody expected',
      ['', 'b\n'],
      ['warning\n', 'b\n'],
      [{ loss: 'differs', cell: 0, output: 'stdout' }],
    ],
    [
      'a line changes and the last one goes',
      ['x 1\nsame\nlast one\n'],
      ['x 2\nsame\n'],
      [
        { loss: 'differs', cell: 0, output: 'stdout' },
        { loss: 'cut', cell: 0, output: 'stdout', at: 5 },
      ],
    ],
  ])('%s', (_, expected, seen, found) => {
    expect(losses(expected, seen)).toEqual(found);
  });

  test('a long text that ends early is cut, wherever it ends; another long text differs', () => {
    const long = Array.from({ length: 2_000 }, (_, line) => `line ${line} of a long text\n`).join('');
    for (const at of [10, 1_024, 5_000, 9_000, 30_000, long.length - 1]) {
      expect(losses([long], [long.slice(0, at)])).toEqual([{ loss: 'cut', cell: 0, output: 'stdout', at }]);
    }
    const other = `${long.slice(0, 4_000)}!${long.slice(4_001)}`;
    for (const at of [9_000, long.length]) {
      expect(losses([long], [other.slice(0, at)])).toEqual([{ loss: 'differs', cell: 0, output: 'stdout' }]);
    }
    expect(losses([long, ''], ['', long])).toEqual([{ loss: 'moved', cell: 0, output: 'stdout', at: 1 }]);
    expect(losses([long], [''])).toEqual([{ loss: 'missing', cell: 0, output: 'stdout' }]);
  });
});

describe('other outputs', () => {
  test.each<[string, ListedOutput[], ListedOutput[], unknown[]]>([
    [
      'a number that is another one differs',
      [result('12')],
      [result('1')],
      [{ loss: 'differs', cell: 0, output: 'execute_result text/plain' }],
    ],
    [
      'an image of another size differs',
      [image('10x10')],
      [image('10x12')],
      [{ loss: 'differs', cell: 0, output: 'display_data image/png' }],
    ],
    [
      'an image without its picture is missing',
      [image('10x10')],
      [{ type: 'display_data', name: 'text/plain', parts: { 'text/plain': '<Figure>' } }],
      [
        { loss: 'missing', cell: 0, output: 'display_data image/png' },
        { loss: 'differs', cell: 0, output: 'display_data text/plain' },
      ],
    ],
    [
      'another order differs',
      [result('a b'), image('1x1')],
      [image('1x1'), result('a b')],
      [{ loss: 'differs', cell: 0, output: 'execute_result text/plain' }],
    ],
    [
      'a cell that raised took another course',
      [stream('a\n'), result('b')],
      [{ type: 'error', name: 'ValueError', parts: { 'text/plain': 'no' } }],
      [{ loss: 'differs', cell: 0, output: 'error ValueError' }],
    ],
  ])('%s', (_, expected, seen, found) => {
    expect(outputLosses(cells(expected), cells(seen))).toEqual(found);
  });

  test('an output in the place of another one is missing, and its own cell misses it', () => {
    expect(outputLosses(cells([result('a b')], [result('c d')]), cells([], [result('a b')]))).toEqual([
      { loss: 'moved', cell: 0, output: 'execute_result text/plain', at: 1 },
      { loss: 'missing', cell: 1, output: 'execute_result text/plain' },
    ]);
  });

  test('a cell of which nothing is known is not compared, but may hold what another one lacks', () => {
    const [cell] = cells([stream('a text\n')]);
    expect(outputLosses([cell ?? null, null], cells([], [stream('a text\n'), result('x')]))).toEqual([
      { loss: 'moved', cell: 0, output: 'stdout', at: 1 },
    ]);
  });
});
