import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { readJournal } from '../../harness/journal/read.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { buildReport } from '../../harness/report/report.ts';

/** One experiment from nothing running to its verdict. */
export interface VerdictTime {
  readonly seconds: number;
  /** Of all arms. */
  readonly runs: number;
  readonly verdict: string;
  /** From a stranded request to its certificate and proof, milliseconds, of each certified wedge. */
  readonly strandMs: readonly number[];
}

/** The assay: what of the shipped notebooks and traffic makes the released kernel wedge soonest. */
export const ASSAY = [
  ...['--arms', 'control,sham,fix', '--until-decided', '--alpha', '0.001'],
  ...['--traffic', 'overlap', '--notebook', join('notebooks', 'many-cells.ipynb'), '--prefix', '60'],
  ...['--launch', 'fork', '--concurrency', '2'],
] as const;

/** `soak run` as a user starts it, until it has decided at α = 0.001. */
export async function benchVerdict(folder: string, seed: number): Promise<VerdictTime> {
  const out = join(folder, `verdict-${seed}`);
  const startMs = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join('harness', 'cli.ts'), ...ASSAY, '--seed', String(seed), '--out', out],
    { cwd: packageRoot(), stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = (performance.now() - startMs) / 1000;
  if (code !== 0) throw new Error(`soak ended with ${code}.`);
  const { journal } = await readJournal(out);
  const { analysis } = buildReport(journal);
  return {
    seconds,
    runs: journal.runs.length,
    verdict: analysis.verdicts.find(({ treatment }) => treatment === 'fix')?.word ?? 'none',
    strandMs: journal.runs.flatMap(({ outcome }) =>
      outcome.kind === 'wedged-stranded' && outcome.waitedMs !== null ? [outcome.waitedMs] : [],
    ),
  };
}
