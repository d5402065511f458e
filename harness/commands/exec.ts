import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOutExecution, printRates } from '../exec/carry-out.ts';
import { chosenKernel } from '../exec/exec-kernel.ts';
import { checkedOutput } from '../exec/output.ts';
import { parseLatency } from '../frontend/latency.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { terminalText } from '../model/clean-text.ts';
import { type ExitCode, SoakError } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { numberOption, RUN_DEFAULTS, trafficProfiles } from '../options/run-options.ts';

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
      const around = surroundings();
      onExit(
        raw.rate === true ? await printRates(raw.journal, around.write) : await exec(notebook, raw, around),
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
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  if (path === undefined) {
    throw new SoakError('bad-option', 'No notebook is given.', {
      remedy: 'Give the path of an .ipynb file.',
    });
  }
  const inplace = raw.inplace === true;
  if (inplace && raw.output !== undefined) {
    throw new SoakError('bad-option', '--inplace and --output name two places.', {
      remedy: 'Give one of them.',
    });
  }
  const { signal, write } = surroundings;
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
    timeoutMs: milliseconds('--timeout', raw.timeout, DEFAULTS.timeoutSeconds),
    beginWithinMs: milliseconds('--begin-timeout', raw.beginTimeout, DEFAULTS.beginSeconds),
    suspectAfterMs: RUN_DEFAULTS.suspectAfterSeconds * 1000,
  };
  const startTimeoutMs = milliseconds('--start-timeout', raw.startTimeout, RUN_DEFAULTS.startTimeoutSeconds);
  const latency = await parseLatency(raw.latency);
  const notebook = await readNotebook(path);
  const output = await checkedOutput(path, raw.output, inplace);
  const kernel = await chosenKernel(notebook, raw, {
    onProgress: (line) => write(`${line}\n`),
    signal,
  });
  write(
    `${terminalText(notebook.name)} on ${terminalText(kernel.words, 300)}; at most ${attempts} attempts\n`,
  );
  return carryOutExecution(
    {
      notebook,
      kernel,
      output,
      inplace,
      attempts,
      settings,
      startTimeoutMs,
      latency,
      journal: resolve(raw.journal),
    },
    surroundings,
  );
}
