import { expect, test } from 'vitest';
import type { OpenWay } from '../diagnose/carry-out.ts';
import {
  asked,
  COMPLETED,
  type Ending,
  runsOf,
  STALLED,
  WEDGED,
  way,
} from '../diagnose/diagnosis.fixture.ts';
import { openDiagnosisDisplay, plannedWords } from './diagnose-display.ts';

/** A way that is open, with the runs that it will have. */
function open(name: string, endings: readonly Ending[]) {
  const { journal } = way(name, '7.2.0', endings);
  const opened = {
    prepared: { protocol: journal.experiment.protocol, environment: journal.experiment.environment },
    session: { recorded: [] },
  } as unknown as OpenWay['opened'];
  return { open: { name, opened }, runs: journal.runs };
}

function shown(direct: readonly Ending[], client: readonly Ending[], maxMs: number): string {
  const ways = [open('direct', direct), open('nbclient', client)];
  let text = '';
  let nowMs = 0;
  const display = openDiagnosisDisplay(
    ways.map((each) => each.open),
    (more) => {
      text += more;
    },
    maxMs,
    { isTerminal: false, clock: () => nowMs },
  );
  for (let block = 0; block < direct.length; block += 1) {
    for (const { open: each, runs } of ways) {
      nowMs += 10_000;
      const run = runs[block];
      if (run !== undefined) display.eventsOf(each.name).onRun?.(run);
    }
  }
  display.close();
  return text;
}

test('a log has a line for each run, which says how it ended, and the price once', () => {
  const lines = shown([WEDGED, COMPLETED], [STALLED, COMPLETED], 300_000).split('\n');
  expect(lines[0]).toMatch(/^1\/2 direct: wedged at cell 5 in /);
  expect(lines[1]).toMatch(/^1\/2 nbclient: stalled at cell 7 in /);
  expect(lines[2]).toBe('about 20 s left');
  expect(lines.filter((line) => line.includes(' left'))).toHaveLength(1);
});

test('the price is never above what the budget has left', () => {
  expect(shown(runsOf(10, COMPLETED), runsOf(10, COMPLETED), 60_000)).toContain(
    'at most 40 s left, for about 4 of 18 more runs',
  );
});

test('before the first run it says what was found, what it costs, and how to name another', () => {
  const ways = [open('direct', runsOf(3, COMPLETED)).open, open('nbclient', runsOf(3, COMPLETED)).open];
  const text = plannedWords(ways, asked());
  expect(text).toContain('ipykernel 7.2.0 on 3.11.9, pyzmq 27.1.0');
  expect(text).toContain('nbclient 0.10.2, jupyter-client 8.6.3');
  expect(text).toContain('3 runs directly and by nbclient, in turn; at most 5 min');
  expect(text).toContain('--env VENV');
});
