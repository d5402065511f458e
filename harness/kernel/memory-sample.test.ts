import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { testPython } from '../../tools/testing/test-python.ts';
import { treeMemory } from './memory-sample.ts';
import { dropProcessHelper, ProcessHelper, useProcessHelper } from './process-helper.ts';

const UP_S = 1_000;

/** A folder as Linux has it at /proc. */
class Proc {
  readonly path = temporaryFolder();

  constructor() {
    this.#write('uptime', `${UP_S}.00 3000.00\n`);
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  /** A process with one thread, started when the system was up for `startedS`. */
  add(
    pid: number,
    {
      children = '',
      pssKiB = null as number | null,
      rssKiB = null as number | null,
      state = 'S',
      flags = 0,
      startedS = 10,
    },
  ): this {
    const stat = `${pid} (py (thon)) ${state} 1 1 1 0 -1 ${flags} 0 0 0 0 5 5 0 0 20 0 1 0 ${startedS * 100} 99 ${'0 '.repeat(20)}`;
    this.#write(`${pid}/stat`, stat);
    this.#write(`${pid}/task/${pid}/stat`, stat);
    this.#write(`${pid}/task/${pid}/children`, children);
    if (pssKiB !== null) {
      this.#write(
        `${pid}/smaps_rollup`,
        `55-7f ---p 00000000 00:00 0 [rollup]\nRss:      99999 kB\nPss:      ${pssKiB} kB\nPss_Dirty:  8 kB\nSwapPss:  7 kB\n`,
      );
    }
    if (rssKiB !== null)
      this.#write(`${pid}/status`, `Name:\tpython\nVmHWM:\t 99999 kB\nVmRSS:\t ${rssKiB} kB\n`);
    return this;
  }

  sample(pid: number, ownPid: number | null = null) {
    return treeMemory({ pid, ownPid }, 'linux', this.path);
  }
}

const FORKED = 0x40;

describe('on Linux', () => {
  test('the shares of the kernel and of everything below it', async () => {
    const proc = new Proc()
      .add(10, { children: '11 12 ', pssKiB: 100 })
      .add(11, { children: '13 ', pssKiB: 20 })
      .add(12, { pssKiB: 3 })
      .add(13, { pssKiB: 4 })
      .add(14, { pssKiB: 5 });
    expect(await proc.sample(10)).toEqual({ measure: 'pss', bytes: 127 * 1024 });
    expect(await proc.sample(10, 11)).toEqual({ measure: 'pss', bytes: 24 * 1024 });
  });

  test('what is resident, where a process does not show its share', async () => {
    const proc = new Proc().add(10, { children: '11 ', pssKiB: 100 }).add(11, { rssKiB: 50 });
    expect(await proc.sample(10)).toEqual({ measure: 'rss', bytes: 150 * 1024 });
  });

  test('a process that has ended has none, and one that never was is not there', async () => {
    const proc = new Proc().add(10, { children: '11 12 ', pssKiB: 100 }).add(11, { state: 'Z' });
    expect(await proc.sample(10)).toEqual({ measure: 'pss', bytes: 100 * 1024 });
    expect(await proc.sample(77)).toBeNull();
    expect(await proc.sample(-1)).toBeNull();
  });

  test.each([
    ['between vfork and exec', { flags: FORKED }, 'D', 100],
    [
      'between vfork and exec, and its parent not yet asleep',
      { flags: FORKED, startedS: UP_S - 0.04 },
      'R',
      100,
    ],
    ['forked, with memory of its own', { flags: FORKED }, 'S', 190],
    ['that has executed its program, while its parent waits for a disk', {}, 'D', 190],
  ])('a child %s', async (_what, child, state, expectedKiB) => {
    const proc = new Proc()
      .add(10, { children: '11 ', pssKiB: 100, state })
      .add(11, { ...child, pssKiB: 90 });
    expect(await proc.sample(10)).toEqual({ measure: 'pss', bytes: expectedKiB * 1024 });
  });

  test.runIf(process.platform === 'linux')(
    'a real process, and what it starts, without a moment of double',
    async () => {
      // Starts programs all the time, which borrow its memory until they execute.
      const code = `
import subprocess, time
held = bytearray(b"x") * (100 << 20)
print(1, flush=True)
end = time.monotonic() + 60
while time.monotonic() < end: subprocess.run(["true"])
`;
      const child = spawn(await testPython(), ['-I', '-S', '-c', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      const seen: number[] = [];
      for (let many = 0; many < 200; many += 1)
        seen.push((await treeMemory({ pid: child.pid ?? 0 }))?.bytes ?? 0);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(Math.min(...seen)).toBeGreaterThan(100 * 2 ** 20);
      expect(Math.max(...seen)).toBeLessThan(150 * 2 ** 20);
      expect(await treeMemory({ pid: child.pid ?? 0 })).toBeNull();
    },
  );
});

describe.each(['win32', 'darwin'] as const)('on %s, by the helper beside the harness', (platform) => {
  async function answered(samples: unknown, error?: string) {
    const asked: string[] = [];
    const helper: ProcessHelper = new ProcessHelper((line) => {
      asked.push(line);
      const { id } = JSON.parse(line.slice(2)) as { id: number };
      setImmediate(() =>
        helper.hear(JSON.stringify({ id, ...(error === undefined ? { samples } : { error }) })),
      );
    });
    useProcessHelper(helper);
    try {
      return { asked, seen: await treeMemory({ pid: 20, ownPid: 21 }, platform) };
    } finally {
      dropProcessHelper(helper);
    }
  }

  test('what is resident of the kernel and of everything below it', async () => {
    const { asked, seen } = await answered([
      { cpuMs: 1, rssBytes: 100 },
      null,
      { cpuMs: 1, rssBytes: 20 },
      { cpuMs: 1, rssBytes: null },
    ]);
    expect(seen).toEqual({ measure: 'rss', bytes: 120 });
    expect(JSON.parse(asked[0]?.slice(2) ?? '')).toMatchObject({ tree: 21 });
  });

  test('nothing of a kernel that is not there, and an error where nobody can tell', async () => {
    expect((await answered([null])).seen).toBeNull();
    await expect(answered([{ cpuMs: 1, rssBytes: null }])).rejects.toThrow(/does not show the memory/);
    await expect(answered(null, 'OSError: no')).rejects.toThrow(/OSError: no/);
    await expect(treeMemory({ pid: 20 }, platform)).rejects.toThrow(/No process beside the harness/);
  });
});
