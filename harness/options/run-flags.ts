import type { Command } from 'commander';
import { DEFAULT_CLIENT_TIMEOUT_SECONDS } from './client-options.ts';
import { RUN_DEFAULTS } from './run-options.ts';

/** Give a command the options of `soak run`: what an experiment is made of, on a command line or in a file. */
export function addRunOptions(command: Command): Command {
  const d = RUN_DEFAULTS;
  return command
    .option(
      '--arm <name>',
      'an arm: a name, a folder, ipykernel==7.4.0, py3.13, my.diff, git:PATH@REV, joined by " + ", with LABEL= before it; repeatable',
      (value: string, all: string[] = []) => [...all, value],
    )
    .option(
      '--try <change>',
      'a diff or git:PATH@REV: control, a sham made the same way that changes nothing, and the change',
    )
    .option('--arms <list>', `arms with commas (default: ${d.arms.join(',')})`)
    .option(
      '--kernel <name>',
      'a kernel of any language by its kernelspec, as it is, instead of arms; repeatable; see soak kernels',
      (value: string, all: string[] = []) => [...all, value],
    )
    .option('--runs <n>', `runs of each arm (default: ${d.runs})`)
    .option(
      '--notebook <path>',
      'notebook; repeatable, blocks take turns (default: the ipywidgets notebook)',
      (value: string, all: string[] = []) => [...all, value],
    )
    .option(
      '--traffic <list>',
      `what the front end does: widgets, sequential, overlap, pipeline, nudge (default: ${d.traffic.join(',')})`,
    )
    .option(
      '--latency <spec>',
      `the front end's latency: none, fixed:2ms, uniform:0-5ms, nbclient, file:PATH (default: ${d.latency}, measured)`,
    )
    .option(
      '--launch <method>',
      'how kernels come about: spawn, or fork: from a process that has imported ipykernel and the arm (POSIX; default: spawn)',
    )
    .option(
      '--transport <name>',
      'the way to the kernels: direct, or server: through a Jupyter Server of our own, by REST and WebSocket (default: direct)',
    )
    .option(
      '--server-url <url>',
      'a Jupyter Server, JupyterHub user server or gateway that is there already, its token in KERNEL_SOAK_TOKEN or JUPYTER_TOKEN; it needs the kernelspecs of soak arms install',
    )
    .option(
      '--encrypt',
      'CurveZMQ between every kernel and whoever speaks to it, refused where a kernel does not offer it (ipykernel 7.3 and later do)',
    )
    .option(
      '--ipc',
      "Unix sockets in the run's private folder, and no TCP port for any channel of the kernels (not on Windows)",
    )
    .option(
      '--client <name>',
      'the program that executes the notebooks, in a process of its own: nbclient, papermill, jupyter-execute, nbconvert (default: the harness itself)',
    )
    .option(
      '--client-timeout <seconds>',
      `the client's own time-out of a cell, whole seconds or none (default: ${DEFAULT_CLIENT_TIMEOUT_SECONDS})`,
    )
    .option('--prefix <n>', 'only the first n code cells of each notebook')
    .option(
      '--tuned <file>',
      'take traffic, latency, notebook and prefix from a record of soak tune, and cite it in the protocol',
    )
    .option('--timeout <seconds>', `deadline of a request (default: ${d.timeoutSeconds})`)
    .option('--seed <n>', 'seed of order and latencies (default: drawn, and recorded)')
    .option(
      '--p0 <rate>',
      "reference wedge rate, taken as known, for the binomial tail (default: the reference arm's own)",
    )
    .option(
      '--alpha <level>',
      `level of the verdict (default: ${d.alpha}; ${d.alphaUntilDecided} with --until-decided)`,
    )
    .option('--until-decided', 'stop at the end of the block that decides, by the anytime-valid e-process')
    .option('--max-runs <n>', `most runs of each arm with --until-decided (default: ${d.maxRuns})`)
    .option(
      '--baseline <dir>',
      'compare with the control of an earlier report; nothing is interleaved then, and the report says so',
    )
    .option(
      '--max-minutes <n>',
      'begin no block after so many minutes of soaking; what is recorded stays, and --resume goes on (default: no limit)',
    )
    .option('--shard <i/n>', 'only the i-th of n parts of the blocks, never of the arms; needs --seed')
    .option(
      '--fail-on <rules>',
      'exit code 1 by rules with commas: treatment-event, event:ARM>SHARE, competing>SHARE or competing:ARM>SHARE (runs that ended otherwise, such as died), worse, inconclusive, invalid>SHARE (harness faults)',
    )
    .option('--out <dir>', 'report folder (default: soak-reports/<time>-<arms>)')
    .option('--resume <dir>', 'go on with an interrupted experiment exactly where it stopped')
    .option('--save-notebooks', 'keep each executed notebook in the report folder')
    .option('--concurrency <n>', `runs at once (default: ${d.concurrency})`)
    .option(
      '--pipeline-depth <n>',
      `executes outstanding with pipeline traffic (default: ${d.pipelineDepth})`,
    )
    .option(
      '--suspect-after <seconds>',
      `silence after which the oracle looks; 0: only at the deadline (default: ${d.suspectAfterSeconds})`,
    )
    .option(
      '--autopsy <n>',
      'wedges on which to try what revives them, the rungs of the ladder in turn: full, none, or the first N (default: none)',
    )
    .option('--start-timeout <seconds>', `deadline of a kernel's start (default: ${d.startTimeoutSeconds})`)
    .option('--python <exe>', 'interpreter to make the kernel environment from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .addHelpText('after', RUN_EXAMPLES);
}

const RUN_EXAMPLES = `
Examples:
  soak --runs 20                           control, sham and fix on the ipywidgets notebook
  soak --arm fix --runs 20 --p0 0.3        one arm alone, against a rate taken as known
  soak --until-decided --alpha 0.001       stop as soon as the evidence is enough
  soak --arm control --arm ./my-arm --notebook my.ipynb
  soak --client nbclient --arms control,stream        nbclient executes; control wedges under it too
  soak --client nbclient --arms client-control,client-sham,client-fix   where the client is at fault
  soak --try my-change.diff                a change of your own against control and a sham
  soak --arms ipykernel==7.3.0,ipykernel==7.4.0
  soak --arm control --arm git:../ipykernel@main --arm 'fix + ipykernel==7.2.0'
  soak run experiment.yaml --runs 5        what the file says, with five runs
  soak --arm control --arm again=control   an A/A experiment: it must not decide

Each block runs every arm once, in an order drawn from the seed. The protocol is written and
hashed before the first run. A run is never retried. Ctrl-C keeps what is recorded.

Exit codes: 0 done, 1 a rule of --fail-on was met, 2 bad input, 3 experiment invalid, 4 environment, 130 interrupted.`;
