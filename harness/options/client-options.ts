import { z } from 'zod';
import { CLIENTS } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import { quoted } from '../model/quoted.ts';

/** Whose client executes the notebooks. */
export const clientOptionSchema = z.object({
  name: z.enum(CLIENTS),
  /** The client's own time-out of a cell; `null`: none. */
  cellTimeoutSeconds: z.number().int().positive().nullable(),
});
export type ClientOption = z.infer<typeof clientOptionSchema>;

/**
 * Seconds. Long enough that the look comes long before it, short enough that a stall which is left to the
 * client does not make a run of minutes.
 */
export const DEFAULT_CLIENT_TIMEOUT_SECONDS = 6;

/** Options about the harness's own front end, which is not there when another program is the client. */
const FRONT_END_OPTIONS = ['traffic', 'latency', 'prefix', 'tuned', 'pipelineDepth', 'autopsy'] as const;

/** Values as commander hands them over. */
export type RawClientOptions = Readonly<
  Partial<Record<'client' | 'clientTimeout' | (typeof FRONT_END_OPTIONS)[number], string>>
>;

/**
 * @param timeoutSeconds the harness's deadline, which must leave the client's own time-out its turn
 * @returns `null`: the harness is its own client
 * @throws SoakError `bad-option`
 */
export function parsedClientOption(raw: RawClientOptions, timeoutSeconds: number): ClientOption | null {
  const bad = (message: string, remedy: string) => new SoakError('bad-option', message, { remedy });
  if (raw.client === undefined) {
    if (raw.clientTimeout === undefined) return null;
    throw bad('--client-timeout is the time-out of --client, which is not given.', 'Add --client nbclient.');
  }
  const name = CLIENTS.find((known) => known === raw.client);
  if (name === undefined) {
    throw bad(
      `--client ${quoted(raw.client)} is no client that is known.`,
      `Clients there are: ${CLIENTS.join(', ')}. Without --client the harness is its own.`,
    );
  }
  const given = FRONT_END_OPTIONS.find((option) => raw[option] !== undefined);
  if (given !== undefined) {
    const flag = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw bad(
      `${flag} is about the harness's own front end, and --client ${name} takes its place.`,
      `Leave out ${flag}, or --client.`,
    );
  }
  return { name, cellTimeoutSeconds: cellTimeout(raw.clientTimeout, timeoutSeconds) };
}

function cellTimeout(text: string | undefined, timeoutSeconds: number): number | null {
  if (text === 'none') return null;
  const seconds = text === undefined ? DEFAULT_CLIENT_TIMEOUT_SECONDS : Number(text);
  if (text !== undefined && !/^[1-9]\d{0,4}$/.test(text)) {
    throw new SoakError('bad-option', `--client-timeout ${quoted(text)} is not usable.`, {
      remedy: 'Give whole seconds, or none: the client then waits for ever, as is its default.',
    });
  }
  if (seconds >= timeoutSeconds) {
    throw new SoakError(
      'bad-option',
      `The client's own time-out of ${seconds} s is not below the deadline of ${timeoutSeconds} s, so that it would never be seen.`,
      { remedy: `Give a --timeout above ${seconds}, or a smaller --client-timeout.` },
    );
  }
  return seconds;
}
