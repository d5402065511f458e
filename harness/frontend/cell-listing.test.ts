import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { MAX_LISTED, WHOLE_CHARACTERS } from '../model/cell-outputs.ts';
import { LongText } from '../model/long-text.ts';
import { cellListing, keptText } from './cell-listing.ts';
import { BUILT_IN_RULES, rulesHash, sanitised, sanitiseRules } from './sanitise.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAADklEQVR4nGP4z8DwHwQBEPgD/U6VwW8AAAAASUVORK5CYII=';

class Pieces extends LongText {
  readonly #pieces: readonly string[];
  readonly length: number;

  constructor(...pieces: string[]) {
    super();
    this.#pieces = pieces;
    this.length = pieces.join('').length;
  }

  pieces(): Iterable<string> {
    return this.#pieces;
  }
}

describe('what a cell shows', () => {
  test('each stream is one output, wherever the kernel cut it; counts, metadata and tracebacks are left out', () => {
    const outputs = [
      { output_type: 'stream', name: 'stdout', text: ['a\n', 'b'] },
      { output_type: 'stream', name: 'stderr', text: 'warning\n' },
      { output_type: 'stream', name: 'stdout', text: new Pieces('\n', 'c\n') },
      {
        output_type: 'execute_result',
        execution_count: 7,
        metadata: { x: 1 },
        data: { 'text/plain': ['<Figure>'], 'image/png': PNG },
      },
      { output_type: 'error', ename: 'ValueError', evalue: 'at 0x7f00aa11bb22', traceback: ['secret'] },
    ];
    expect(cellListing({ outputs }, BUILT_IN_RULES)).toEqual({
      outputs: [
        { type: 'stream', name: 'stdout', parts: { 'text/plain': 'a\nb\nc\n' } },
        { type: 'stream', name: 'stderr', parts: { 'text/plain': 'warning\n' } },
        {
          type: 'execute_result',
          name: 'image/png',
          parts: { 'image/png': '2x3', 'text/plain': '<Figure>' },
        },
        { type: 'error', name: 'ValueError', parts: { 'text/plain': 'at ADDRESS' } },
      ],
    });
  });

  test('malformed outputs throw nothing', () => {
    for (const outputs of [undefined, null, 'x', [null, 1, {}, { output_type: 'stream' }, { data: 3 }]]) {
      expect(() => cellListing({ outputs }, BUILT_IN_RULES)).not.toThrow();
    }
  });

  test('a flood of outputs and a long text are kept in a bounded size, and still told apart', () => {
    const flood = (last: string) =>
      cellListing(
        {
          outputs: Array.from({ length: 1_000 }, (_, index) => ({
            output_type: 'display_data',
            data: { 'text/plain': index === 999 ? last : String(index) },
          })),
        },
        [],
      );
    expect(flood('x').outputs).toHaveLength(MAX_LISTED);
    expect(flood('x').more?.count).toBe(800);
    expect(flood('x')).not.toEqual(flood('y'));
    const long = keptText(['x'.repeat(3_000_000), 'end'], BUILT_IN_RULES);
    expect(JSON.stringify(long).length).toBeLessThan(WHOLE_CHARACTERS);
    expect(long.length).toBe(3_000_003);
    // Where a text is cut into pieces means nothing.
    expect(keptText([`${'x'.repeat(2_999_999)}`, 'xend'], BUILT_IN_RULES)).toEqual(long);
  });
});

describe('sanitising', () => {
  test.each([
    ['<object at 0x7f3c2a1b>', '<object at ADDRESS>'],
    ['hex(31) is 0x1f', 'hex(31) is 0x1f'],
    ['2026-01-02 03:04:05.678 INFO ready', 'TIME INFO ready'],
    ['Wall time: 12.5 ms', 'Wall time: DURATION'],
    ['id 140234567890123 of 12345', 'id ID of 12345'],
    ['\u001b[31mred\u001b[0m', 'red'],
    [' 10%|#   | 1/10\r100%|####| 10/10 [00:01<00:00]\ndone\n', 'PROGRESS\ndone\n'],
    ['a\r\nb\r\n', 'a\nb\n'],
  ])('%j becomes %j', (text, expected) => {
    expect(sanitised(text, BUILT_IN_RULES)).toBe(expected);
  });

  test('a file of nbval is read as nbval reads it', () => {
    const file = [
      '# of our suite',
      '[dates]',
      'regex: (?P<day>\\d{1,2})/(\\d{1,2})/\\d{2,4}',
      'replace: \\2-\\g<day>',
      '',
      '[case]',
      'regex: (?i)SECRET$',
      'replace: ',
    ].join('\r\n');
    const rules = sanitiseRules(file, 'rules.cfg');
    expect(sanitised('on 3/12/2026, a $& secret', rules)).toBe('on 12-3, a $& ');
    expect(rulesHash(rules)).not.toBe(rulesHash(rules.slice(1)));
  });

  test.each([
    ['[a]\nregex: (\nreplace: x', 2, 'cannot be used'],
    ['[a]\nregex: x\nreplace: \\1', 3, 'no group 1'],
    ['[a]\nregex: x\n[b]\nregex: y\nreplace: z', 2, 'has no replace'],
    ['[a]\nregex: x', 2, 'has no replace'],
    ['[a]\nreplace: x', 2, 'without a regex'],
    ['[a]\nregexp: x', 2, 'neither'],
    ['[a]\nregex: \nreplace: x', 2, 'is empty'],
    ['[a]\nregex: (?x) a b\nreplace: x', 2, 'flag x'],
    ['', 1, 'no rule'],
  ])('%j is refused with its line', async (text, line, words) => {
    const error = await soakErrorOf(() => sanitiseRules(text, 'rules.cfg'));
    expect(error.code).toBe('bad-sanitize-file');
    expect(error.message).toMatch(new RegExp(`^rules\\.cfg, line ${line}: .*${words}`));
    expect(error.remedy).not.toBe('');
  });
});
