import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import type { BatchResult, BisectModel } from './model.ts';
import { fallingBeta, gaussLegendre } from './quadrature.ts';

/** How finely the integrals over the rates are summed: numbers of nodes. */
export interface Resolution {
  readonly control: number;
  readonly own: number;
  readonly falsely: number;
  readonly blind: number;
}

/** More nodes change no probability by a percentage point (tests): the sums stand for the integrals. */
export const RESOLUTION: Resolution = { control: 32, own: 16, falsely: 3, blind: 4 };

/** Every combination of the rates that all releases share, with its prior weight. */
export interface Rates {
  readonly size: number;
  /** Rate of the control. */
  readonly control: Float64Array;
  /** Rate of false wedges. */
  readonly falsely: Float64Array;
  /** Share of blind batches. */
  readonly blind: Float64Array;
  readonly weights: Float64Array;
  /** Nodes of the rate of another release that has the wedge, a row for every node of the control's rate. */
  readonly own: readonly Float64Array[];
  readonly ownWeights: Float64Array;
  /** Row of `own` of each combination. */
  readonly ownRow: Uint16Array;
  /** Parts of every kind of batch that was asked for: few kinds, asked for thousands of times. */
  readonly parts: Map<string, BatchParts>;
}

export function ratesOf(model: BisectModel, resolution: Resolution = RESOLUTION): Rates {
  const control = gaussLegendre(resolution.control);
  const quantiles = gaussLegendre(resolution.own);
  const falsely = fallingBeta(model.falseRateBeta, resolution.falsely);
  const blind = fallingBeta(model.blindBeta, resolution.blind);
  const size = resolution.control * resolution.falsely * resolution.blind;
  const { likeness } = model;
  const rates: Rates = {
    size,
    control: new Float64Array(size),
    falsely: new Float64Array(size),
    blind: new Float64Array(size),
    weights: new Float64Array(size),
    own: Array.from(control.nodes, (p) =>
      quantiles.nodes.map((share) => betaQuantile(share, likeness * p, likeness * (1 - p))),
    ),
    ownWeights: quantiles.weights,
    ownRow: new Uint16Array(size),
    parts: new Map(),
  };
  let at = 0;
  for (let i = 0; i < resolution.control; i += 1) {
    for (let j = 0; j < resolution.falsely; j += 1) {
      for (let k = 0; k < resolution.blind; k += 1) {
        rates.control[at] = control.nodes[i] as number;
        rates.falsely[at] = falsely.nodes[j] as number;
        rates.blind[at] = blind.nodes[k] as number;
        rates.weights[at] =
          (control.weights[i] as number) * (falsely.weights[j] as number) * (blind.weights[k] as number);
        rates.ownRow[at] = i;
        at += 1;
      }
    }
  }
  return rates;
}

type Counts = Pick<BatchResult, 'controlWedged' | 'runs' | 'wedged'>;

function kindOf({ controlWedged, runs, wedged }: Counts): string {
  return `${controlWedged} ${runs} ${wedged}`;
}

function ofControl(rate: number, wedged: boolean | null): number {
  return wedged === null ? 1 : wedged ? rate : 1 - rate;
}

function ofProbe(rate: number, { runs, wedged }: Counts): number {
  return rate ** wedged * (1 - rate) ** (runs - wedged);
}

/**
 * A batch's likelihood, its runs in a given order, under each combination of the shared rates, in parts: if
 * the batch is sighted, to be multiplied by that of the probe's runs at their rate; and if it is blind.
 */
interface BatchParts {
  readonly sighted: Float64Array;
  readonly blinded: Float64Array;
  /** Likelihood of the probe's runs if it has not got the wedge. */
  readonly clean: Float64Array;
  /** The same at each node of its own rate, if it has. */
  readonly affected: readonly Float64Array[];
}

function batchParts(rates: Rates, batch: Counts): BatchParts {
  const key = kindOf(batch);
  const known = rates.parts.get(key) ?? freshParts(rates, batch);
  rates.parts.set(key, known);
  return known;
}

function freshParts(rates: Rates, batch: Counts): BatchParts {
  const clean = rates.falsely.map((q) => ofProbe(q, batch));
  return {
    sighted: rates.blind.map(
      (blind, at) => (1 - blind) * ofControl(rates.control[at] as number, batch.controlWedged),
    ),
    blinded: rates.blind.map(
      (blind, at) =>
        blind * ofControl(rates.falsely[at] as number, batch.controlWedged) * (clean[at] as number),
    ),
    clean,
    affected: rates.own.map((row) => row.map((rate) => ofProbe(rate, batch))),
  };
}

/** What the batches of one release say under every combination of the shared rates. */
export interface ReleaseEvidence {
  /** Log-likelihood if the release has the wedge, its own rate integrated out. */
  readonly affected: Float64Array;
  readonly clean: Float64Array;
  /** If it has: posterior share of each node of its own rate, a row for every combination of the shared rates. */
  readonly ownShares: Float64Array;
}

/** Equal batches, counted: a release has many batches and few kinds of them. */
function kinds(batches: readonly BatchResult[]): { counts: Counts; times: number }[] {
  const found = new Map<string, { counts: Counts; times: number }>();
  for (const counts of batches) {
    const known = found.get(kindOf(counts));
    if (known === undefined) found.set(kindOf(counts), { counts, times: 1 });
    else known.times += 1;
  }
  return [...found.values()];
}

/** @param batches those that probed this release */
export function releaseEvidence(rates: Rates, batches: readonly BatchResult[]): ReleaseEvidence {
  const { size, ownWeights } = rates;
  const nodes = ownWeights.length;
  const affected = new Float64Array(size);
  const clean = new Float64Array(size);
  const ownShares = new Float64Array(size * nodes);
  const all = kinds(batches).map(({ counts, times }) => ({ parts: batchParts(rates, counts), times }));
  for (let at = 0; at < size; at += 1) {
    const row = rates.ownRow[at] as number;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let node = 0; node < nodes; node += 1) {
      let log = Math.log(ownWeights[node] as number);
      for (const { parts, times } of all) {
        const probe = (parts.affected[row] as Float64Array)[node] as number;
        log += times * Math.log((parts.sighted[at] as number) * probe + (parts.blinded[at] as number));
      }
      ownShares[at * nodes + node] = log;
      if (log > greatest) greatest = log;
    }
    let sum = 0;
    for (let node = 0; node < nodes; node += 1) {
      const share = Math.exp((ownShares[at * nodes + node] as number) - greatest);
      ownShares[at * nodes + node] = share;
      sum += share;
    }
    for (let node = 0; node < nodes; node += 1) {
      ownShares[at * nodes + node] = (ownShares[at * nodes + node] as number) / sum;
    }
    affected[at] = greatest + Math.log(sum);
    let log = 0;
    for (const { parts, times } of all) {
      const probe = parts.clean[at] as number;
      log += times * Math.log((parts.sighted[at] as number) * probe + (parts.blinded[at] as number));
    }
    clean[at] = log;
  }
  return { affected, clean, ownShares };
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}

/** Probability of a batch's outcome under every combination of the shared rates. */
export interface Predictive {
  /** If the probe has the wedge. */
  readonly affected: Float64Array;
  readonly clean: Float64Array;
}

/** What the next batch of a release would come out as, given those that it has had. */
export function nextBatch(rates: Rates, evidence: ReleaseEvidence, batch: Counts): Predictive {
  const nodes = rates.ownWeights.length;
  const parts = batchParts(rates, batch);
  const orders = choose(batch.runs, batch.wedged);
  const affected = new Float64Array(rates.size);
  const clean = new Float64Array(rates.size);
  for (let at = 0; at < rates.size; at += 1) {
    const row = parts.affected[rates.ownRow[at] as number] as Float64Array;
    let probe = 0;
    for (let node = 0; node < nodes; node += 1) {
      probe += (evidence.ownShares[at * nodes + node] as number) * (row[node] as number);
    }
    const [sighted, blinded] = [parts.sighted[at] as number, parts.blinded[at] as number];
    affected[at] = orders * (sighted * probe + blinded);
    clean[at] = orders * (sighted * (parts.clean[at] as number) + blinded);
  }
  return { affected, clean };
}
