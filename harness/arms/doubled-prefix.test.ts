import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readPatchFile } from './patch-file.ts';

/** What `git diff --no-index` of two folders gives: it ends with 1 where they differ. */
function differenceOf(folder: string, first: string, second: string): string {
  try {
    return execFileSync('git', ['diff', '--no-index', first, second], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test.skipIf(process.platform === 'win32')(
  'a diff of two folders is refused with what mends it, and that does',
  async () => {
    const folder = temporaryFolder();
    for (const [side, text] of [
      ['before/site-packages', 'a\n'],
      ['after/site-packages', 'b\n'],
    ] as const) {
      mkdirSync(join(folder, side, 'ipykernel'), { recursive: true });
      writeFileSync(join(folder, side, 'ipykernel', 'kernelbase.py'), text);
    }
    const path = join(folder, 'my.diff');
    writeFileSync(path, differenceOf(folder, 'before', 'after'));
    expect(readFileSync(path, 'utf8')).toContain('+++ b/after/site-packages/ipykernel/kernelbase.py');
    const error = await soakErrorOf(() => readPatchFile(path));
    expect(error.code).toBe('bad-patch');
    expect(error.remedy).toContain('stands below "after/site-packages/", as git diff --no-index');
    const command = /with: (sed .* my-change\.diff);/.exec(error.remedy)?.[1] ?? 'false';
    execFileSync('sh', ['-c', command], { cwd: folder });
    expect(await readPatchFile(join(folder, 'my-change.diff'))).toMatchObject({ package: 'ipykernel' });
  },
);
