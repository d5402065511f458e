import { expect, it } from 'vitest';
import {
  duration,
  eValue,
  percent,
  percentInterval,
  perThousand,
  points,
  probability,
  pValue,
  significant,
} from './format-number.ts';

it('never prints what is not quite all or nothing as if it were', () => {
  expect([0, 0.0001, 0.3, 0.99999, 1, null].map(percent)).toEqual([
    '0 %',
    '< 0.1 %',
    '30.0 %',
    '> 99.9 %',
    '100 %',
    'n/a',
  ]);
  expect(percentInterval([0.1189, 0.5428])).toBe('11.9 to 54.3 %');
});

it('signs differences', () => {
  expect([-0.3, 0.051, 0, null].map(points)).toEqual(['−30.0 points', '+5.1 points', '0 points', 'n/a']);
});

it('prints probabilities to where they mean something', () => {
  expect([0.0202, 0.000798, 0.25, 1, 0.99999, 0, 1e-12].map(probability)).toEqual([
    '0.0202',
    '8.0e-4',
    '0.25',
    '1',
    '1',
    '< 1e-300',
    '1.0e-12',
  ]);
  expect(pValue(0)).toBe('p < 1e-300');
});

it('prints E from its logarithm without overflow', () => {
  expect([0, Math.log(1250.4), 5000, -5000].map(eValue)).toEqual(['1', '1250', '3.0e2171', '3.4e-2172']);
  expect(eValue(Math.log(0.42))).toBe('0.42');
  expect(eValue(6 * Math.LN10)).toBe('1.0e6');
});

it('chooses the unit of a duration', () => {
  expect([0, 0.25, 48, 1240, 59_990, 200_000, 7_500_000, null].map(duration)).toEqual([
    '0 ms',
    '0.25 ms',
    '48 ms',
    '1.24 s',
    '60 s',
    '3 min 20 s',
    '2 h 5 min',
    'n/a',
  ]);
});

it('keeps significant digits only', () => {
  expect(significant(1234.5, 3)).toBe('1230');
  expect(significant(0.0010099, 3)).toBe('0.00101');
  expect(significant(0.05, 3)).toBe('0.05');
  expect(perThousand(0.0042)).toBe('4.2');
});
