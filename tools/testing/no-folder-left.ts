import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Environment variable with how the names of this run's temporary folders begin. */
export const FOLDER_PREFIX = 'SOAK_TEST_FOLDER_PREFIX';

/** Before all tests: name their folders. After all: fail where one is left. */
export default function nameFolders(): () => void {
  process.env[FOLDER_PREFIX] ??= `soak-test-${randomBytes(3).toString('hex')}-`;
  return () => {
    const prefix = process.env[FOLDER_PREFIX] ?? '';
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
    if (left.length === 0) return;
    // vitest prints what is thrown here, and ends with 0 all the same.
    process.exitCode = 1;
    throw new Error(`The tests left ${left.length} folders, such as ${left[0]}.`);
  };
}
