import type { Notebook } from '../../harness/frontend/notebook.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import { codeNotebook } from '../testing/code-notebook.ts';

/** Shortest and longest work of a slow cell, milliseconds: well past a suspicion after 50 ms and its samples. */
const WORK_MS = { min: 120, max: 260 } as const;

/** Ways to be legitimately slow: idle, busy in Python, busy in C without the interpreter's lock given up. */
const WORK: readonly ((ms: number) => string)[] = [
  (ms) => `import time\ntime.sleep(${ms / 1000})`,
  (ms) => `import time\nfor _ in range(4):\n    time.sleep(${ms / 4000})\n    print('.', end='', flush=True)`,
  (ms) => `import subprocess, sys\nsubprocess.run(['sleep', '${ms / 1000}'], check=True)`,
  (ms) => `import asyncio\nawait asyncio.sleep(${ms / 1000})`,
  (ms) => `import time\nend = time.perf_counter() + ${ms / 1000}\nwhile time.perf_counter() < end:\n    pass`,
  (ms) =>
    `import time\nend = time.perf_counter() + ${ms / 1000}\nwhile time.perf_counter() < end:\n    sum(range(200_000))`,
];
// A shell's sleep is not everywhere.
const WINDOWS_HAS_NO_SLEEP = 2;

/**
 * A notebook of cells that are slow and nothing else: asleep, printing, waiting for a child process or an
 * event loop, computing. Equal arguments, equal notebook.
 *
 * @param cells at least 1
 */
export function slowNotebook(cells: number, seed: number, platform: NodeJS.Platform): Notebook {
  const uniform = seededUniform(seed, 'slow-notebook');
  const ways = WORK.filter((_, index) => platform !== 'win32' || index !== WINDOWS_HAS_NO_SLEEP);
  const sources = Array.from({ length: cells }, () => {
    const way = ways[Math.floor(uniform() * ways.length)] ?? WORK[0];
    const ms = Math.round(WORK_MS.min + uniform() * (WORK_MS.max - WORK_MS.min));
    return way?.(ms) ?? '';
  });
  return codeNotebook('slow-cells.ipynb', sources);
}
