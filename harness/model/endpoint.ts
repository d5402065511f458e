import { z } from 'zod';

/** The question that an experiment puts to every run (docs/endpoints.md#the-endpoints). */
export const ENDPOINTS = [
  /** A request was never begun by an idle kernel. The default. */
  'wedged',
  /** A reply was not read by the client. */
  'stalled',
  /** A request was begun and not answered, and the kernel used no processor time. */
  'hung',
  /** The kernel finished a request, and its reply or its idle status never came. */
  'lost-answer',
  /** An expected output is missing, doubled, cut short or under another cell. */
  'lost-output',
  /** A cell raised that is not marked `raises-exception`. */
  'cell-error',
  /** The process ended, or was replaced, and nobody had asked it to. */
  'died',
  /** The kernel was not ready by the start deadline, or ended before. */
  'start-failed',
  /** A cell took `slowAfterMs` or longer. */
  'slow',
  /** Resident memory of the kernel's processes passed `memoryAboveBytes`. */
  'memory',
  /** The reply to a request that was interrupted, or to the next one, came late or never. */
  'interrupt',
  /** Any of them that is the kernel's, the client's or the server's. */
  'any',
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** An endpoint with its limits: what decides whether a run shows the event. A protocol is one. */
export interface EndpointRule {
  /** `undefined`: `wedged`. */
  readonly endpoint?: Endpoint | undefined;
  /** A cell that takes so long is slow, milliseconds. `undefined`: no cell is. */
  readonly slowAfterMs?: number | undefined;
  /** Memory above which the kernel's processes may not go, bytes. `undefined`: there is no limit. */
  readonly memoryAboveBytes?: number | undefined;
  /** When the traffic interrupts cells. `undefined`: it does not, so that no answer is missed after an interrupt. */
  readonly interruptAfter?: string | undefined;
}

/** How a protocol or a record keeps its endpoint. */
export const ENDPOINT_FIELDS = {
  /** The event whose rate is compared. Absent: `wedged`. */
  endpoint: z.enum(ENDPOINTS).optional(),
  /** A cell that takes so long is slow, milliseconds. Absent: no cell is. */
  slowAfterMs: z.number().positive().optional(),
  /** Memory of the kernel's processes above which the event `memory` happens, bytes. Absent: there is no limit. */
  memoryAboveBytes: z.number().int().positive().optional(),
};

/** The endpoint and its limits alone. Nothing stands for the default, so that an experiment keeps its hash. */
export function endpointRule({ endpoint, slowAfterMs, memoryAboveBytes }: EndpointRule): EndpointFields {
  return {
    ...(endpoint === undefined || endpoint === 'wedged' ? {} : { endpoint }),
    ...(slowAfterMs === undefined ? {} : { slowAfterMs }),
    ...(memoryAboveBytes === undefined ? {} : { memoryAboveBytes }),
  };
}

interface EndpointFields {
  endpoint?: Endpoint;
  slowAfterMs?: number;
  memoryAboveBytes?: number;
}

/** Whether two rules ask the same of a run. A limit that the endpoint does not use makes no difference. */
export function isSameEndpoint(first: EndpointRule, second: EndpointRule): boolean {
  const [a, b] = [first, second].map((rule) => {
    const { endpoint = 'wedged', slowAfterMs, memoryAboveBytes } = rule;
    const isAny = endpoint === 'any';
    return [
      endpoint,
      isAny || endpoint === 'slow' ? slowAfterMs : undefined,
      isAny || endpoint === 'memory' ? memoryAboveBytes : undefined,
    ];
  });
  return a?.every((part, i) => part === b?.[i]) === true;
}

/**
 * Whether a stall of the client ends the run. Under another endpoint the client's own time-out ends the stall, and the run
 * goes on.
 */
export function endsAtStall(endpoint: Endpoint): boolean {
  return endpoint === 'stalled' || endpoint === 'any';
}

/** The default endpoint. */
export const WEDGES: EndpointRule = {};
