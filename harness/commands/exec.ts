import { randomBytes, randomInt } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Execution, executeWithRetries } from '../exec/attempts.ts';
import { chosenKernel, sessionVariables } from '../exec/exec-kernel.ts';
import {
  appendExecRecord,
  EXEC_JOURNAL_SCHEMA,
  type ExecBegin,
  type ExecKernel,
  readExecJournal,
} from '../exec/journal.ts';
import { checkedOutput, saveOutput } from '../exec/output.ts';
import { type KernelRate, kernelRates } from '../exec/rate.ts';
import type { RunSurroundings } from '../experiment/carry-out.ts';
import { notebookPieces } from '../frontend/executed-notebook.ts';
import { parseLatency } from '../frontend/latency.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXEC_EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { harnessVersion } from '../model/harness-version.ts';
import type { RunRecord } from '../model/journal.ts';
import { numberOption, RUN_DEFAULTS, trafficProfiles } from '../options/run-options.ts';
import { duration, percent, percentInterval, probability } from '../report/format-number.ts';
import { withSharedContext } from '../run/shared-context.ts';

interface RawExecOptions {
  readonly kernel?: string;
  readonly arm?: string;
  readonly attempts?: string;
  readonly timeout?: string;
  readonly beginTimeout?: string;
  readonly startTimeout?: string;
  readonly output?: string;
  readonly inplace?: boolean;
  readonly journal: string;
  readonly rate?: boolean;
  readonly traffic?: string;
  readonly latency: string;
  readonly python?: string;
  readonly env?: string;
}

const DEFAULTS = { attempts: 5, timeoutSeconds: 600, beginSeconds: 30, latency: 'none' } as const;
const SECONDS = { min: 0.1, max: 604_800, unit: 'seconds' } as const;

/** Add `soak exec`. `surroundings` is asked for when it begins. */
export function registerExec(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  program
    .command('exec')
    .description(
      'execute a notebook headless, again in a fresh kernel when, and only when, the kernel wedged',
    )
    .argument('[notebook]', 'the notebook')
    .option(
      '--kernel <name>',
      "a kernelspec (default: the notebook's own, else python3, else the kernel environment)",
    )
    .option('--arm <name>', 'an arm on the kernel environment, such as stream, which has the cure')
    .option('--attempts <n>', `fresh kernels at most (default: ${DEFAULTS.attempts})`)
    .option('--timeout <seconds>', `deadline of a cell (default: ${DEFAULTS.timeoutSeconds})`)
    .option(
      '--begin-timeout <seconds>',
      `idle time after which a kernel that has not begun a request counts as wedged, if it is (default: ${DEFAULTS.beginSeconds})`,
    )
    .option(
      '--start-timeout <seconds>',
      `deadline of a kernel's start (default: ${RUN_DEFAULTS.startTimeoutSeconds})`,
    )
    .option('--output <file>', 'where the executed notebook goes (default: NAME.executed.ipynb beside it)')
    .option('--inplace', 'write into the notebook itself, once every cell was executed')
    .option('--journal <file>', 'where every attempt is recorded', join('soak-reports', 'exec.jsonl'))
    .option('--rate', "only print each kernel's wedge rate over the journal")
    .option('--traffic <name>', 'what the front end does, as in soak run (default: widgets)')
    .option(
      '--latency <spec>',
      "the front end's latency, as in soak run; at once wedges least",
      DEFAULTS.latency,
    )
    .option('--python <exe>', 'interpreter to make the kernel environment from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .addHelpText('after', EXEC_HELP)
    .action(async (notebook: string | undefined, raw: RawExecOptions) => {
      const { signal, write } = surroundings();
      onExit(
        raw.rate === true ? await printRates(raw.journal, write) : await exec(notebook, raw, signal, write),
      );
    });
}

const EXEC_HELP = `
A notebook that is executed again begins at its first cell: what its cells did outside the kernel they do
again. The kernel is started and shut down as by jupyter execute: it gets the variables of this session, its
cells do not go into your IPython history, and what it started in a session of its own stays.

Exit codes; only a wedge is tried again:
    0  every cell was executed, or there was none to execute
    1  a cell raised
    2  wedged every time
    3  ended otherwise: the kernel died or did not start, or a cell passed its deadline
    4  environment: Python, packages, disk
    5  a cell was not executed: the kernel aborted it, without an error of the cell's own
   64  bad input: the command line or the notebook
   70  a fault in kernel-soak itself
  130  interrupted`;

async function exec(
  path: string | undefined,
  raw: RawExecOptions,
  signal: AbortSignal,
  write: (text: string) => void,
): Promise<ExitCode> {
  if (path === undefined) {
    throw new SoakError('bad-option', 'No notebook is given.', {
      remedy: 'Give the path of an .ipynb file.',
    });
  }
  if (raw.inplace === true && raw.output !== undefined) {
    throw new SoakError('bad-option', '--inplace and --output name two places.', {
      remedy: 'Give one of them.',
    });
  }
  const attempts = numberOption('--attempts', raw.attempts, DEFAULTS.attempts, {
    whole: true,
    min: 1,
    max: 1_000,
    unit: 'attempts',
  });
  const milliseconds = (flag: string, text: string | undefined, seconds: number) =>
    numberOption(flag, text, seconds, SECONDS) * 1000;
  const [traffic = 'widgets', ...more] = trafficProfiles(raw.traffic);
  if (more.length > 0) {
    throw new SoakError('bad-option', `--traffic ${raw.traffic} names several profiles.`, {
      remedy: 'Give one.',
    });
  }
  const settings = {
    traffic,
    latency: raw.latency,
    timeoutMs: milliseconds('--timeout', raw.timeout, DEFAULTS.timeoutSeconds),
    beginWithinMs: milliseconds('--begin-timeout', raw.beginTimeout, DEFAULTS.beginSeconds),
    suspectAfterMs: RUN_DEFAULTS.suspectAfterSeconds * 1000,
  };
  const startTimeoutMs = milliseconds('--start-timeout', raw.startTimeout, RUN_DEFAULTS.startTimeoutSeconds);
  const latency = await parseLatency(raw.latency);
  const notebook = await readNotebook(path);
  const output = await checkedOutput(path, raw.output, raw.inplace === true);
  const kernel = await chosenKernel(notebook, raw, { onProgress: (line) => write(`${line}\n`), signal });
  write(
    `${terminalText(notebook.name)} on ${terminalText(kernel.words, 300)}; at most ${attempts} attempts\n`,
  );

  const journal = resolve(raw.journal);
  const common = { schema: EXEC_JOURNAL_SCHEMA, execution: randomBytes(8).toString('hex') } as const;
  const at = () => new Date().toISOString();
  const exitCode = await withSharedContext(
    {
      protocol: { ...settings, startTimeoutMs, pipelineDepth: RUN_DEFAULTS.pipelineDepth },
      latency,
      kernelEnvironment: { python: kernel.python, matplotlibConfigDir: null },
    },
    async (shared) => {
      const context = {
        ...shared,
        beginWithinMs: settings.beginWithinMs,
        variables: sessionVariables(process.env),
        asJupyterExecute: true as const,
      };
      const identity: ExecKernel = await kernel.identify(context);
      const begin: Omit<ExecBegin, 'at' | 'attempt'> = {
        type: 'exec-begin',
        ...common,
        attempts,
        notebook: { name: notebook.name, sha256: notebook.sha256, cells: notebook.codeCells.length },
        kernel: identity,
        settings: { ...settings, latency: latency.spec },
        harness: await harnessVersion(),
      };
      const execution = await executeWithRetries({
        notebook,
        arm: kernel.arm,
        makeCommand: kernel.makeCommand,
        traffic,
        attempts,
        context,
        signal,
        drawSeed: () => randomInt(2 ** 31),
        onBegin: (attempt) => appendExecRecord(journal, { ...begin, at: at(), attempt }),
        onAttempt: async (attempt, run) => {
          await appendExecRecord(journal, { type: 'exec-attempt', ...common, at: at(), attempt, run });
          write(`attempt ${attempt} of ${attempts}: ${attemptWords(run, notebook.codeCells.length)}\n`);
        },
      });
      // Here, since the files that long output lies in go with what is shared.
      try {
        const end = { ...common, at: at(), exitCode: execution.exitCode };
        await appendExecRecord(journal, { type: 'exec-end', ...end });
        await keepExecuted(execution, output, raw.inplace === true, write);
      } finally {
        await execution.discard?.();
      }
      return execution.exitCode;
    },
  );
  await printRates(journal, write);
  return exitCode;
}

async function keepExecuted(
  { exitCode, notebook }: Execution,
  output: string,
  inplace: boolean,
  write: (text: string) => void,
): Promise<void> {
  // What a cell that raised, or was not executed, left belongs into a copy, where it can be read; a wedged run's part
  // into neither.
  const isToRead = exitCode === EXEC_EXIT_CODES.cellRaised || exitCode === EXEC_EXIT_CODES.cellNotExecuted;
  const isWritten = exitCode === EXEC_EXIT_CODES.clean || (isToRead && !inplace);
  if (isWritten && notebook !== null) {
    await saveOutput(output, notebookPieces(notebook));
    write(`Written: ${output}\n`);
  } else if (exitCode !== EXEC_EXIT_CODES.interrupted) {
    write('No notebook was written.\n');
  }
}

function attemptWords(run: RunRecord, cells: number): string {
  const { kind, reason, cell, error } = run.outcome;
  const took = duration((run.startMs ?? 0) + (run.notebookMs ?? 0));
  if (kind === 'completed') return cells === 0 ? 'no cell to execute' : `completed in ${took}`;
  const where = cell === null ? '' : cell < cells ? ` at cell ${cell}` : ' after the last cell';
  const why = error === null ? reason : `${error.ename}: ${error.evalue}`;
  return `${kind}${where} after ${took}: ${terminalText(why, 600)}`;
}

async function printRates(journal: string, write: (text: string) => void): Promise<ExitCode> {
  const { records, torn } = await readExecJournal(journal);
  write(`\n${terminalText(journal, 300)}, wedged attempts of each kernel:\n`);
  for (const rate of kernelRates(records)) write(rateText(rate));
  if (torn > 0) write(`${torn} lines of it were cut short and are not counted.\n`);
  return EXEC_EXIT_CODES.clean;
}

/** One kernel's rate in a journal of `soak exec`, three lines for a terminal. */
export function rateText(rate: KernelRate): string {
  const { firstHalf, secondHalf, fisherTwoSided } = rate.drift;
  const share = rate.valid === 0 ? null : rate.wedged / rate.valid;
  const extra = [
    rate.other === 0 ? '' : `; ${rate.other} ended otherwise`,
    rate.unfinished === 0 ? '' : `; ${rate.unfinished} cut short`,
  ].join('');
  return [
    `  ${terminalText(rate.kernel.label)}: ${rate.wedged} of ${rate.valid} attempts wedged (${percent(share)}, 95 % CI ${percentInterval(rate.interval)}), ${rate.certified} certified${extra}`,
    `    ${rate.clean} of ${rate.executions} executions completed, ${rate.retried} with retries, ${rate.mostAttempts} attempts at most`,
    `    first half ${firstHalf.wedged}/${firstHalf.runs}, second half ${secondHalf.wedged}/${secondHalf.runs} (Fisher, two-sided, p = ${probability(fisherTwoSided)})`,
    '',
  ].join('\n');
}
