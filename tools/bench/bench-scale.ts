import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJournal } from '../../harness/journal/read.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { type BenchSurroundings, trivialNotebook } from './bench-surroundings.ts';
import { type ProcessLook, watchedSoak } from './watched-soak.ts';

/** A long experiment on a tiny kernel: what grows. */
export interface Scale {
  readonly runs: number;
  /** Looks nearest to run 500, or the tenth part of shorter ones, and to the last run. */
  readonly early: ProcessLook;
  readonly late: ProcessLook;
  readonly journalBytesPerRun: number;
  /** From a run's begin to the next one's, means over a tenth of the runs at each end, milliseconds. */
  readonly earlyMs: number;
  readonly lateMs: number;
  /** Of its temporary folder when it had ended. */
  readonly filesLeft: readonly string[];
}

/** `soak run --kernel` of a kernel that only answers, sixteen at once: most of a start is waiting. */
export async function benchScale({ python, folder }: BenchSurroundings, runs: number): Promise<Scale> {
  const place = join(folder, 'specs', 'kernels', 'tiny');
  const temporary = join(folder, 'tmp');
  await mkdir(place, { recursive: true });
  await mkdir(temporary);
  const script = join(packageRoot(), 'tools', 'testing', 'faulty_kernel.py');
  const argv = [python, script, '--behaviour', 'normal', '-f', '{connection_file}'];
  await writeFile(
    join(place, 'kernel.json'),
    JSON.stringify({ argv, display_name: 'Tiny', language: 'python' }),
  );
  const notebook = await trivialNotebook(folder, 2);
  const out = join(folder, 'scale');
  const looks: { readonly look: ProcessLook; readonly runs: number }[] = [];
  const args = [
    '--kernel',
    'tiny',
    '--notebook',
    notebook.path,
    '--runs',
    String(runs),
    '--traffic',
    'sequential',
  ];
  const journal = join(out, 'journal.jsonl');
  let size = 0;
  await watchedSoak(
    [...args, '--latency', 'none', '--concurrency', '16', '--seed', '1', '--out', out],
    { ...process.env, JUPYTER_PATH: join(folder, 'specs'), TMPDIR: temporary },
    (look) => {
      looks.push({ look, runs: size });
      void stat(journal).then(
        (found) => {
          size = found.size;
        },
        () => {}, // not begun
      );
    },
  );
  const { size: bytes } = await stat(journal);
  const read = (await readJournal(out)).journal;
  const begins = read.runs.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
  const steps = begins.slice(1).map((ms, index) => ms - (begins[index] ?? ms));
  const tenth = Math.max(1, Math.floor(steps.length / 10));
  const at = (run: number) => {
    const wanted = (bytes * run) / runs;
    const nearest = looks.reduce((best, each) =>
      Math.abs(each.runs - wanted) < Math.abs(best.runs - wanted) ? each : best,
    );
    return nearest.look;
  };
  return {
    runs: read.runs.length,
    early: at(Math.min(500, runs / 10)),
    late: at(runs * 0.99),
    journalBytesPerRun: bytes / runs,
    earlyMs: mean(steps.slice(0, tenth)),
    lateMs: mean(steps.slice(-tenth)),
    // tsx keeps its own cache there.
    filesLeft: (await readdir(temporary)).filter((name) => !name.startsWith('tsx-')),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
