import { z } from 'zod';

/** What became of an expected output. `differs` is another content and no loss: it is counted apart. */
export const OUTPUT_LOSSES = ['missing', 'doubled', 'cut', 'moved', 'differs'] as const;

export const outputLossSchema = z.object({
  loss: z.enum(OUTPUT_LOSSES),
  /** 0-based position, among the notebook's executed code cells, of the cell that was to show the output. */
  cell: z.number().int().nonnegative(),
  /** What was expected: a stream's name, or `output_type` and MIME type, such as `stdout` or `display_data image/png`. */
  output: z.string(),
  /** `cut`: the number of characters that came; `moved`: the cell under which it was found. */
  at: z.number().int().nonnegative().optional(),
});
export type OutputLoss = z.infer<typeof outputLossSchema>;
