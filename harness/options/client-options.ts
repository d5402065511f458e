import { type ClientName, COMMAND_CLIENT } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import type { ClientCommand } from './client-command.ts';

/** The program that executes the notebooks. */
export type ClientOption = NamedClient | CommandClient;

/** A client that the harness knows, installs and counts in. */
export interface NamedClient {
  readonly name: ClientName;
  /** The client's own time-out of a cell; `null`: none. */
  readonly cellTimeoutSeconds: number | null;
}

/** Any other program. Its time-out is its own affair. */
export interface CommandClient {
  readonly name: typeof COMMAND_CLIENT;
  readonly command: ClientCommand;
}

/**
 * @param isTimeoutGiven whether `cellTimeoutSeconds` is no default
 * @param timeoutSeconds the harness's deadline, which must leave the client's own time-out its turn
 * @throws SoakError `bad-option`
 */
export function clientOption(
  client: ClientName | ClientCommand,
  cellTimeoutSeconds: number | null,
  isTimeoutGiven: boolean,
  timeoutSeconds: number,
): ClientOption {
  if (typeof client !== 'string') {
    if (!isTimeoutGiven) return { name: COMMAND_CLIENT, command: client };
    throw new SoakError('bad-option', '--client-timeout cannot be used with the command of a program.', {
      remedy: 'Leave out --client-timeout, and write the time-out into the command, as the program takes it.',
      option: { name: 'client-timeout' },
    });
  }
  const name = client;
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
