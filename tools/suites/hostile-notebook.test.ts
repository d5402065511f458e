import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readJournal } from '../../harness/journal/read.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import { canMount } from '../faults/storage.ts';
import { codeNotebookText } from '../testing/code-notebook.ts';
import { residentMemory } from '../testing/resident-memory.ts';
import { SoakProcess, type SoakStart } from '../testing/soak-process.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testEnvironment } from '../testing/test-environment.ts';

// Notebooks that attack what runs them, on real ipykernel by the real command: every second run, that of the arm
// under the other name, finds the same notebook harmless, and shows that the one before did it no harm.

const isLinux = process.platform === 'linux';

let place: string;
let temporary: string;
let out: string;

beforeAll(async () => {
  await testEnvironment();
});

beforeEach(() => {
  place = temporaryFolder();
  temporary = join(place, 'tmp');
  out = join(place, 'out');
  mkdirSync(temporary);
});

/** A notebook; in every cell `turn` is 0 in the first run that comes to it, then 1, and so on. */
function notebook(...cells: string[]): string {
  const path = join(place, 'hostile.ipynb');
  const first = `import os, pathlib, sys, time
counter = pathlib.Path(${JSON.stringify(place)}, "turn")
turn = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(turn + 1))`;
  writeFileSync(path, codeNotebookText([first, ...cells]));
  return path;
}

function started(path: string, args: readonly string[] = [], options: SoakStart = {}): SoakProcess {
  const experiment = ['--arm', 'stream', '--runs', '2', '--traffic', 'sequential', '--latency', 'none'];
  return new SoakProcess(
    ['run', ...experiment, '--timeout', '5', '--notebook', path, '--out', out, ...args],
    { ...options, variables: { TMPDIR: temporary, ...options.variables } },
  );
}

async function soaked(path: string, args: readonly string[] = [], options: SoakStart = {}): Promise<string> {
  const soak = started(path, args, options);
  await soak.ended;
  return soak.said;
}

async function outcomes(): Promise<RunRecord['outcome'][]> {
  return (await readJournal(out)).journal.runs.map(({ outcome }) => outcome);
}

/** Processes whose environment or command line names this test's folder. */
function processesLeft(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const words = ['cmdline', 'environ']
          .map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
          .join('\0');
        return words.includes(place) ? [`${pid} ${words.slice(0, 200)}`] : [];
      } catch {
        return [];
      }
    });
}

async function nothingLeft(): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const isClean =
      processesLeft().length === 0 && readdirSync(temporary).every((name) => !name.startsWith('soak-'));
    if (isClean) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect({ processes: processesLeft(), folders: readdirSync(temporary) }).toEqual({
    processes: [],
    folders: [],
  });
}

const DAEMON = `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        time.sleep(600)
    os._exit(0)
os.wait()`;

interface Attack {
  readonly code: string;
  readonly kind: string;
  readonly reason?: RegExp;
}

const ATTACKS: Record<string, Attack> = {
  'closes all descriptors': { code: 'os.closerange(0, 65536)\ntime.sleep(1)', kind: 'died', reason: /SIG/ },
  'ends its process': { code: 'os._exit(7)', kind: 'died', reason: /exit code 7/ },
  'recurses without end': {
    code: `import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.setrecursionlimit(10**9)
class Endless:
    def __repr__(self): return repr([self])
repr(Endless())`,
    kind: 'died',
    reason: /SIGSEGV/,
  },
  'leaves daemons, ignores signals, changes its folder and its variables': {
    code: `${DAEMON}
import signal, subprocess, threading, shutil
for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(name, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"], start_new_session=True, env={})
threading.Thread(target=time.sleep, args=(600,)).start()
os.chdir("/")
os.environ.clear(); os.environ["TMPDIR"] = "/nonexistent"; os.environ["PYTHONPATH"] = "/nonexistent"`,
    kind: 'completed',
  },
  'removes its own folder, counters and connection file with it': {
    code: 'import shutil, ipykernel\nshutil.rmtree(os.path.dirname(ipykernel.get_connection_file()), ignore_errors=True)',
    kind: 'completed',
  },
  'puts a pipe in the place of its counters': {
    code: `import ipykernel
counters = os.path.join(os.path.dirname(ipykernel.get_connection_file()), "counters.bin")
os.remove(counters); os.mkfifo(counters)`,
    kind: 'completed',
  },
  'writes what cannot be over its counters': {
    code: `import ipykernel
counters = os.path.join(os.path.dirname(ipykernel.get_connection_file()), "counters.bin")
open(counters, "r+b").write(b"KSOAK\\0\\0\\x01" + b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\0" * 10)`,
    kind: 'completed',
  },
};

// What every second run is asked: where it is, and what it has.
function harmless(): string {
  return `assert os.getcwd() == ${JSON.stringify(place)}, os.getcwd()
assert os.path.isdir(os.environ["TMPDIR"]) and "PYTHONPATH" not in os.environ`;
}

describe.runIf(isLinux)('a notebook that', () => {
  test.each(['spawn', 'fork'])(
    'attacks its kernel and its surroundings has its outcome, and the next run is unharmed (%s)',
    async (launch) => {
      const attacks = Object.entries(ATTACKS);
      const codes = JSON.stringify(attacks.map(([, { code }]) => code));
      const path = notebook(
        `exec(${codes}[turn // 2] if turn % 2 == 0 else ${JSON.stringify(harmless())})`,
        '1 + 1',
      );
      const runs = 2 * attacks.length;
      const said = await soaked(path, ['--runs', String(runs), '--launch', launch]);
      const seen = await outcomes();
      const kinds = seen.map(({ kind, reason, error }) => ({ kind, reason, error }));
      expect(kinds, said).toHaveLength(runs);
      for (const [index, [what, { kind, reason = /./ }]] of attacks.entries()) {
        expect(kinds[2 * index], what).toMatchObject({ kind, reason: expect.stringMatching(reason) });
        expect(kinds[2 * index + 1], `after: ${what}`).toMatchObject({ kind: 'completed' });
      }
      expect(said).toContain('evidence.md');
      await nothingLeft();
    },
    120_000,
  );

  test('writes 200 MB to its streams', async () => {
    const flood = `if turn == 0:
    chunk = b"kernel text " * 100_000
    for _ in range(85):
        os.write(1, chunk); os.write(2, chunk)`;
    const soak = started(notebook(flood), ['--timeout', '30']);
    let peakMib = 0;
    const sampling = setInterval(() => {
      peakMib = Math.max(peakMib, residentMemory(soak.process.pid ?? -1)?.mostMiB ?? 0);
    }, 50);
    await soak.ended;
    clearInterval(sampling);
    expect((await outcomes()).map(({ kind }) => kind)).toEqual(['completed', 'completed']);
    expect(soak.said).not.toContain('kernel text');
    expect(peakMib).toBeLessThan(500);
    await nothingLeft();
  });

  test('kills the harness: what is recorded stays, and who resumes is told at which run it ended, and how often', async () => {
    const path = notebook(`import signal
if turn in (1, 2):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)`);
    const first = started(path);
    await first.ended;
    expect(first.process.signalCode).toBe('SIGKILL');
    await nothingLeft();
    const recorded = readFileSync(join(out, 'journal.jsonl'));
    expect((await outcomes()).map(({ kind }) => kind)).toEqual(['completed']);

    const resume = () => new SoakProcess(['--resume', out], { variables: { TMPDIR: temporary } });
    const second = resume();
    await second.ended;
    expect(second.process.signalCode).toBe('SIGKILL');
    expect(second.said).toMatch(
      /without a word while these runs went on.*: b001-stream\. If that happens again/,
    );
    await nothingLeft();

    const third = resume();
    await third.ended;
    expect(third.said).toMatch(/b001-stream \(2 times\)\. The same run again/);
    expect((await outcomes()).map(({ kind }) => kind)).toEqual(['completed', 'completed']);
    expect(readFileSync(join(out, 'journal.jsonl')).subarray(0, recorded.length)).toEqual(recorded);
    await nothingLeft();
  });

  test('kills what forked it: no death of the kernel, and the next is forked anew', async () => {
    const path = notebook(
      'import signal\nif turn == 0:\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(60)',
    );
    await soaked(path, ['--launch', 'fork']);
    const [first, second] = await outcomes();
    expect(first).toMatchObject({ kind: 'harness-fault', source: 'harness' });
    expect(first?.reason).toMatch(/had forked the kernel ended/);
    expect(second?.kind).toBe('completed');
    await nothingLeft();
  });

  test.runIf(isLinux && canMount())(
    'fills the disk for its temporary files: its cell raises, and the next run has room',
    async () => {
      const path = notebook(
        'import tempfile\nif turn == 0:\n    tempfile.TemporaryFile().write(b"x" * 100_000_000)',
      );
      const mount = `mount -t tmpfs -o size=32m tmpfs ${temporary}\n"$@"`;
      const said = await soaked(path, [], {
        wrap: (command) => ['unshare', '-rm', 'sh', '-c', mount, 'sh', ...command],
      });
      const [first, second] = await outcomes();
      expect(first, said).toMatchObject({ kind: 'cell-error', error: { ename: 'OSError' } });
      expect(second?.kind).toBe('completed');
      await nothingLeft();
    },
  );

  test.runIf(isLinux && canMount())(
    'fills the disk that all is on, for good: the command says so, and loses nothing',
    async () => {
      const disk = join(place, 'disk');
      const kept = join(place, 'kept');
      mkdirSync(disk);
      const path = notebook(`if turn == 1:
    with open(${JSON.stringify(join(disk, 'ballast'))}, "wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * 4096): pass
        except OSError: pass`);
      const mount = `mount -t tmpfs -o size=32m tmpfs ${disk}\nmkdir ${disk}/tmp\n"$@"; code=$?; cp -r ${disk}/out ${kept}; exit $code`;
      out = join(disk, 'out');
      const soak = started(path, ['--runs', '4'], {
        variables: { TMPDIR: join(disk, 'tmp') },
        wrap: (command) => ['unshare', '-rm', 'sh', '-c', mount, 'sh', ...command],
      });
      await soak.ended;
      expect(soak.said).not.toContain('internal error');
      out = kept;
      const [first, ...others] = await outcomes();
      expect(first?.kind).toBe('completed');
      // Either the journal could not be written, or a kernel found no room to start.
      if (soak.code === 4) expect(soak.said).toMatch(/(ENOSPC|no space)/i);
      else
        expect(others.at(-1)).toMatchObject({
          kind: 'harness-fault',
          reason: expect.stringMatching(/no space was left/),
        });
      await nothingLeft();
    },
  );
});
