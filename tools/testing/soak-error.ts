import { expect } from 'vitest';
import { SoakError } from '../../harness/model/errors.ts';

/** The SoakError that `what` throws or rejects with; any other end of it is the test's failure. */
export async function soakErrorOf(what: () => unknown): Promise<SoakError> {
  try {
    await what();
  } catch (error) {
    expect(error).toBeInstanceOf(SoakError);
    return error as SoakError;
  }
  throw new Error('Nothing was thrown where a SoakError should have been.');
}
