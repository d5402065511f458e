import { setMaxListeners } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectedOutputs } from '../../harness/experiment/expected-outputs.ts';
import { parseLatency } from '../../harness/frontend/latency.ts';
import { type Notebook, parsedNotebook, readNotebook } from '../../harness/frontend/notebook.ts';
import { experimentRecord } from '../../harness/journal/journal.fixture.ts';
import { readJournal } from '../../harness/journal/read.ts';
import { JournalWriter } from '../../harness/journal/write.ts';
import type { KernelCommand } from '../../harness/kernel/launch.ts';
import type { ProtocolArm } from '../../harness/model/arm.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import { type Protocol, protocolHash } from '../../harness/model/protocol.ts';
import { isClientStrand } from '../../harness/oracle/classify-client.ts';
import { OutputComparison } from '../../harness/run/compare-outputs.ts';
import { runExperiment } from '../../harness/run/experiment.ts';
import { withForks } from '../../harness/run/fork-context.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import { withSharedContext } from '../../harness/run/shared-context.ts';
import type { Subject } from '../../harness/run/subject.ts';
import { analyseExperiment } from '../../harness/stats/analysis.ts';
import type { ArmAnalysis } from '../../harness/stats/arm-summary.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import { type FaultDraw, type FaultName, faultyKernelCommand } from '../testing/faulty-kernel.ts';
import type { FaultRow } from './fault-rows.ts';
import { type KernelArgv, type StallingClient, stallingClient } from './stalling-client.ts';

/** The faulty cell is neither the first nor the last: `strands` needs one before it, moved output one behind it. */
const NOTEBOOK_TEXT = notebookText(['first', 'second cell', 'third']);
const NOTEBOOK = parsedNotebook(Buffer.from(NOTEBOOK_TEXT), 'three-cells.ipynb');
/** Each cell sleeps for longer than it takes to interrupt it, and is interrupted as soon as it has begun. */
const SLEEPING = codeNotebook('sleeping-cells.ipynb', Array(3).fill('sleep:2'));
const INTERRUPT_AFTER = 'busy+0-20ms';
const FAULTY_CELL = 2;
/** The test kernel answers in milliseconds: only a fault, or a machine that stands still, takes so long. */
const TIMEOUT_MS = 3_000;
const START_TIMEOUT_MS = 60_000;
const SUSPECT_AFTER_MS = 1_000;
const NAMES = ['a', 'b'] as const;

/** A notebook whose cells print one text each, which is saved as their output. */
function notebookText(texts: readonly string[]): string {
  const cells = texts.map((text, index) => ({
    cell_type: 'code',
    id: `c${index}`,
    metadata: {},
    execution_count: null,
    outputs: [{ output_type: 'stream', name: 'stdout', text }],
    source: `print:${text}`,
  }));
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
}

/** One experiment on a kernel that commits a fault with a known probability. */
export interface RepeatDesign {
  readonly row: FaultRow;
  /** Probability of the row's faults together, in each run. */
  readonly chance: number;
  /** Probability of its competing fault. */
  readonly competingChance: number;
  readonly seed: number;
  readonly runs: number;
  /** 2: an A/A experiment, both arms alike. */
  readonly arms: 1 | 2;
  readonly concurrency: number;
}

/** What the experiment said of one arm, and what the arm's kernels had drawn. */
export interface RepeatArm {
  readonly events: number;
  /** Runs in which the endpoint was observed. */
  readonly observed: number;
  readonly competing: number;
  readonly invalid: number;
  /** Of `stalled` alone: events that a look at the client's socket certified. */
  readonly certified?: number;
  readonly clopperPearson95: readonly [number, number];
  /** Kernels by what they drew, the truth: `normal` or a fault. */
  readonly drawn: Readonly<Record<string, number>>;
}

export interface RepeatResult {
  readonly arms: readonly RepeatArm[];
  /** Whether the A/A pair differs at α = 0.05; `null`: there is no pair. */
  readonly decided: boolean | null;
  readonly seconds: number;
}

/** Do `work` with what repeats share. */
export async function withRepeats<Result>(
  python: string,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  return withSharedContext(
    {
      protocol: {
        timeoutMs: TIMEOUT_MS,
        startTimeoutMs: START_TIMEOUT_MS,
        suspectAfterMs: SUSPECT_AFTER_MS,
        pipelineDepth: 1,
      },
      latency: await parseLatency('none'),
      kernelEnvironment: { python, matplotlibConfigDir: null },
    },
    (context) => withForks('fork', context, refuse, work),
  );
}

function refuse(why: string): never {
  throw new Error(`The test kernel cannot be forked: ${why}.`);
}

/** Carry out one repeat as `soak run` carries out an experiment, and read it from its journal. */
export async function repeat(
  design: RepeatDesign,
  context: RunContext,
  python: string,
): Promise<RepeatResult> {
  const startedMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'soak-endpoint-'));
  try {
    const names = NAMES.slice(0, design.arms);
    const { endpoint = null, memoryAboveBytes } = design.row.rule;
    const sampling = {
      ...context,
      ...(memoryAboveBytes === undefined ? {} : { samplesMemory: true }),
      ...(design.row.isInterrupted === true ? { interruptAfter: INTERRUPT_AFTER } : {}),
    };
    const options = { endpoint, also: null, expect: null, sanitize: null };
    const expected = await expectedOutputs(options, [NOTEBOOK]);
    const comparison = expected === null ? null : new OutputComparison(expected.expectation, []);
    const client = design.row.client === undefined ? null : await stallingClient();
    const protocol = {
      ...protocolOf(design, names),
      ...(client === null ? {} : { client: client.protocolClient }),
      ...(expected === null ? {} : { expected: expected.protocol }),
    };
    const arms = new Map<string, Subject>();
    for (const name of names) {
      await mkdir(join(folder, name));
      const arm = protocol.arms.find((each) => each.name === name);
      if (arm === undefined) throw new Error(`The protocol has no arm ${name}.`);
      arms.set(name, subjectOf(arm, client, kernelsOf(design, name, join(folder, name), python)));
    }
    const report = join(folder, 'report');
    const writer = await JournalWriter.create(report, {
      ...experimentRecord(),
      protocol,
      protocolSha256: protocolHash(protocol),
    });
    const own = notebookOf(design.row);
    const notebook = client === null ? own : await savedNotebook(folder);
    const experiment = { protocol, arms, notebooks: [notebook], writer, comparison, context: sampling };
    const { signal } = new AbortController();
    // Each run listens, and many run at once.
    setMaxListeners(0, signal);
    try {
      for (const outputs of comparison?.expected() ?? []) await writer.append(outputs);
      await runExperiment({ ...experiment, recorded: [], notebookFolder: null, signal });
    } finally {
      await writer.close();
    }
    const { runs } = (await readJournal(report)).journal;
    const analysis = analyseExperiment(protocol, runs);
    const certified = (name: string) =>
      endpoint === 'stalled'
        ? { certified: runs.filter((run) => run.arm === name && isCertified(run)).length }
        : {};
    return {
      arms: await Promise.all(
        analysis.arms.map(async (arm) => ({
          ...(await armResult(arm, join(folder, arm.name))),
          ...certified(arm.name),
        })),
      ),
      decided: analysis.aa[0]?.decided ?? null,
      seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function protocolOf({ row, seed, runs, concurrency }: RepeatDesign, names: readonly string[]): Protocol {
  const { protocol } = experimentRecord();
  const notebook = notebookOf(row);
  return {
    ...protocol,
    ...row.rule,
    arms: names.map((name) => ({
      name,
      role: 'control',
      description: `the test kernel: ${row.name}`,
      patchSha256: null,
      treeSha256: 'f'.repeat(64),
      engagement: null,
    })),
    notebooks: [{ name: notebook.name, sha256: notebook.sha256, codeCells: [0, 1, 2] }],
    ...(row.isInterrupted === true
      ? { traffic: ['interrupt'], interruptAfter: INTERRUPT_AFTER }
      : { traffic: ['sequential'] }),
    pipelineDepth: 1,
    seed,
    blocks: runs,
    concurrency,
    timeoutMs: TIMEOUT_MS,
    startTimeoutMs: START_TIMEOUT_MS,
    suspectAfterMs: SUSPECT_AFTER_MS,
  };
}

function notebookOf({ isInterrupted }: FaultRow): Notebook {
  return isInterrupted === true ? SLEEPING : NOTEBOOK;
}

type Kernels = (...parts: Parameters<KernelArgv>) => KernelCommand;

/** How the test kernel of an arm is started, which draws what it does. */
function kernelsOf(design: RepeatDesign, name: string, folder: string, python: string): Kernels {
  const { row, chance, competingChance, seed } = design;
  const chances: Partial<Record<FaultName, number>> = {};
  for (const fault of row.faults) chances[fault] = chance / row.faults.length;
  if (row.competing !== null && competingChance > 0) chances[row.competing] = competingChance;
  const draw: FaultDraw = {
    chances,
    seed: `${row.name}/${chance}/${competingChance}/${seed}/${name}`,
    folder,
  };
  const delay = row.delayMs === undefined ? {} : { delayMs: row.delayMs };
  return (connectionFile, more = {}) =>
    faultyKernelCommand({ name: draw, at: FAULTY_CELL, ...delay, ...more }, connectionFile, python);
}

function subjectOf(kernelspec: ProtocolArm, client: StallingClient | null, commandOf: Kernels): Subject {
  if (client !== null) return client.subject((file, more) => commandOf(file, more).argv);
  return { kernelspec, makeCommand: (_folder, connectionFile) => commandOf(connectionFile) };
}

/** A client reads the notebook from a file. */
async function savedNotebook(folder: string): Promise<Notebook> {
  const path = join(folder, NOTEBOOK.name);
  await writeFile(path, NOTEBOOK_TEXT);
  return readNotebook(path);
}

/** Whether the run ended at a stall that its look shows to be one. */
function isCertified({ outcome, stalls }: RunRecord): boolean {
  const look = stalls?.at(-1)?.look ?? null;
  return outcome.kind === 'stalled' && look !== null && isClientStrand(look);
}

async function armResult(arm: ArmAnalysis, drawsFolder: string): Promise<RepeatArm> {
  const drawn: Record<string, number> = {};
  for (const file of await readdir(drawsFolder)) {
    const name = await readFile(join(drawsFolder, file), 'utf8');
    drawn[name] = (drawn[name] ?? 0) + 1;
  }
  return {
    events: arm.counts.wedged,
    observed: arm.counts.valid,
    competing: arm.counts.competing,
    invalid: arm.counts.invalid,
    clopperPearson95: [arm.clopperPearson95[0], arm.clopperPearson95[1]],
    drawn,
  };
}
