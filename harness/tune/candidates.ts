import type { Latency, Reaction } from '../frontend/latency.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { profilesOf, type Traffic, type TrafficProfile } from '../model/traffic.ts';

/** A setting of the assay: what the front end does, how fast it reacts, and how much of a notebook it runs. */
export interface Candidate {
  readonly traffic: Traffic;
  readonly latency: {
    /** Canonical, as the protocol has it. */
    readonly spec: string;
    readonly sha256: string | null;
    /** Mean of the latency that matters to the traffic profile, milliseconds: the dose. */
    readonly meanMs: number;
  };
  /** Index into the record's notebooks. */
  readonly notebook: number;
  /** Code cells that are run, the first ones of the notebook. At least 1. */
  readonly cells: number;
}

// What a profile sends while a reply may be under way, and so what its latency times.
const REACTIONS: Record<TrafficProfile, Reaction> = {
  widgets: 'commMsg',
  overlap: 'overlap',
  pipeline: 'executeRequest',
  sequential: 'executeRequest',
  nudge: 'executeRequest',
  interrupt: 'executeRequest',
};

const QUANTILES = 1000;

/** Mean latency of the reaction that the profile's requests wait for, milliseconds, by its quantiles. */
function meanLatencyMs(latency: Latency, traffic: Traffic): number {
  // Of several at once, the first one's.
  const reaction = REACTIONS[profilesOf(traffic)[0] ?? 'sequential'];
  let sum = 0;
  for (let i = 0; i < QUANTILES; i += 1) sum += latency.quantileMs(reaction, (i + 0.5) / QUANTILES);
  // Whole microseconds: a sum of binary fractions must not decide what a record looks like.
  return Math.round((sum / QUANTILES) * 1000) / 1000;
}

/**
 * Every combination of traffic profile, latency, notebook and length.
 *
 * @param prefixes numbers of leading code cells to try besides the whole notebook; those that are not
 * shorter than a notebook are left out for it
 */
export function candidateGrid(
  traffic: readonly Traffic[],
  latencies: readonly Latency[],
  notebooks: readonly Notebook[],
  prefixes: readonly number[],
): Candidate[] {
  return notebooks.flatMap(({ codeCells }, notebook) => {
    const whole = codeCells.length;
    const shorter = [...new Set(prefixes)].filter((cells) => cells < whole).sort((a, b) => b - a);
    return [whole, ...shorter].flatMap((cells) =>
      traffic.flatMap((profile) =>
        latencies.map((latency) => ({
          traffic: profile,
          latency: {
            spec: latency.spec,
            sha256: latency.sha256,
            meanMs: meanLatencyMs(latency, profile),
          },
          notebook,
          cells,
        })),
      ),
    );
  });
}

/** Half of each notebook's code cells, rounded up: the lengths tried unless others are named. */
export function halfLengths(notebooks: readonly Notebook[]): number[] {
  return notebooks.map(({ codeCells }) => Math.ceil(codeCells.length / 2));
}

/** Whether two candidates differ in nothing but latency: points of one dose–response curve. */
export function isSameCurve(a: Candidate, b: Candidate): boolean {
  return a.traffic === b.traffic && a.notebook === b.notebook && a.cells === b.cells;
}

/** The candidate with the next longer run of the same notebook under the same traffic and latency, if any. */
export function nextLonger(candidates: readonly Candidate[], of: Candidate): number | null {
  let found: number | null = null;
  for (const [index, other] of candidates.entries()) {
    const longer =
      other.traffic === of.traffic &&
      other.latency.spec === of.latency.spec &&
      other.latency.sha256 === of.latency.sha256 &&
      other.notebook === of.notebook &&
      other.cells > of.cells;
    if (longer && (found === null || other.cells < (candidates[found]?.cells ?? 0))) found = index;
  }
  return found;
}
