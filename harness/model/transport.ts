import { z } from 'zod';

/** How the harness's front end gets to a kernel. */
export const TRANSPORTS = ['direct', 'server'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Who sends the kernel the cells behind a server: the front end over the WebSocket, or the server, asked by REST. */
export const EXECUTION_WAYS = ['websocket', 'rest'] as const;
export type ExecutionWay = (typeof EXECUTION_WAYS)[number];

/** The server between the front end and the kernels, as the frozen protocol names it. */
export const protocolTransportSchema = z.object({
  name: z.literal('server'),
  /** Versions of what decides how it sends and reads, at both ends: `jupyter-server`, `@jupyterlab/services`, … */
  versions: z.record(z.string(), z.string()),
  /** The server was there already (`--server-url`); absent: one of the harness's own. */
  given: z.literal(true).optional(),
  /** The server executes the cells of a document that it keeps. Absent: the front end sends them. */
  via: z.literal('rest').optional(),
});
export type ProtocolTransport = z.infer<typeof protocolTransportSchema>;
