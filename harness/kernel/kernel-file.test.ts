import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { builtModule } from '../../tools/testing/built-command.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { readKernelJson } from './kernel-file.ts';

/** Opens files until there are no more, then reads one that a kernel wrote. */
const EXHAUSTED = `
const [module, path] = process.argv.slice(1);
const { readKernelJson } = await import(module);
const { openSync } = await import('node:fs');
try {
  for (;;) openSync(path);
} catch {}
try {
  console.log('read', JSON.stringify(readKernelJson(path, 100)));
} catch (error) {
  console.log('threw', error.code);
}
`;

test.skipIf(process.platform === 'win32')(
  'that no more files can be opened is not taken for a kernel that wrote nothing',
  () => {
    const path = join(temporaryFolder(), 'identity.json');
    writeFileSync(path, '{"a":1}');
    expect(readKernelJson(path, 100)).toEqual({ a: 1 });
    const built = pathToFileURL(builtModule('kernel/kernel-file.js')).href;
    const command = [process.execPath, '--input-type=module', '-e', EXHAUSTED, built, path];
    const said = execFileSync('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...command], {
      encoding: 'utf8',
    });
    expect(said).toBe('threw EMFILE\n');
  },
);
