import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { fittedText, wrapped } from './wrapped.ts';

const SENTENCE =
  'fix fixes it: it wedged in 0 of 10 runs (0 %). Against control, Boschloo’s exact test gives p = 0.00176 (α = 0.05).';

describe('words in lines', () => {
  test.each([60, 80, 120])('fit %i columns, lose nothing and break no word', (width) => {
    const text = wrapped(SENTENCE, '', width);
    expect(Math.max(...text.split('\n').map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
    expect(text.replaceAll('\n', ' ')).toBe(SENTENCE);
  });

  test('a number keeps its percent sign, and a quantity its value', () => {
    for (let width = 10; width < 60; width += 1) {
      expect(wrapped(SENTENCE, '', width)).not.toMatch(/\n%|=\n|\n=/);
    }
  });

  test('a command in backticks is not broken', () => {
    const command = '`npm run soak -- --resume soak-reports/change`';
    expect(wrapped(`Go on with ${command} now.`, '', 20).split('\n')).toContain(command);
  });
});

describe('text for a terminal', () => {
  test('goes on under its text: behind its indent, its bullet or its label', () => {
    expect(fittedText('  one two three four', 12)).toBe('  one two\n  three four');
    expect(fittedText('- one two three four', 12)).toBe('- one two\n  three four');
    expect(fittedText('name    one two three four', 20)).toBe('name    one two\n        three four');
    expect(fittedText('short\n\nlines', 12)).toBe('short\n\nlines');
  });

  test('leaves JSON and commands to copy as they are, but not a sentence that begins with a quotation', () => {
    for (const line of [
      '  "verdict": "fix fixes it, said in more words than fit"',
      '  npm run soak -- --server-url URL --arms control',
      'Go on with: npm run soak -- --resume soak-reports/one',
    ]) {
      expect(fittedText(line, 20)).toBe(line);
    }
    expect(fittedText('"At most" is the upper bound.', 20)).toBe('"At most" is the\nupper bound.');
  });

  test('is not touched where there is no terminal, so that a log can be searched', () => {
    expect(fittedText(SENTENCE.repeat(20), Number.POSITIVE_INFINITY)).toBe(SENTENCE.repeat(20));
  });
});
