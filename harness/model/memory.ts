import { z } from 'zod';

/** How memory is measured: the proportional share of shared pages, or everything that is resident. */
export const MEMORY_MEASURES = ['pss', 'rss'] as const;

/** Memory is sampled this often: a peak between two samples is not seen. */
export const MEMORY_SAMPLE_MS = 250;

/** Memory of a kernel's process and everything below it, sampled every `MEMORY_SAMPLE_MS`. */
export const memorySchema = z.object({
  /**
   * `pss`: each shared page counts by its share. `rss`: at least one process does not show its share, so that pages
   * which several processes share count several times.
   */
  measure: z.enum(MEMORY_MEASURES),
  /** The greatest sum that a sample saw, bytes. */
  peakBytes: z.number().int().nonnegative(),
  samples: z.number().int().positive(),
});
export type Memory = z.infer<typeof memorySchema>;
