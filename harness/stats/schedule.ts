import { sha256 } from '../model/canonical.ts';
import type { Protocol } from '../model/protocol.ts';
import type { Traffic } from '../model/traffic.ts';
import { seededUniform } from './random.ts';

/** One run in the schedule. */
export interface RunOrder {
  readonly run: string;
  readonly block: number;
  readonly position: number;
  readonly arm: string;
  /** Index into the protocol's notebooks. */
  readonly notebookIndex: number;
  readonly traffic: Traffic;
  readonly seed: number;
}

/** Name of a run: its block and its arm. */
export function runName(block: number, arm: string): string {
  return `b${String(block).padStart(3, '0')}-${arm}`;
}

// A whole number holds this many hexadecimal digits of a hash exactly: 52 bits.
const SEED_DIGITS = 13;

/**
 * A seed for one place of the experiment. It is hashed because places are consecutive numbers: a small
 * generator draws similar first values from similar seeds, so the orders of neighbouring blocks would cycle.
 */
function derivedSeed(seed: number, place: string): number {
  return Number.parseInt(sha256(`${seed}/${place}`).slice(0, SEED_DIGITS), 16);
}

function permuted(names: readonly string[], seed: number, block: number): string[] {
  const uniform = seededUniform(derivedSeed(seed, `order/${block}`), 'order of a block');
  const order = [...names];
  // Fisher–Yates (Durstenfeld 1964): every order is equally likely.
  for (let last = order.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(uniform() * (last + 1));
    const [a, b] = [order[last], order[chosen]];
    if (a !== undefined && b !== undefined) [order[last], order[chosen]] = [b, a];
  }
  return order;
}

/**
 * One block: a run of every arm, in an order drawn from the seed. All runs of a block share a pair of
 * notebook and traffic, and the pairs cycle over the blocks. A run's own seed depends on its place, never on
 * its arm's name.
 */
export function blockOrders(protocol: Protocol, block: number): RunOrder[] {
  const pairs = protocol.notebooks.length * protocol.traffic.length;
  const pair = block % pairs;
  const traffic = protocol.traffic[Math.floor(pair / protocol.notebooks.length)] ?? 'sequential';
  const arms = permuted(
    protocol.arms.map(({ name }) => name),
    protocol.seed,
    block,
  );
  return arms.map((arm, position) => ({
    run: runName(block, arm),
    block,
    position,
    arm,
    notebookIndex: pair % protocol.notebooks.length,
    traffic,
    seed: derivedSeed(protocol.seed, `${block}/${position}`),
  }));
}
