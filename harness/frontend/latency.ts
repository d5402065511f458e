import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { DEFAULT_LATENCY } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import { readInput } from '../model/read-input.ts';
import { seededUniform, type Uniform } from '../stats/random.ts';

/** The reactions that have a latency. */
export type Reaction =
  /** From a message that changes an Output widget to the `comm_msg` that mirrors it. */
  | 'commMsg'
  /** From the end of a cell (reply and idle) to the next `execute_request`. */
  | 'executeRequest'
  /** From a cell's `execute_request` to the second request of `overlap` traffic. */
  | 'overlap';

/** A front end's latency, as the protocol states it. */
export interface Latency {
  /** Canonical text. Together with `sha256`, the same text means the same distribution. */
  readonly spec: string;
  /** Hash of the distribution when it is empirical. */
  readonly sha256: string | null;
  /** Inverse distribution function: milliseconds at probability `u` in [0, 1). */
  quantileMs(reaction: Reaction, u: number): number;
}

// nbclient sends nothing during a cell that the kernel did not ask for, so its distribution cannot give the
// moment of an overlapping request. That moment is uniform over the time that a small cell takes.
const OVERLAP_MAX_MS = 5;
const MAX_LATENCY_MS = 60_000;

const quantiles = z.array(z.number().min(0).max(MAX_LATENCY_MS)).min(2).max(10_001);

/** An empirical distribution: quantiles at equal steps of probability from 0 to 1. */
export const empiricalLatencySchema = z.object({
  schema: z.literal(1),
  commMsgMs: quantiles,
  executeRequestMs: quantiles,
  overlapMs: quantiles.optional(),
});

function interpolated(values: readonly number[], u: number): number {
  const at = u * (values.length - 1);
  const below = Math.floor(at);
  const low = values[below] ?? 0;
  const high = values[below + 1] ?? low;
  return low + (high - low) * (at - below);
}

async function empiricalLatency(path: string, spec: string): Promise<Latency> {
  const bad = (reason: string, cause?: unknown) =>
    new SoakError('bad-latency', `The latency file ${quoted(path)} is not usable: ${reason}`, {
      remedy:
        'It must hold {"schema": 1, "commMsgMs": [quantiles…], "executeRequestMs": [quantiles…]}, ascending, in milliseconds.',
      cause,
    });
  const text = await readInput(path)
    .then(String)
    .catch((error: unknown) => {
      throw bad((error as Error).message, error);
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(`it is not JSON (${(error as Error).message}).`, error);
  }
  const parsed = empiricalLatencySchema.safeParse(json);
  if (!parsed.success) throw bad(z.prettifyError(parsed.error));
  const { commMsgMs, executeRequestMs, overlapMs } = parsed.data;
  for (const values of [commMsgMs, executeRequestMs, overlapMs ?? []]) {
    if (values.some((value, index) => value < (values[index - 1] ?? 0)))
      throw bad('its quantiles do not ascend.');
  }
  const table: Record<Reaction, readonly number[]> = {
    commMsg: commMsgMs,
    executeRequest: executeRequestMs,
    overlap: overlapMs ?? [0, OVERLAP_MAX_MS],
  };
  return {
    spec,
    sha256: sha256(canonicalJson(table)),
    quantileMs: (reaction, u) => interpolated(table[reaction], u),
  };
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s)?$/;

/** Milliseconds in `2`, `2ms` or `0.5s`; NaN when the text is no duration. */
function milliseconds(text: string): number {
  const [, amount, unit] = DURATION.exec(text.trim()) ?? [];
  return amount === undefined ? Number.NaN : Number(amount) * (unit === 's' ? 1000 : 1);
}

/**
 * Read `--latency`: `none`, `fixed:2ms` (or `fixed:0.5s`), `uniform:0-5ms`, `nbclient` (the measured default) or
 * `file:PATH` with an empirical distribution.
 *
 * @throws SoakError `bad-latency`
 */
export async function parseLatency(spec: string): Promise<Latency> {
  if (spec === 'none') return { spec, sha256: null, quantileMs: () => 0 };
  if (spec === DEFAULT_LATENCY) {
    return empiricalLatency(join(packageRoot(), 'arms', 'runtime', 'latency', 'nbclient.json'), spec);
  }
  const [kind = '', ...rest] = spec.split(':');
  const value = rest.join(':');
  if (kind === 'file' && value !== '') return empiricalLatency(value, 'file');
  const ends = value.split('-');
  // In `1-5s` both numbers are seconds.
  const unit = /(?:ms|s)$/.exec(value)?.[0] ?? '';
  const [low = Number.NaN, high = low, ...more] = ends.map((end) =>
    milliseconds(/\d$/.test(end) ? `${end}${unit}` : end),
  );
  const isFixed = kind === 'fixed' && !value.includes('-');
  const isUniform = kind === 'uniform' && value.includes('-');
  if (!(isFixed || isUniform) || more.length > 0 || Number.isNaN(low) || Number.isNaN(high)) {
    throw new SoakError('bad-latency', `${quoted(spec)} is not a front-end latency.`, {
      remedy: `Give none, fixed:2ms, uniform:0-5ms, ${DEFAULT_LATENCY} or file:PATH. A number without a unit is in milliseconds; s means seconds.`,
    });
  }
  const refused = (reason: string, remedy: string) =>
    new SoakError('bad-latency', `The latency ${quoted(spec)} cannot be used: ${reason}.`, {
      remedy,
    });
  if (low > high) throw refused(`${low} ms is above ${high} ms`, 'Give the smaller one first.');
  if (high > MAX_LATENCY_MS) {
    throw refused(
      `${high / 1000} s is more than ${MAX_LATENCY_MS / 1000} s`,
      `Give at most ${MAX_LATENCY_MS / 1000} s: a front end that reacts more slowly is not one that this is about.`,
    );
  }
  return isFixed
    ? { spec: `fixed:${low}ms`, sha256: null, quantileMs: () => low }
    : {
        spec: `uniform:${low}-${high}ms`,
        sha256: null,
        quantileMs: (_reaction, u) => low + (high - low) * u,
      };
}

/** The latencies of one run, drawn in order from its seed. */
export class LatencyDraws {
  readonly #latency: Latency;
  /** Uniform on [0, 1), for the other choices of a front end. */
  readonly uniform: Uniform;

  constructor(latency: Latency, seed: number) {
    this.#latency = latency;
    this.uniform = seededUniform(seed, 'front end');
  }

  /** Milliseconds until the front end reacts. */
  next(reaction: Reaction): number {
    return this.#latency.quantileMs(reaction, this.uniform());
  }
}
