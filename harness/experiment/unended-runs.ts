import type { Journal, SessionRecord } from '../model/journal.ts';

/**
 * The message for a user who resumes an experiment whose harness ended in the middle of runs without
 * recording an end, as when it is killed. It names those runs, and how often in a row each was cut off.
 *
 * @returns `null` when the last session ended in order
 */
export function unendedRuns({ sessions, abandoned }: Pick<Journal, 'sessions' | 'abandoned'>): string | null {
  if (abandoned.length === 0 || isOver(sessions.at(-1))) return null;
  const times = new Map(abandoned.map((run) => [run, 1]));
  for (const [index, session] of sessions.entries()) {
    if (session.event !== 'resumed' || isOver(sessions[index - 1])) continue;
    for (const run of session.abandoned) {
      const before = times.get(run);
      if (before !== undefined) times.set(run, before + 1);
    }
  }
  const most = Math.max(...times.values());
  const named = [...times].map(([run, count]) => (count === 1 ? run : `${run} (${count} times)`)).join(', ');
  const suspicion =
    most === 1
      ? 'If that happens again at the same run, its notebook or kernel may be what ends the harness.'
      : 'The same run again: its notebook or kernel may be what ends the harness, and would end it every time.';
  return `The harness ended without a word while these runs went on, and they are run again: ${named}. ${suspicion}`;
}

function isOver(session: SessionRecord | undefined): boolean {
  return session !== undefined && session.event !== 'resumed';
}
