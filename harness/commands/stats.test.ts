import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerStats } from './stats.ts';

afterEach(() => vi.restoreAllMocks());

/** What `soak stats` prints for these arguments. */
function printed(...args: string[]): string {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const program = new Command();
  registerStats(program);
  program.parse(['stats', ...args], { from: 'user' });
  return log.mock.calls.map(([line]) => String(line)).join('\n');
}

describe('soak stats', () => {
  it("says of PR 1529's table what its 8e-4 assumes, and what the exact tests give", () => {
    const text = printed('--reference', '6/20', '--treatment', '0/20', '--sham', '5/20');
    expect(text).toContain('Verdict at α = 0.05: fixes');
    expect(text).toContain('p = 8.0e-4, taking p0 as known');
    expect(text).toMatch(/itself\s+estimated from 20 runs/);
    expect(text).toContain('one-sided p = 0.0101, two-sided p = 0.0202');
    expect(text).toContain('one-sided p = 0.00487, two-sided p = 0.00974');
    expect(text).toContain('13.9 %');
    expect(text).toContain('two-sided p = 0.0471');
  });

  it('says that without a sham the scheduling was not separated from the change', () => {
    expect(printed('--reference', '6/20', '--treatment', '0/20')).toContain('not separated from the change');
  });

  it('gives no false comfort when the reference had no event', () => {
    const text = printed('--reference', '0/20', '--treatment', '0/20');
    expect(text).toContain('inconclusive');
    expect(text).toContain('nothing was there to fix');
  });

  it.each(['0/19', '2/19', '7/19', '15/19'])(
    'does not say of which event the counts are: %s',
    (treatment) => {
      const text = printed('--reference', '7/15', '--treatment', treatment, '--sham', '6/15');
      expect(text).toContain('events');
      expect(text).not.toMatch(/wedge/i);
    },
  );

  it('names a sham that differs first', () => {
    const text = printed('--reference', '18/20', '--treatment', '0/20', '--sham', '6/20');
    expect(text.split('\n')[1]).toMatch(/^First: the sham itself differs/);
  });

  it("prints JSON with the golden file's keys", () => {
    const json = JSON.parse(
      printed('--reference', '3/10', '--treatment', '1/12', '--p0', '0.3', '--json'),
    ) as Record<string, unknown>;
    expect(json).toMatchObject({
      reference: { wedged: 3, runs: 10 },
      treatment: { wedged: 1, runs: 12 },
      p0: 0.3,
      p0Source: 'given',
      verdict: 'inconclusive',
    });
    for (const key of [
      'binomialTail',
      'upper95Treatment',
      'fisherLess',
      'fisherTwoSided',
      'boschlooLess',
      'boschlooTwoSided',
    ]) {
      expect(json[key], key).toBeTypeOf('number');
    }
    for (const key of ['clopperPearson95', 'wilson95', 'jeffreys95']) {
      expect(json[key], key).toMatchObject({
        reference: [expect.any(Number), expect.any(Number)],
        treatment: [expect.any(Number), expect.any(Number)],
      });
    }
    expect(json['newcombeDifference95']).toHaveLength(2);
    expect(json['confidenceSequence95']).toHaveLength(2);
  });

  it.each([
    ['--reference', '6/0'],
    ['--reference', '7/6'],
    ['--treatment', 'abc'],
    ['--alpha', '2'],
    ['--p0', '-0.1'],
    ['--alpha', ''],
  ])('refuses %s %s, naming it and a remedy', (flag, value) => {
    const given: Record<string, string> = { '--reference': '6/20', '--treatment': '0/20', [flag]: value };
    expect(() => printed(...Object.entries(given).map(([key, text]) => `${key}=${text}`))).toThrow(
      expect.objectContaining({
        name: 'SoakError',
        message: expect.stringMatching(new RegExp(`^${flag} (cannot be "${value}"|${value})`)) as string,
        remedy: expect.stringMatching(/^(Give|Write) /) as string,
      }),
    );
  });

  it.each(['1/1000000', '0/20001'])(
    'refuses %s at once, with the reason: the exact tests would take minutes',
    (count) => {
      const before = performance.now();
      expect(() => printed('--reference', count, '--treatment', '0/20')).toThrow(/more than 20000 runs/);
      expect(() => printed('--reference', '6/20', '--treatment', '0/20', '--sham', count)).toThrow(
        /20000 runs/,
      );
      expect(performance.now() - before).toBeLessThan(2_000);
    },
  );

  it('answers the largest counts that it takes while a person waits', () => {
    const before = performance.now();
    expect(printed('--reference', '9/20000', '--treatment', '0/20000')).toContain('fixes');
    // Two seconds on an idle machine, of which most is not spent here: the bound is for a busy one.
    expect(performance.now() - before).toBeLessThan(6_000);
  });
});
