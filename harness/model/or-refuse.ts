import { EXIT_CODES, SoakError } from './errors.ts';

/** What to say if something cannot be written. */
export interface Refusal {
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
}

/**
 * Awaits the writing of files.
 *
 * @throws SoakError with the code and the remedy of `refusal`, and the disk's own words
 */
export async function orRefuse<T>({ code, what, remedy }: Refusal, writing: Promise<T>): Promise<T> {
  return writing.catch((cause: unknown) => {
    throw new SoakError(code, `${what} cannot be written: ${(cause as Error).message}`, {
      remedy,
      exitCode: EXIT_CODES.environment,
      cause,
    });
  });
}
