import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXIT_CODES, SoakError } from './errors.ts';
import { systemError } from './system-error.ts';

test.each(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])(
  '%s is the environment’s, with its message and what to do',
  (code) => {
    const error = Object.assign(new Error(`${code}: no more, open 'x'`), { code, syscall: 'open' });
    const said = systemError(error);
    expect(said).toMatchObject({ code: 'system-refused', exitCode: EXIT_CODES.environment, cause: error });
    expect(said?.message).toBe(`The system refused a call: ${code}: no more, open 'x'.`);
    expect(said?.remedy).toMatch(/^\S.*\. Recorded runs are kept: continue with --resume\.$/);
  },
);

test('nothing else is: a mistake of ours stays one, and what has words keeps them', () => {
  expect(systemError(new TypeError('x is not a function'))).toBeNull();
  expect(systemError('EMFILE')).toBeNull();
  expect(systemError(new SoakError('bad-option', 'no', { remedy: 'yes' }))).toBeNull();
  expect(systemError({ code: 'EMFILE' })).toBeNull();
  let missing: unknown;
  try {
    openSync('/no/such/file', 'r');
  } catch (error) {
    missing = error;
  }
  expect(missing).toMatchObject({ code: 'ENOENT' });
  expect(systemError(missing)).toBeNull();
});
