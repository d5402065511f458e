import { expect, test } from 'vitest';
import { didYouMean, nearNames } from './near-names.ts';

const KEYS = [
  'arms',
  'notebooks',
  'traffic',
  'timeout',
  'start-timeout',
  'until-decided',
  'max-runs',
  'runs',
];

test.each([
  ['trafic', ['traffic']],
  ['traffci', ['traffic']],
  ['maxRuns', ['max-runs']],
  ['until_decided', ['until-decided']],
  ['note', ['notebooks']],
  ['run', ['runs']],
  ['colour', []],
  ['', []],
])('%s may stand for %j', (name, expected) => {
  expect(nearNames(name, KEYS)).toEqual(expected);
});

test('the nearest comes first, and no more than three are offered', () => {
  expect(nearNames('7.3.1', ['6.31.0', '7.2.0', '7.3.0', '7.3.10', '7.4.1', '7.1.1']).slice(0, 2)).toEqual([
    '7.3.10',
    '7.3.0',
  ]);
  expect(nearNames('7.3.1', ['6.31.0', '7.2.0', '7.3.0', '7.3.10', '7.4.1', '7.1.1'])).toHaveLength(3);
});

test('a question is asked only where there is something to ask', () => {
  expect(didYouMean('fixx', ['fix', 'flush'])).toBe('Did you mean "fix"? ');
  expect(didYouMean('zzz', ['fix', 'flush'])).toBe('');
});
