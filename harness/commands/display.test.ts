import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { experimentRecord, runRecord } from '../journal/journal.fixture.ts';
import type { RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import { packageRoot } from '../model/package-root.ts';
import { openDisplay } from './display.ts';

const { protocol } = experimentRecord();

function ended(block: number, arm: string, kind: OutcomeKind): RunRecord {
  const record = runRecord(block, arm);
  const cell = kind === 'completed' ? null : kind === 'start-failed' ? 2 : 1;
  return { ...record, outcome: { ...record.outcome, kind, cell, reason: 'the reason' } };
}

describe('off a terminal', () => {
  test('one plain line a run: where, which arm, what, how long and why; and the price once, after the first block', () => {
    let text = '';
    const display = openDisplay(
      protocol,
      [],
      (more) => {
        text += more;
      },
      { isTerminal: false },
    );
    display.events.onRun?.(ended(0, 'control', 'completed'));
    display.events.onRun?.(ended(0, 'fix', 'wedged-stranded'));
    display.events.onRun?.({ ...ended(1, 'fix', 'start-failed'), startMs: null, notebookMs: null });
    display.close();
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^run 1 of 40, b000-control: completed in 1\.4/);
    expect(lines[0]).not.toContain('the reason');
    expect(lines[1]).toMatch(/^run 2 of 40, b000-fix: wedged-stranded at cell 1 in .*: the reason$/);
    expect(lines[2]).toMatch(/^about .* left$/);
    expect(lines[3]).toMatch(/^run 3 of 40, b001-fix: start-failed after the last cell in 0/);
    expect(stripVTControlCharacters(text)).toBe(text);
  });
});

test('an event on the way is told beside the ending', () => {
  let text = '';
  const display = openDisplay(
    { ...protocol, endpoint: 'lost-output' },
    [],
    (more) => {
      text += more;
    },
    { isTerminal: false },
  );
  display.events.onRun?.({
    ...ended(0, 'control', 'completed'),
    losses: [{ loss: 'cut', cell: 2, output: 'stdout', at: 5 }],
  });
  display.close();
  expect(text).toMatch(/control: completed in .*, lost output \(1 cut; first at cell 2\)/);
});

describe('on a terminal', () => {
  const shown = (...args: string[]): string => {
    const fixture = fileURLToPath(new URL('./display.fixture.ts', import.meta.url));
    const { stdout, status } = spawnSync(process.execPath, ['--import', 'tsx', fixture, ...args], {
      cwd: packageRoot(),
      encoding: 'utf8',
      env: { ...process.env, COLUMNS: '200', NO_COLOR: '1' },
    });
    expect(status).toBe(0);
    return stripVTControlCharacters(stdout);
  };

  test('runs that are to show what control shows are compared at the end, and are no faults of the harness', () => {
    const screen = shown('reference');
    expect(screen).toMatch(/control +0 of 0 lost output +1 wedged-mute, 1 run to compare at the end/);
    expect(screen).toMatch(/fix +0 of 0 lost output +1 busy, 1 run to compare at the end/);
    expect(screen).not.toMatch(/harness fault|memory not known/);
  });

  test('a row counts every run in which the client stalled, and names what a cell raised', () => {
    const screen = shown('client').replaceAll(/\n {4,}/g, ' ');
    expect(screen).toMatch(/fix +0 of 1 wedged .* 1 cell-error \(KeyError\), nbclient stalled in 2 of 3/);
    expect(screen).toMatch(/control +1 of 2 wedged(?!.*stalled)/);
  });

  test('the last screen has every arm’s count, also of an earlier session, and how else runs ended', () => {
    const screen = shown();
    expect(screen).toMatch(/control +1 of 2 wedged +50.*95 % CI/);
    expect(screen).toMatch(/fix +0 of 1 wedged .*1 busy/);
    expect(screen).toMatch(/0 of 20 blocks, \d+ s so far$/m);
    // No run is under way or to come, whatever is left of the plan.
    expect(screen).not.toMatch(/left|Under way/);
  });
});
