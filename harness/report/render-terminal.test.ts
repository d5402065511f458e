import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { line, list, paragraph, type ReportDocument, table, text } from './document.ts';
import { terminalDocument } from './render-terminal.ts';
import { textTable } from './text-table.ts';

const ROWS = [
  ['Arm', 'Wedged', 'Upper bound'],
  ['control', '12/20', '78.3 %'],
  ['fix', '0/20', '13.9 %'],
];

describe('a table', () => {
  test('stands in columns where the terminal has room for them', () => {
    expect(textTable(ROWS, (column) => column > 0, 80)).toEqual([
      'Arm      Wedged  Upper bound',
      'control   12/20       78.3 %',
      'fix        0/20       13.9 %',
    ]);
  });

  test('has the name of its column beside each figure where it has not, and never loses one', () => {
    expect(textTable(ROWS, (column) => column > 0, 27)).toEqual([
      'control',
      '  Wedged       12/20',
      '  Upper bound  78.3 %',
      'fix',
      '  Wedged       0/20',
      '  Upper bound  13.9 %',
    ]);
  });
});

test.each([60, 80, 120])('a document fits %i columns, whatever is in it', (width) => {
  const long = 'words that go on and on, and then some more of them '.repeat(6).trim();
  const document: ReportDocument = {
    title: line`${text(long)}`,
    lead: [paragraph(line`${text(long)}`), { kind: 'callout', line: line`${text(long)}` }],
    sections: [
      {
        id: 'one',
        title: 'One',
        blocks: [
          list([line`${text(long)}`]),
          table(
            'many',
            Array.from({ length: 12 }, (_, index) => `Column ${index}`),
            [Array.from({ length: 12 }, () => line`a value of some words`)],
          ),
          { kind: 'details', summary: line`${text(long)}`, blocks: [paragraph(line`inner ${text(long)}`)] },
        ],
      },
    ],
  };
  const lines = terminalDocument(document, width).split('\n');
  expect(Math.max(...lines.map((each) => stringWidth(each)))).toBeLessThanOrEqual(width);
  expect(lines.join(' ').replace(/\s+/g, ' ')).toContain(`inner ${long}`);
});
