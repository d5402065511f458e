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
}

/** The default endpoint. */
export const WEDGES: EndpointRule = {};
