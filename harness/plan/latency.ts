import { join } from 'node:path';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../model/canonical.ts';
import { SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { quoted } from '../model/quoted.ts';
import { readInput } from '../model/read-input.ts';
import { seededUniform, type Uniform } from '../stats/random.ts';

/** What a front end's latency is the latency of. */
export type Reaction =
  /** From a message that changes an Output widget to the `comm_msg` that mirrors it. */
  | 'commMsg'
  /** From the end of a cell (reply and idle) to the next `execute_request`. */
  | 'executeRequest'
  /** From a cell's `execute_request` to the second request of `overlap` traffic. */
  | 'overlap';

/** A front end's latency, as the protocol states it. */
export interface Latency {
  /** Canonical text: the same text is the same distribution, given `sha256`. */
  readonly spec: string;
  /** Hash of the distribution where it is empirical. */
  readonly sha256: string | null;
  /** Inverse distribution function: milliseconds at probability `u` in [0, 1). */
  quantileMs(reaction: Reaction, u: number): number;
}

/** The default: nbclient's own reaction times, recorded (arms/runtime/measure_frontend_latency.py). */
export const DEFAULT_LATENCY = 'nbclient';

// nbclient sends nothing during a cell that the kernel did not ask for, so its distribution says nothing
// of when an overlapping request comes: uniform over the time that a small cell takes.
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
    new SoakError('bad-latency', `The latency file ${quoted(path)} cannot be used: ${reason}`, {
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

const MILLISECONDS = /^(\d+(?:\.\d+)?)(?:ms)?$/;

function milliseconds(text: string): number | null {
  const match = MILLISECONDS.exec(text.trim());
  const value = match?.[1] === undefined ? Number.NaN : Number(match[1]);
  return Number.isFinite(value) && value <= MAX_LATENCY_MS ? value : null;
}

/**
 * Read `--latency`: `none`, `fixed:2ms`, `uniform:0-5ms`, `nbclient` (the measured default) or
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
  if (kind === 'fixed') {
    const fixedMs = milliseconds(value);
    if (fixedMs !== null) return { spec: `fixed:${fixedMs}ms`, sha256: null, quantileMs: () => fixedMs };
  }
  if (kind === 'uniform') {
    const [low, high, ...more] = value.split('-').map(milliseconds);
    if (typeof low === 'number' && typeof high === 'number' && low <= high && more.length === 0) {
      return {
        spec: `uniform:${low}-${high}ms`,
        sha256: null,
        quantileMs: (_reaction, u) => low + (high - low) * u,
      };
    }
  }
  throw new SoakError('bad-latency', `${quoted(spec)} is not a front-end latency.`, {
    remedy: `Give none, fixed:2ms, uniform:0-5ms, ${DEFAULT_LATENCY} or file:PATH; at most ${MAX_LATENCY_MS / 1000} s.`,
  });
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
