import type { Flood } from './bench-floods.ts';
import type { RunTimes } from './bench-runs.ts';
import type { Scale } from './bench-scale.ts';
import type { TripTimes } from './bench-trips.ts';
import type { VerdictTime } from './bench-verdict.ts';
import { median, quantile, type Ratio } from './figures.ts';

/** All that one run of the benchmark measured. */
export interface BenchResult {
  readonly at: string;
  readonly harness: string;
  readonly node: string;
  readonly cpus: number;
  readonly trips: TripTimes;
  readonly runs: RunTimes;
  readonly verdicts: readonly VerdictTime[];
  readonly floods: readonly Flood[];
  /** Where the floods were measured again, later than the rest. */
  readonly floodsAt?: string;
  readonly scale: Scale;
  readonly ratios: Readonly<Record<string, Ratio>>;
}

/** What has to be reached, as a share or a number at most. */
interface Target {
  readonly what: string;
  readonly value: number;
  readonly shown: string;
  readonly most: number;
}

const MOST_FLOOD_MIB = 300;

function ratioWords({ value, low, high }: Ratio): string {
  return `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function ratioOf({ ratios }: BenchResult, name: string): Ratio {
  const ratio = ratios[name];
  if (ratio === undefined) throw new Error(`The benchmark has no ratio ${name}.`);
  return ratio;
}

function cpuShare({ runs }: BenchResult): number {
  return median(runs.cpu.map(({ harnessMs, kernelMs }) => harnessMs / kernelMs));
}

/** The targets of the benchmark, and where they stand. */
export function targets(result: BenchResult): Target[] {
  const { verdicts, scale, floods } = result;
  const ratio = (what: string, name: string, most: number): Target => ({
    what,
    value: ratioOf(result, name).value,
    shown: ratioWords(ratioOf(result, name)),
    most,
  });
  const number = (what: string, value: number, most: number, digits = 0): Target => ({
    what,
    value,
    shown: value.toFixed(digits),
    most,
  });
  return [
    ratio('Wall time a run of 20 trivial cells, spawn over nbclient', 'spawnOverNbclient', 0.7),
    ratio('The same, fork over nbclient', 'forkOverNbclient', 0.3),
    ratio('Round trip p50 over a bare pyzmq DEALER', 'tripOverDealer', 1.1),
    number('Harness processor time over the kernel’s, a run', cpuShare(result), 0.15, 3),
    number('Seconds to `fixes` at α = 0.001, median', median(verdicts.map(({ seconds }) => seconds)), 60, 1),
    number('Runs to `fixes` at α = 0.001, median', median(verdicts.map(({ runs }) => runs)), 60),
    number(
      `Resident memory at run ${scale.runs} over that at run 500 (or a tenth)`,
      scale.late.residentMiB / scale.early.residentMiB,
      1.1,
      2,
    ),
    number('Files left of it', scale.filesLeft.length, 0),
    ...floods.map(({ what, mostMiB }) => number(`Memory under ${what}, MiB`, mostMiB, MOST_FLOOD_MIB)),
    ...floods.map(({ what, kept }) => number(`Lost of the outputs of ${what} (1: some)`, kept ? 0 : 1, 0)),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? ':--' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}

/** What beginning a run while its predecessor is taken away gains; nothing of a measurement before it was so. */
function inRowWords(result: BenchResult): string {
  const { inRow } = result.runs;
  if (inRow === undefined) return '';
  const ms = (values: readonly number[]) => median(values).toFixed(0);
  return `In a row as \`soak\` makes them, one beginning while its predecessor's kernel is taken away: spawn ${ms(inRow.spawn)} ms a run,
${ratioWords(ratioOf(result, 'spawnInRow'))} of one at a time; fork ${ms(inRow.fork)} ms, ${ratioWords(ratioOf(result, 'forkInRow'))}.

`;
}

/** Resident memory at the end of a run, where it was measured. */
function memoryWords({ runs }: BenchResult): string {
  const mib = (of: 'harnessMiB' | 'kernelMiB') => median(runs.cpu.map((cost) => cost[of] ?? Number.NaN));
  if (runs.cpu.some(({ harnessMiB }) => harnessMiB === undefined)) return '';
  return `; resident at its end: harness ${mib('harnessMiB').toFixed(0)} MiB, everything of the benchmark's in it, its kernel ${mib('kernelMiB').toFixed(0)} MiB`;
}

/** `reports/bench/bench.md`: a pure function of what was measured. */
export function benchMarkdown(result: BenchResult): string {
  const { runs, trips, verdicts, scale } = result;
  const ms = (values: readonly number[]) => median(values).toFixed(0);
  const strands = verdicts.flatMap(({ strandMs }) => strandMs);
  return `# Benchmark

\`npm run bench\`, kernel-soak ${result.harness}, Node ${result.node}, ${result.cpus} processors, ${result.at.slice(0, 10)}. Everything
was measured in one run of the script on one machine, in turns; ratios are of medians, with 95 % bootstrap
intervals. The kernels are those of the arm stream, which does not wedge, and the peers are in the same environment.

## Targets

${table(
  ['What', 'Measured', 'At most', ''],
  targets(result).map(({ what, shown, value, most }) => [
    what,
    shown,
    String(most),
    value <= most ? 'reached' : '**not reached**',
  ]),
)}

## Runs a minute

A notebook of 20 trivial cells, each run in a fresh kernel, from nothing to everything gone.

${table(
  ['Runner', 'One at a time, ms a run', 'Runs a minute', 'Two at once, ms a run', 'Runs a minute'],
  (['spawn', 'fork', 'nbclient'] as const).map((runner) => {
    const [one, two] = [median(runs.oneAtATime[runner]), median(runs.twoAtOnce[runner])];
    const name = runner === 'nbclient' ? 'nbclient, a loop in one warm process' : `kernel-soak, ${runner}`;
    return [name, one.toFixed(0), (60_000 / one).toFixed(0), two.toFixed(0), (60_000 / two).toFixed(0)];
  }),
)}

\`jupyter execute\`, a process for each run: ${ms(runs.oneAtATime['jupyter-execute'])} ms. Two at once, kernel-soak over nbclient: spawn
${ratioWords(ratioOf(result, 'spawnOverNbclientTwo'))}, fork ${ratioWords(ratioOf(result, 'forkOverNbclientTwo'))}.

## Round trip

\`execute_request\` for \`pass\`, from before it is made to its reply, ${trips.ours.length} each, all on one kernel.

${table(
  ['Client', 'p50, ms', 'p99, ms'],
  (
    [
      ['kernel-soak', trips.ours],
      ['pyzmq DEALER, bare', trips.dealer],
      ['jupyter_client, blocking', trips.blocking],
    ] as const
  ).map(([name, times]) => [name, median(times).toFixed(2), quantile(times, 0.99).toFixed(2)]),
)}

${inRowWords(result)}## Processor time and memory

A run, median: harness ${ms(runs.cpu.map(({ harnessMs }) => harnessMs))} ms of processor time, its kernel ${ms(runs.cpu.map(({ kernelMs }) => kernelMs))} ms${memoryWords(result)}.

## To a verdict

\`--arms control,sham,fix --until-decided --alpha 0.001 --launch fork --concurrency 2\`, overlap traffic on the first 60
cells of \`many-cells.ipynb\`, ipykernel 7.3.0, from nothing running to the evidence written.

${table(
  ['Seed', 'Seconds', 'Runs', 'fix'],
  verdicts.map(({ seconds, runs: count, verdict }, index) => [
    String(index + 1),
    seconds.toFixed(1),
    String(count),
    verdict,
  ]),
)}

From a stranded request to its certificate and proof: median ${(median(strands) / 1000).toFixed(2)} s of ${strands.length} wedges. nbclient has no time-out
of a cell unless it is given one, and then it must be longer than the slowest honest cell.

## Scale

${scale.runs} runs of a kernel that only answers, 16 at once.

${table(
  ['', `at run ${Math.min(500, scale.runs / 10)}`, `at run ${scale.runs}`],
  [
    ['resident memory, MiB', scale.early.residentMiB.toFixed(0), scale.late.residentMiB.toFixed(0)],
    ['open files', String(scale.early.openFiles), String(scale.late.openFiles)],
    ['ms from run to run, mean of a tenth of them', scale.earlyMs.toFixed(0), scale.lateMs.toFixed(0)],
  ],
)}

Journal: ${scale.journalBytesPerRun.toFixed(0)} bytes a run. Left in its folder for temporary files: ${scale.filesLeft.length === 0 ? 'nothing' : scale.filesLeft.join(', ')}.

## Floods
${result.floodsAt === undefined ? '' : `\nMeasured again, ${result.floodsAt.slice(0, 10)}.\n`}
${table(
  ['What', 'Seconds', 'Most memory, MiB', 'Notebook'],
  result.floods.map(({ what, seconds, mostMiB, kept }) => [
    what,
    seconds.toFixed(0),
    mostMiB.toFixed(0),
    kept ? 'has all of it' : 'does not have all of it',
  ]),
)}
`;
}
