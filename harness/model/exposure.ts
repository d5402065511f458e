import { z } from 'zod';

/** What the traffic does beside sending requests. */
export const TRAFFIC_ACTIONS = ['interrupt', 'nudge', 'overlap', 'pipeline'] as const;
export type TrafficAction = (typeof TRAFFIC_ACTIONS)[number];

/**
 * What a kernel publishes for a cell, statuses left aside, which releases publish differently. Stream text counts
 * once a cell and stream: how many messages it comes in is a matter of timing.
 */
export const OUTPUT_TYPES = [
  'stdout',
  'stderr',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
  'comm_open',
  'comm_msg',
  'comm_close',
] as const;
export type OutputType = (typeof OUTPUT_TYPES)[number];

// `2*5,0*3,1` is 2 in each of five cells, 0 in each of three, 1 in one. A journal has millions of them.
const CELL_COUNTS = /^(?:\d{1,9}(?:\*\d{1,6})?(?:,\d{1,9}(?:\*\d{1,6})?)*)?$/;

/** Counts by cell, from the first one on, run-length encoded; zeros at the end are left out. */
const cellCountsSchema = z.string().regex(CELL_COUNTS);

/**
 * What was done to the kernel, and what it published, by cell: the cell that was sent last when a request was sent,
 * and the parent of what was published. What came before the first cell is left out.
 */
export const exposureSchema = z.object({
  /** Cells whose execute request was sent. */
  cells: z.number().int().nonnegative(),
  /** Cells whose reply has a higher execution count than those before; absent: replies were not seen. */
  executed: cellCountsSchema.optional(),
  /** Shell requests other than the cells', by type. */
  requests: z.record(z.string(), cellCountsSchema),
  /** Absent: none. */
  actions: z.partialRecord(z.enum(TRAFFIC_ACTIONS), cellCountsSchema).optional(),
  /** Absent: what the kernel published was not seen. */
  outputs: z.partialRecord(z.enum(OUTPUT_TYPES), cellCountsSchema).optional(),
});
export type Exposure = z.infer<typeof exposureSchema>;

/** Counts by cell as the journal has them. */
export function encodedCounts(counts: readonly number[]): string {
  const end = counts.findLastIndex((count) => count !== 0) + 1;
  const pieces: string[] = [];
  for (let cell = 0; cell < end; ) {
    const count = counts[cell] ?? 0;
    let next = cell + 1;
    while (next < end && counts[next] === count) next += 1;
    pieces.push(next === cell + 1 ? String(count) : `${count}*${next - cell}`);
    cell = next;
  }
  return pieces.join(',');
}

/** The counts of the first `cells` cells again, up to the last that is not zero. */
export function decodedCounts(text: string, cells: number): number[] {
  const counts: number[] = [];
  if (text === '') return counts;
  for (const piece of text.split(',')) {
    const [count = 0, times = 1] = piece.split('*').map(Number);
    for (let i = 0; i < times && counts.length < cells; i += 1) counts.push(count);
  }
  return counts;
}
