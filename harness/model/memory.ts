import { z } from 'zod';

/** How memory is measured: the proportional share of shared pages, or everything that is resident. */
export const MEMORY_MEASURES = ['pss', 'rss'] as const;

/** Memory of a kernel's process and everything below it, sampled every 250 ms: a peak between two samples is not seen. */
export const memorySchema = z.object({
  measure: z.enum(MEMORY_MEASURES),
  /** The greatest sum that a sample saw, bytes. */
  peakBytes: z.number().int().nonnegative(),
  samples: z.number().int().positive(),
});
export type Memory = z.infer<typeof memorySchema>;
