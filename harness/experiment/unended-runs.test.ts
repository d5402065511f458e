import { expect, test } from 'vitest';
import type { SessionRecord } from '../model/journal.ts';
import { unendedRuns } from './unended-runs.ts';

function session(event: SessionRecord['event'], ...abandoned: string[]): SessionRecord {
  return { type: 'session', at: 'now', event, reason: '', abandoned };
}

test('nothing is said of a session that ended in order', () => {
  expect(unendedRuns({ sessions: [], abandoned: [] })).toBeNull();
  expect(unendedRuns({ sessions: [session('interrupted')], abandoned: ['b000-fix'] })).toBeNull();
  expect(unendedRuns({ sessions: [session('stopped')], abandoned: ['b000-fix'] })).toBeNull();
});

test('the runs are named at which the harness ended without a word', () => {
  expect(unendedRuns({ sessions: [], abandoned: ['b000-fix', 'b001-sham'] })).toMatch(
    /run again: b000-fix, b001-sham\. If that happens again/,
  );
});

test('and how often the same one was, interruptions by hand not counted', () => {
  const sessions = [
    session('interrupted'),
    session('resumed', 'b000-fix', 'b000-sham'), // by hand
    session('resumed', 'b000-fix', 'b000-sham'), // the session before ended without a word
    session('resumed', 'b000-fix'),
  ];
  expect(unendedRuns({ sessions, abandoned: ['b000-fix', 'b001-fix'] })).toMatch(
    /run again: b000-fix \(3 times\), b001-fix\. The same run again/,
  );
});
