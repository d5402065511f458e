import { quantile } from 'simple-statistics';
import type { Report } from '../report.ts';

/** Answered cells of one arm, milliseconds: a description of the harness's view, not part of any verdict. */
export interface CellLatency {
  readonly cells: number;
  /** 1st percentile. */
  readonly first: number;
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
  /** 99th percentile. */
  readonly last: number;
  readonly slowest: number;
}

/** By arm; an arm without an answered cell is absent. */
export function cellLatencies(report: Report): Map<string, CellLatency> {
  const sizes = new Map<string, number>();
  for (const run of report.runs) sizes.set(run.arm, (sizes.get(run.arm) ?? 0) + run.cellMs.length);
  const values = new Map([...sizes].map(([arm, size]) => [arm, { at: 0, cells: new Float64Array(size) }]));
  for (const run of report.runs) {
    const arm = values.get(run.arm);
    if (arm === undefined) continue;
    arm.cells.set(run.cellMs, arm.at);
    arm.at += run.cellMs.length;
  }
  const latencies = new Map<string, CellLatency>();
  for (const [arm, { cells }] of values) {
    if (cells.length === 0) continue;
    // Selects instead of sorting: there may be millions.
    const [first = 0, lower = 0, median = 0, upper = 0, last = 0, slowest = 0] = quantile(
      cells as unknown as number[],
      [0.01, 0.25, 0.5, 0.75, 0.99, 1],
    );
    latencies.set(arm, { cells: cells.length, first, lower, median, upper, last, slowest });
  }
  return latencies;
}
