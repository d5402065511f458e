import { describe, expect, test } from 'vitest';
import { runRecord } from '../journal/journal.fixture.ts';
import type { RunRecord } from '../model/journal.ts';
import { plainLine } from './document.ts';
import { isUncompared, isUnsampled, limitSigns, limitWords } from './limit-signs.ts';

const RULE = { endpoint: 'memory', slowAfterMs: 5_000, memoryAboveBytes: 300 * 2 ** 20 } as const;
const HEAVY = { measure: 'pss', peakBytes: 312 * 2 ** 20, samples: 12 } as const;

const run = (more: Partial<RunRecord>): RunRecord => ({ ...runRecord(0, 'control'), ...more });
const said = (record: RunRecord) =>
  limitSigns(record, RULE).map(({ of, line }) => `${of}: ${plainLine(line)}`);

describe('a run under limits', () => {
  test('has its slowest cell, and whether that was slow', () => {
    const slow = run({ cellMs: [10, 6_000, 5_500], stalledMs: { 1: 800 }, memory: HEAVY });
    expect(said(slow)[0]).toBe('slow: cell 2 was slow: it took 5.5 s; 5 s or more is slow');
    expect(limitWords(slow, RULE)).toBe('cell 2: it took 5.5 s; 312 MiB of memory at most');
    const quick = run({ cellMs: [10, 4_000], memory: HEAVY });
    expect(said(quick)[0]).toBe('slow: cell 1 was the slowest: it took 4 s; 5 s or more is slow');
    expect(limitWords(quick, RULE)).toBe('312 MiB of memory at most');
  });

  test('has its memory, how that was measured, and what is not seen', () => {
    expect(said(run({ cellMs: [], memory: HEAVY }))).toEqual([
      'memory: 312 MiB (PSS) at most in 12 samples, one every 250 ms; above 300 MiB is too much; a peak between two samples is not seen',
    ]);
  });

  test('says why there is no memory, and is left out', () => {
    const { client } = runRecord(0, 'control');
    const server = { library: 1, reconnects: 0, elsewhere: true } as const;
    const elsewhere = run({ cellMs: [], client: { ...client, server } });
    expect(said(elsewhere)[0]).toContain('the kernel is out of reach');
    expect(limitWords(elsewhere, RULE)).toContain('memory not known: the kernel is out of reach');
    expect(isUnsampled(elsewhere, RULE)).toBe(true);
    expect(isUnsampled({ ...elsewhere, memory: HEAVY }, RULE)).toBe(false);
    expect(isUnsampled(elsewhere, { ...RULE, endpoint: 'slow' })).toBe(false);
    expect(isUnsampled(elsewhere, { ...RULE, endpoint: 'lost-output' })).toBe(false);
    expect(isUncompared(elsewhere, { ...RULE, endpoint: 'lost-output' })).toBe(true);
    expect(isUncompared({ ...elsewhere, losses: [] }, { ...RULE, endpoint: 'lost-output' })).toBe(false);
    expect(isUncompared(elsewhere, RULE)).toBe(false);
    expect(said(run({ cellMs: [] }))[0]).toContain('a sample failed');
  });

  test('says nothing of what was not asked for', () => {
    expect(limitSigns(run({ cellMs: [9_000] }), {})).toEqual([]);
    expect(limitWords(run({ cellMs: [9_000] }), {})).toBe('');
  });
});
