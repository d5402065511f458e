import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { lockFolder } from './lock.ts';

test.runIf(process.platform === 'linux')(
  'a folder is one rehearsal’s: a second is refused until the first has released it',
  async () => {
    const folder = temporaryFolder();
    const first = await lockFolder(folder);
    expect(first).not.toBeNull();
    expect(await lockFolder(folder)).toBeNull();
    first?.release();
    let again: Awaited<ReturnType<typeof lockFolder>> = null;
    await expect.poll(async () => (again = await lockFolder(folder)), { timeout: 10_000 }).not.toBeNull();
    (again as { release(): void } | null)?.release();
  },
);
