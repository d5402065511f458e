import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { packageRoot } from '../model/package-root.ts';

const SCRIPT = `
import os, sys
sys.path.insert(0, sys.argv[1])
from soak_client_counters import NAMES, Tracker
from soak_counters import create_file

opened = os.open
BINARY = getattr(os, "O_BINARY", None)
# Elsewhere than on Windows the flag does nothing, and a bit that no open file has stands for it.
os.O_BINARY = 1 << 30 if BINARY is None else BINARY

def recording(path, flags, *mode):
    if path == sys.argv[3]:
        print("binary" if flags & os.O_BINARY else "text")
        if BINARY is None:
            flags &= ~os.O_BINARY
    return opened(path, flags, *mode)

os.open = recording
create_file(sys.argv[2], NAMES)
tracker = Tracker(sys.argv[2], sys.argv[3])
tracker.log("sent", 1, "execute_request")
tracker.log("taken", 1, "execute_reply")
`;

test("a client's log is opened in binary mode, so that its lines end on Windows as they do elsewhere", async () => {
  const folder = temporaryFolder();
  const log = join(folder, 'events.log');
  const runtime = join(packageRoot(), 'arms', 'runtime');
  const { stdout } = await promisify(execFile)(await testPython(), [
    '-c',
    SCRIPT,
    runtime,
    join(folder, 'counters'),
    log,
  ]);
  expect(stdout.trim()).toBe('binary');
  expect(readFileSync(log, 'utf8')).toMatch(/^\d+ sent 1 execute_request\n\d+ taken 1 execute_reply\n$/);
});
