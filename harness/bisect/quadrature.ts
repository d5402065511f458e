/** Nodes within (0, 1) and weights that sum to 1: what an integral over a probability is summed over. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const NEWTON_STEPS = 100;

/**
 * Gauss–Legendre nodes and weights on (0, 1), ascending. Exact for polynomials up to degree 2n − 1
 * (Golub and Welsch 1969, Mathematics of Computation 23:221; here by Newton's method on the recurrence).
 *
 * @param n number of nodes, at least 1
 */
export function gaussLegendre(n: number): Quadrature {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    let x = Math.cos((Math.PI * (n - i - 0.25)) / (n + 0.5));
    let slope = 0;
    for (let step = 0; step < NEWTON_STEPS; step += 1) {
      let [before, value] = [0, 1];
      for (let k = 1; k <= n; k += 1) {
        [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      }
      slope = (n * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < Number.EPSILON) break;
    }
    nodes[i] = (x + 1) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

/**
 * Nodes and weights for the prior Beta(1, b), whose density falls from 0: Gauss–Legendre in its distribution
 * function 1 − (1 − x)^b.
 */
export function fallingBeta(b: number, n: number): Quadrature {
  const { nodes, weights } = gaussLegendre(n);
  return { nodes: nodes.map((u) => 1 - (1 - u) ** (1 / b)), weights };
}
