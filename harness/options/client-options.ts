import type { ClientName } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';

/** The program that executes the notebooks. */
export interface ClientOption {
  readonly name: ClientName;
  /** The client's own time-out of a cell; `null`: none. */
  readonly cellTimeoutSeconds: number | null;
}

/**
 * @param timeoutSeconds the harness's deadline, which must leave the client's own time-out its turn
 * @throws SoakError `bad-option`
 */
export function clientOption(
  name: ClientName,
  cellTimeoutSeconds: number | null,
  timeoutSeconds: number,
): ClientOption {
  if (cellTimeoutSeconds === null || cellTimeoutSeconds < timeoutSeconds) return { name, cellTimeoutSeconds };
  throw new SoakError(
    'bad-option',
    `The client's own time-out of ${cellTimeoutSeconds} s would never pass: the deadline of ${timeoutSeconds} s comes first.`,
    {
      remedy: `Give a --timeout above ${cellTimeoutSeconds}, or a smaller --client-timeout.`,
      option: { name: 'client-timeout' },
    },
  );
}
