import { randomBytes, randomInt } from 'node:crypto';
import { notebookPieces } from '../frontend/executed-notebook.ts';
import type { Latency } from '../frontend/latency.ts';
import type { Notebook } from '../frontend/notebook.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXEC_EXIT_CODES, type ExitCode } from '../model/errors.ts';
import { harnessVersion } from '../model/harness-version.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { writeOutput } from '../model/write-output.ts';
import { parsedOptions } from '../options/given.ts';
import { withSharedContext } from '../run/shared-context.ts';
import { type Execution, executeWithRetries } from './attempts.ts';
import { type ChosenKernel, sessionVariables } from './exec-kernel.ts';
import {
  appendExecRecord,
  EXEC_JOURNAL_SCHEMA,
  type ExecBegin,
  type ExecKernel,
  readExecJournal,
} from './journal.ts';
import { kernelRates } from './rate.ts';
import { attemptWords, rateText } from './words.ts';

/** A notebook to execute, on a kernel that was chosen. */
export interface GivenExecution {
  readonly notebook: Notebook;
  readonly kernel: ChosenKernel;
  /** Where the executed notebook goes. */
  readonly output: string;
  readonly inplace: boolean;
  /** Fresh kernels at most. */
  readonly attempts: number;
  readonly settings: Omit<ExecBegin['settings'], 'latency'>;
  readonly startTimeoutMs: number;
  readonly latency: Latency;
  /** File that every attempt is recorded in. */
  readonly journal: string;
}

/** Execute a notebook, again in a fresh kernel if the kernel wedged. Save the result and record every attempt. */
export async function carryOutExecution(
  { notebook, kernel, output, inplace, attempts, settings, startTimeoutMs, latency, journal }: GivenExecution,
  { signal, write }: RunSurroundings,
): Promise<ExitCode> {
  const common = { schema: EXEC_JOURNAL_SCHEMA, execution: randomBytes(8).toString('hex') } as const;
  const at = () => new Date().toISOString();
  const exitCode = await withSharedContext(
    {
      protocol: { ...settings, startTimeoutMs, pipelineDepth: parsedOptions('run', {}).pipelineDepth },
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
        traffic: settings.traffic,
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
      // Here, because the files with long output are removed with the shared context.
      try {
        const end = { ...common, at: at(), exitCode: execution.exitCode };
        await appendExecRecord(journal, { type: 'exec-end', ...end });
        await keepExecuted(execution, output, inplace, write);
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
  // If a cell raised or was not executed, the outputs so far go into a copy, where they can be read. Those of a wedged
  // run are not written.
  const isToRead = exitCode === EXEC_EXIT_CODES.cellRaised || exitCode === EXEC_EXIT_CODES.cellNotExecuted;
  const isWritten = exitCode === EXEC_EXIT_CODES.clean || (isToRead && !inplace);
  if (isWritten && notebook !== null) {
    await writeOutput(output, notebookPieces(notebook), 'save-notebook');
    write(`Written: ${output}\n`);
  } else if (exitCode !== EXEC_EXIT_CODES.interrupted) {
    write('No notebook was written.\n');
  }
}

/** Print the wedge rate of each kernel over a journal. */
export async function printRates(journal: string, write: (text: string) => void): Promise<ExitCode> {
  const { records, torn } = await readExecJournal(journal);
  write(`\n${terminalText(journal, 300)}, wedged attempts of each kernel:\n`);
  for (const rate of kernelRates(records)) write(rateText(rate));
  if (torn > 0) write(`${torn} lines of it were cut short and are not counted.\n`);
  return EXEC_EXIT_CODES.clean;
}
