import { code, type Line, line } from './document.ts';
import { counted } from './format-number.ts';
import type { Report } from './report.ts';
import { num } from './words.ts';

// There are some twenty kinds; a kernel has a few of them.
const MAX_LISTED = 12;

/** Departures from the protocol, the most frequent first: `metadata is null (24), header without date (12)`. */
export function deviationList(deviations: Readonly<Record<string, number>>): string {
  const listed = Object.entries(deviations).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const more = listed.length - MAX_LISTED;
  const words = listed.slice(0, MAX_LISTED).map(([name, times]) => `${name} (${times})`);
  return `${words.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A line for each arm with messages that depart from the protocol but were accepted. */
export function deviationLines({ protocol, runs }: Report): Line[] {
  return protocol.arms.flatMap(({ name }) => {
    const odd = runs.filter(({ arm, client }) => arm === name && client.deviations !== undefined);
    if (odd.length === 0) return [];
    const total: Record<string, number> = {};
    for (const { client } of odd) {
      for (const [deviation, times] of Object.entries(client.deviations ?? {})) {
        total[deviation] = (total[deviation] ?? 0) + times;
      }
    }
    return [
      line`In ${num(counted(odd.length, 'run'))}, ${code(name)} sent messages that depart from the protocol. They were accepted, as jupyter_client does: ${code(deviationList(total))}.`,
    ];
  });
}
