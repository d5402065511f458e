import { CLIENTS, COMMAND_CLIENT, UNSEEN_UNDER_COMMAND } from '../model/client.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { SoakError } from '../model/errors.ts';
import type { Protocol } from '../model/protocol.ts';
import type { RunOptions } from '../options/run-options.ts';

type EndpointOptions = Pick<
  RunOptions,
  'endpoint' | 'slowAfterMs' | 'memoryAboveBytes' | 'also' | 'timeoutSeconds'
>;

/**
 * Refuse an endpoint that lacks its limit, and a limit that no endpoint uses.
 *
 * @throws SoakError `bad-option`
 */
export function assertEndpointFits(options: EndpointOptions): void {
  const { slowAfterMs, memoryAboveBytes, timeoutSeconds } = options;
  const named = namedEndpoints(options);
  const uses = (endpoint: Endpoint) => named.includes(endpoint) || named.includes('any');
  const asked = (endpoint: Endpoint) =>
    `--${options.endpoint === endpoint ? 'endpoint' : 'also'} ${endpoint}`;
  if (named.includes('slow') && slowAfterMs === null) {
    throw missing(asked('slow'), '--slow-after', 'how long a cell may take', '--slow-after 5s');
  }
  if (named.includes('memory') && memoryAboveBytes === null) {
    throw missing(asked('memory'), '--memory-above', 'how much memory is too much', '--memory-above 2GiB');
  }
  if (slowAfterMs !== null && !uses('slow')) throw unused('slow-after', 'slow');
  if (memoryAboveBytes !== null && !uses('memory')) throw unused('memory-above', 'memory');
  if (slowAfterMs !== null && slowAfterMs >= timeoutSeconds * 1000) {
    throw new SoakError(
      'bad-option',
      `--slow-after ${slowAfterMs / 1000}s is not below --timeout ${timeoutSeconds} (seconds): a cell that takes so long is given up first.`,
      { remedy: 'Raise --timeout, or lower --slow-after.', option: { name: 'slow-after' } },
    );
  }
}

/**
 * Refuse an endpoint whose event could not be seen under the command of a program: it would be counted as zero.
 *
 * @throws SoakError `bad-option`
 */
export function assertClientShows(
  options: Pick<RunOptions, 'client' | 'endpoint' | 'also' | 'slowAfterMs'>,
): void {
  const { client, endpoint, slowAfterMs } = options;
  if (client?.name !== COMMAND_CLIENT) return;
  const named = namedEndpoints(options);
  if (slowAfterMs !== null && named.includes('any')) {
    throw new SoakError(
      'bad-option',
      `--slow-after cannot be used with a command as the client: ${UNSEEN_UNDER_COMMAND.slow}.`,
      { remedy: 'Leave it out.', option: { name: 'slow-after' } },
    );
  }
  for (const name of named) {
    const option = name === endpoint ? 'endpoint' : 'also';
    const unseen = UNSEEN_UNDER_COMMAND[name];
    if (unseen !== undefined) {
      throw new SoakError(
        'bad-option',
        `--${option} ${name} cannot be used with a command as the client: ${unseen}.`,
        {
          remedy: `Choose one of the clients by name (${CLIENTS.join(', ')}), or another endpoint.`,
          option: { name: option },
        },
      );
    }
    if (name === 'lost-output' && !client.command.text.includes('{output}')) {
      throw new SoakError(
        'bad-option',
        `--${option} lost-output needs the executed notebook, and the command of the client has no {output}.`,
        {
          remedy: 'Write {output} into the command, where the program is to write the executed notebook.',
          option: { name: 'client' },
        },
      );
    }
  }
}

/** The endpoints that are asked for by name. */
export function namedEndpoints({
  endpoint,
  also,
}: Pick<EndpointOptions, 'endpoint' | 'also'>): readonly Endpoint[] {
  return [...(endpoint === null ? [] : [endpoint]), ...(also ?? [])];
}

function missing(asked: string, option: string, what: string, example: string): SoakError {
  return new SoakError('bad-option', `${asked} needs ${option}: it says ${what}.`, {
    remedy: `Add ${option}, such as ${example}.`,
    option: { name: option.slice(2) },
  });
}

function unused(name: string, endpoint: Endpoint): SoakError {
  return new SoakError(
    'bad-option',
    `--${name} is a limit of the endpoint ${endpoint}, which is not counted.`,
    {
      remedy: `Add --endpoint ${endpoint} or --also ${endpoint}, or leave it out.`,
      option: { name },
    },
  );
}

/**
 * What the protocol says of the endpoint. Nothing is written for the default, so that an experiment keeps its hash.
 *
 * @param ofClient the endpoint that judges the arms where the user names none
 */
export function protocolEndpoint(
  { endpoint, slowAfterMs, memoryAboveBytes, also }: EndpointOptions,
  ofClient: Endpoint | undefined,
): Pick<Protocol, 'endpoint' | 'slowAfterMs' | 'memoryAboveBytes' | 'also'> {
  const chosen = endpoint ?? ofClient ?? 'wedged';
  const others = [...new Set(also ?? [])].filter((other) => other !== chosen);
  return {
    ...(chosen === 'wedged' ? {} : { endpoint: chosen }),
    ...(slowAfterMs === null ? {} : { slowAfterMs }),
    ...(memoryAboveBytes === null ? {} : { memoryAboveBytes }),
    ...(others.length === 0 ? {} : { also: others }),
  };
}
