import { z } from 'zod';

/** What the frozen protocol says of the sockets of its kernels; whatever is absent: TCP on loopback, in the clear. */
export const socketsSchema = z.object({
  /** Unix sockets in each run's private folder, and no TCP port. */
  transport: z.literal('ipc').optional(),
  /** CurveZMQ on every channel, with keys of each kernel's own. */
  encryption: z.literal('curve').optional(),
});
export type Sockets = z.infer<typeof socketsSchema>;
