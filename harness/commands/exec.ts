import { resolve } from 'node:path';
import type { Command } from 'commander';
import { carryOutExecution, printRates } from '../exec/carry-out.ts';
import { chosenKernel } from '../exec/exec-kernel.ts';
import { checkedOutput } from '../exec/output.ts';
import { parseLatency } from '../frontend/latency.ts';
import { readNotebook } from '../frontend/notebook.ts';
import { terminalText } from '../model/clean-text.ts';
import { type ExitCode, SoakError } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { hasProfile } from '../model/traffic.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';

/** Add `soak exec`. `surroundings` is called when the command starts. */
export function registerExec(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('exec')
      .description('Execute a notebook, and retry it in a fresh kernel when the kernel wedged')
      .argument('[notebook]', 'the notebook'),
    'exec',
  )
    .addHelpText('after', EXEC_HELP)
    .action(async (notebook: string | undefined, raw: RawOptions<'exec'>) => {
      const around = surroundings();
      onExit(await exec(notebook, raw, around));
    });
}

const EXEC_HELP = `
A notebook that is executed again begins at its first cell: what its cells did outside the kernel they do again. The kernel is started and shut down as by jupyter execute: it gets the variables of this session, its cells do not go into your IPython history, and what it started in a session of its own stays.

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
  raw: RawOptions<'exec'>,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const options = parsedOptions('exec', raw);
  const { attempts, inplace } = options;
  const { signal, write } = surroundings;
  if (options.rate) return printRates(options.journal, write);
  if (path === undefined) {
    throw new SoakError('bad-option', 'No notebook is given.', {
      remedy: 'Give the path of an .ipynb file.',
    });
  }
  const [traffic = 'widgets', ...more] = options.traffic;
  if (more.length > 0) {
    throw new SoakError('bad-option', `--traffic ${raw.traffic} names several profiles.`, {
      remedy: 'Give one.',
    });
  }
  if (hasProfile(traffic, 'interrupt')) {
    throw new SoakError(
      'bad-option',
      `--traffic ${traffic} cannot be used by soak exec: it would interrupt the cells of the notebook.`,
      {
        remedy: 'Give other traffic. Interrupts are for soak run.',
        option: { name: 'traffic', value: traffic },
      },
    );
  }
  const settings = {
    traffic,
    timeoutMs: options.timeoutSeconds * 1000,
    beginWithinMs: options.beginTimeoutSeconds * 1000,
    suspectAfterMs: parsedOptions('run', {}).suspectAfterSeconds * 1000,
  };
  const latency = await parseLatency(options.latency);
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
      startTimeoutMs: options.startTimeoutSeconds * 1000,
      latency,
      journal: resolve(options.journal),
    },
    surroundings,
  );
}
