import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeNotebookText, PYTHON_METADATA } from '../../tools/testing/code-notebook.ts';
import { type ExecutePlace, executePlace, soakExec } from '../../tools/testing/jupyter-execute.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';

// Only a wedge may start a notebook again: what its cells did outside the kernel they would do twice.

let place: ExecutePlace;

beforeAll(async () => {
  place = await executePlace();
}, 300_000);

const SECONDS = 5;

/** What a cell leaves to be done while the next one waits to be begun, for longer than `--begin-timeout`. */
const BUSY: Readonly<Record<string, string>> = {
  'computes in a callback of its event loop': `import asyncio, time
def burn():
    end = time.monotonic() + ${SECONDS}
    while time.monotonic() < end:
        pass
asyncio.get_running_loop().call_soon(burn)`,
  'sleeps in a callback of its event loop': `import asyncio, time
asyncio.get_running_loop().call_soon(time.sleep, ${SECONDS})`,
  'waits for a program in a callback of its event loop': `import asyncio, subprocess
asyncio.get_running_loop().call_soon(subprocess.run, ['sleep', '${SECONDS}'])`,
  'holds the interpreter lock in a thread': `import re, threading
pattern, text = re.compile('(a+)+$'), 'a' * 26 + 'b'
threading.Thread(target=lambda: pattern.match(text)).start()`,
};

describe.skipIf(process.platform === 'win32')('a notebook is executed once where the kernel', () => {
  const cases = Object.keys(BUSY).flatMap((what) => [
    // One whose own account can be read, and one that is only seen from outside.
    [what, ['--arm', 'control']] as const,
    [what, ['--kernel', 'python3']] as const,
  ]);
  test.each(cases)('%s (%s)', async (what, kernel) => {
    const folder = temporaryFolder();
    const path = join(folder, 'n.ipynb');
    const first = "open('runs', 'a').write('run\\n')";
    writeFileSync(path, codeNotebookText([first, BUSY[what] ?? '', "print('done')"], PYTHON_METADATA));
    const ended = await soakExec(place, path, ...kernel, '--begin-timeout', '1', '--timeout', '120');
    expect([ended.code, ended.stdout]).toEqual([0, expect.stringContaining('attempt 1 of 5: completed')]);
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
  });
});
