import type { Endpoint } from '../../harness/model/endpoint.ts';
import { median, type Ratio } from './figures.ts';
import type { Pair } from './paired-ratio.ts';

/** What one endpoint cost on one kernel. */
export interface EndpointCost {
  readonly endpoint: Endpoint;
  readonly kernel: string;
  readonly ratio: Ratio;
  readonly pairs: readonly Pair[];
}

/** All that `npm run bench:endpoints` measured. */
export interface EndpointsResult {
  readonly at: string;
  readonly harness: string;
  readonly node: string;
  readonly cpus: number;
  /** Load of the machine, a mean over a minute, before and after. */
  readonly load: readonly [number, number];
  readonly costs: readonly EndpointCost[];
}

/** The interval of the ratio has to lie below this. Comparing outputs may cost more. */
export function mostRatio(endpoint: Endpoint): number {
  return endpoint === 'lost-output' ? 1.1 : 1.05;
}

/** `reports/bench/endpoints.md`: a pure function of what was measured. */
export function endpointsMarkdown({ at, harness, node, cpus, load, costs }: EndpointsResult): string {
  const rows = costs.map(({ endpoint, kernel, ratio, pairs }) => {
    const most = mostRatio(endpoint);
    const ms = (of: keyof Pair) => median(pairs.map((pair) => pair[of])).toFixed(0);
    const shown = `${ratio.value.toFixed(3)} (${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)})`;
    const where = ratio.high < most ? 'reached' : ratio.low > most ? '**not reached**' : 'not shown';
    return `| \`${endpoint}\` | ${kernel} | ${pairs.length} | ${ms('withoutMs')} | ${ms('withMs')} | ${shown} | ${most} | ${where} |`;
  });
  return `# What an endpoint costs

\`npm run bench:endpoints\`, kernel-soak ${harness}, Node ${node}, ${cpus} processors, ${at.slice(0, 10)}, load of the machine ${load[0].toFixed(1)} before
and ${load[1].toFixed(1)} after. A run under the endpoint and one under \`wedged\` alternate. Time is that of a whole run of 20 cells that
print a number each, from nothing to everything gone. The ratio is of the medians, with a 95 % bootstrap interval over
the pairs. The target is reached where the whole interval is below it.

| Endpoint | Kernel | Pairs | \`wedged\`, ms | With it, ms | Ratio | Below | |
| :-- | :-- | --: | --: | --: | --: | --: | :-- |
${rows.join('\n')}

The other endpoints ask for nothing that is not observed anyway: their runs are those of \`wedged\`, counted otherwise.
\`any\` is measured with every limit set.
`;
}
