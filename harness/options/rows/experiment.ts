import { DEFAULT_INTERRUPT_AFTER } from '../../model/interrupt.ts';
import { LAUNCH_METHODS } from '../../model/launch-method.ts';
import { DEFAULT_LATENCY } from '../../model/protocol.ts';
import { serverUrl } from '../../model/server-url.ts';
import { TRAFFIC_PROFILES } from '../../model/traffic.ts';
import { EXECUTION_WAYS, TRANSPORTS } from '../../model/transport.ts';
import { ALPHA_WORDS } from '../levels.ts';
import { option } from '../row.ts';
import { autopsyType, shardType } from '../special-types.ts';
import { interruptAfterType, trafficType } from '../traffic-types.ts';
import {
  commaList,
  number,
  oneOf,
  onOff,
  PROBABILITY,
  parsedText,
  RUNS,
  repeated,
  SECONDS,
  SEED,
  text,
} from '../value-types.ts';
import { CLIENT_ROWS } from './client.ts';
import { ENDPOINT_ROWS } from './endpoint.ts';
import { ENVIRONMENT_ROWS } from './environment.ts';

/** A tuning varies the latency, which an interrupt does not wait for. */
const TUNABLE = TRAFFIC_PROFILES.filter((profile) => profile !== 'interrupt');

/**
 * What an experiment is made of: the options of `soak run`, which other commands share. Their order is that of the
 * command that repeats an experiment.
 */
export const EXPERIMENT_ROWS = [
  option({
    flags: '--arm <name>',
    type: repeated('arm'),
    help: 'add an arm: a name, a folder, ipykernel==7.4.0, py3.13, env:.venv, my.diff or git:PATH@REV, joined by " + ", with LABEL= before it; repeatable',
    group: 'Experiment',
    commands: { run: {} },
    inFile: false,
  }),
  option({
    flags: '--arms <list>',
    type: commaList('control,sham,fix', 'arm'),
    help: 'the arms, with commas',
    group: 'Experiment',
    commands: { run: {}, locate: { default: 'control,fix' } },
    default: 'control,sham,fix',
    setsAside: ['arm'],
  }),
  option({
    flags: '--try <change>',
    type: text('arm'),
    help: 'test your change, a diff or git:PATH@REV, against control and against a sham that changes nothing',
    group: 'Experiment',
    commands: { run: {} },
    excludes: [{ options: ['arm', 'arms'], because: 'it makes three arms itself' }],
  }),
  option({
    flags: '--kernel <name>',
    type: repeated(),
    help: 'test the kernel of this kernelspec, in any language, in place of arms; repeatable; soak kernels lists them',
    group: 'Experiment',
    commands: { run: {} },
    inFile: 'kernels',
    excludes: [
      {
        options: ['arm', 'arms', 'try', 'client', 'env', 'python', 'with', 'requirements'],
        because: 'the harness starts the kernel as its kernelspec says',
      },
      {
        options: ['transport=server'],
        unless: 'serverUrl',
        because: 'the server of the harness does not have that kernelspec',
        remedy:
          'Leave out --transport server, or give the address of a server that has the kernel: --server-url.',
      },
    ],
  }),
  option({
    flags: '--until-decided',
    type: onOff,
    help: 'stop after the block that decides, by the anytime-valid e-process',
    group: 'Experiment',
    commands: { run: {} },
    excludes: [
      {
        options: ['runs'],
        because: '--runs fixes the size, and --until-decided lets the evidence decide it',
        remedy: 'Give --max-runs as the limit of --until-decided.',
      },
    ],
  }),
  option({
    flags: '--max-runs <n>',
    type: number(RUNS),
    help: 'most runs of each arm with --until-decided',
    group: 'Experiment',
    commands: { run: {} },
    default: '200',
    needs: {
      option: 'untilDecided',
      because: 'it limits an experiment that stops when the evidence decides',
      remedy: 'Add --until-decided, or give --runs for an experiment of fixed size.',
    },
  }),
  option({
    flags: '--runs <n>',
    type: number(RUNS),
    help: 'runs of each arm',
    group: 'Experiment',
    commands: {
      run: {},
      locate: { help: 'runs of each arm by each path', default: '10' },
      diagnose: { help: 'runs by each way', default: '10' },
    },
    default: '20',
  }),
  ...ENDPOINT_ROWS,
  option({
    flags: '--notebook <path>',
    type: repeated('path'),
    help: 'the notebook; repeatable, and the blocks take turns',
    defaultWords: 'the ipywidgets notebook',
    group: 'Notebook and traffic',
    commands: { run: {}, tune: { help: 'the notebook; repeatable' } },
    inFile: 'notebooks',
  }),
  option({
    flags: '--tuned <file>',
    type: text('path'),
    help: 'take traffic, latency, notebook and prefix from a record of soak tune, and cite it in the protocol',
    group: 'Notebook and traffic',
    commands: { run: {} },
    excludes: [
      {
        options: ['traffic', 'latency', 'prefix'],
        because: 'the protocol may cite a tuning record only for the settings that it chose',
      },
    ],
    setsAside: ['notebook'],
  }),
  option({
    flags: '--launch <method>',
    type: oneOf(LAUNCH_METHODS),
    help: 'how a kernel starts: spawn, or fork from a process that has imported ipykernel and the arm (not on Windows)',
    group: 'Kernels',
    commands: { run: {} },
    default: 'spawn',
    excludes: [
      {
        value: 'fork',
        options: ['client', 'serverUrl', 'transport=server', 'kernel'],
        because: 'only kernels that the harness starts itself can be forked',
      },
    ],
  }),
  option({
    flags: '--transport <name>',
    type: oneOf(TRANSPORTS),
    help: 'the way to the kernels: direct, or through a Jupyter Server that the harness starts, by REST and WebSocket',
    group: 'Kernels',
    commands: { run: {} },
    defaultWords: 'direct',
    excludes: [
      { value: 'direct', options: ['serverUrl'], because: '--server-url is a way through a server' },
      {
        value: 'server',
        options: ['client'],
        because: 'the client starts the kernels and speaks to them itself',
      },
    ],
    setsAside: ['serverUrl'],
  }),
  option({
    flags: '--via <way>',
    type: oneOf(EXECUTION_WAYS),
    help: 'who sends the kernel the cells behind a server: websocket or rest',
    group: 'Kernels',
    commands: {
      run: {
        help: 'who sends the kernel the cells behind a server: the front end by websocket, or the server itself by rest (jupyter_server_documents), which means --transport server',
      },
      locate: { help: 'rest: also take the path through a server that executes the cells itself' },
    },
    default: 'websocket',
    excludes: [
      {
        value: 'rest',
        options: ['serverUrl', 'client', 'kernel', 'launch=fork', 'transport=direct'],
        because: 'only a server that the harness starts itself executes the cells',
      },
    ],
  }),
  option({
    flags: '--server-url <url>',
    type: parsedText(serverUrl),
    help: 'use a Jupyter Server, JupyterHub user server or gateway that runs already; its token is read from KERNEL_SOAK_TOKEN or JUPYTER_TOKEN, and soak arms install gives it the arms',
    group: 'Kernels',
    commands: {
      run: {},
      locate: { help: 'the server of the path through one', defaultWords: 'one that the harness starts' },
    },
    publishedAs: '<your server>',
    excludes: [{ options: ['client'], because: 'the client starts the kernels and speaks to them itself' }],
    setsAside: ['transport'],
  }),
  ...CLIENT_ROWS,
  option({
    flags: '--traffic <list>',
    type: trafficType,
    help: `what the front end does: ${TRAFFIC_PROFILES.join(', ')}; with commas the blocks take turns, and + joins several at once`,
    group: 'Notebook and traffic',
    commands: {
      run: {},
      tune: { help: 'the traffic profiles to try', default: TUNABLE.join(',') },
      bisect: { help: 'what the front end does', default: 'overlap' },
      exec: { help: 'what the front end does, as in soak run' },
    },
    default: 'widgets',
  }),
  option({
    flags: '--interrupt-after <moment>',
    type: interruptAfterType,
    help: 'when the traffic interrupt interrupts each cell: a time from its request (0-10ms), busy (the kernel begins it), or busy+500ms',
    defaultWords: DEFAULT_INTERRUPT_AFTER,
    group: 'Notebook and traffic',
    commands: { run: {}, bisect: {} },
  }),
  option({
    flags: '--latency <spec>',
    type: text('latency'),
    help: "the front end's reaction time: none, fixed:2ms, uniform:0-5ms, nbclient (measured) or file:PATH",
    group: 'Notebook and traffic',
    commands: {
      run: {},
      bisect: {},
      exec: {
        help: "the front end's reaction time, as in soak run; the least wedges come at once",
        default: 'none',
      },
    },
    default: DEFAULT_LATENCY,
  }),
  option({
    flags: '--prefix <n>',
    type: number({ whole: true, min: 1, max: 1_000_000, unit: 'code cells' }),
    help: 'execute only the first n code cells of each notebook',
    group: 'Notebook and traffic',
    commands: { run: {}, bisect: {} },
  }),
  option({
    flags: '--timeout <seconds>',
    field: 'timeoutSeconds',
    type: number(SECONDS),
    help: 'deadline of a request',
    group: 'Experiment',
    commands: {
      run: {},
      tune: {},
      bisect: {},
      locate: {},
      diagnose: { help: 'deadline of a cell', default: '60' },
    },
    default: '10',
  }),
  option({
    flags: '--start-timeout <seconds>',
    field: 'startTimeoutSeconds',
    type: number(SECONDS),
    help: "deadline of a kernel's start",
    group: 'Other',
    commands: { run: {}, tune: {}, bisect: {}, diagnose: {}, exec: {} },
    default: '60',
  }),
  option({
    flags: '--suspect-after <seconds>',
    field: 'suspectAfterSeconds',
    type: number({ ...SECONDS, min: 0 }),
    help: 'silence after which the oracle looks at the kernel; 0: only at the deadline',
    group: 'Other',
    commands: { run: {}, bisect: {} },
    default: '1',
  }),
  option({
    flags: '--pipeline-depth <n>',
    type: number({ whole: true, min: 1, max: 1_000, unit: 'cells' }),
    help: 'cells outstanding with pipeline traffic',
    group: 'Other',
    commands: { run: {}, tune: {}, bisect: {} },
    default: '4',
  }),
  option({
    flags: '--concurrency <n>',
    type: number({ whole: true, min: 1, max: 256, unit: 'runs at once' }),
    help: 'runs at once',
    group: 'Other',
    commands: { run: {} },
    default: '1',
  }),
  option({
    flags: '--alpha <level>',
    type: number({ min: 1e-12, max: 0.5, unit: 'probability' }),
    help: 'level of the verdict',
    defaultWords: ALPHA_WORDS,
    group: 'Decision',
    commands: {
      run: {},
      tune: { help: 'level of the verdict to reach', default: '0.001', defaultWords: null },
    },
  }),
  option({
    flags: '--autopsy <n>',
    type: autopsyType,
    help: 'on how many wedges to try what revives the kernel: full, none, or the first n',
    group: 'Other',
    commands: { run: {} },
    default: 'none',
  }),
  option({
    flags: '--encrypt',
    type: onOff,
    help: 'encrypt the channels of every kernel by CurveZMQ; the run is refused where a kernel cannot (ipykernel 7.3 and later can)',
    group: 'Kernels',
    commands: { run: {} },
    excludes: [
      {
        options: ['serverUrl'],
        because: 'that server decides how its kernels are reached',
        remedy:
          'Leave it out, and set KernelManager.transport_encryption to "required" in the server\'s own configuration; or leave out --server-url.',
      },
    ],
  }),
  option({
    flags: '--ipc',
    type: onOff,
    help: "use Unix sockets in the run's private folder in place of TCP ports (not on Windows)",
    group: 'Kernels',
    commands: { run: {} },
    excludes: [
      {
        options: ['serverUrl'],
        because: 'that server decides how its kernels are reached',
        remedy:
          'Leave it out, and set KernelManager.transport to "ipc" in the server\'s own configuration; or leave out --server-url.',
      },
    ],
  }),
  option({
    flags: '--p0 <rate>',
    type: number(PROBABILITY),
    help: 'reference rate that the binomial tail takes as known',
    defaultWords: "the reference arm's own",
    group: 'Decision',
    commands: { run: {}, stats: { defaultWords: "the reference's own" } },
  }),
  option({
    flags: '--save-notebooks',
    type: onOff,
    help: 'keep each executed notebook in the report folder',
    group: 'Evidence',
    commands: { run: {} },
  }),
  ...ENVIRONMENT_ROWS,
  option({
    flags: '--baseline <dir>',
    type: text('path'),
    help: 'compare with the control of an earlier report; nothing is interleaved then, and the report says so',
    group: 'Decision',
    commands: { run: {} },
  }),
  option({
    flags: '--seed <n>',
    type: number(SEED),
    help: 'seed of order and latencies',
    defaultWords: 'drawn, and recorded',
    group: 'Other',
    commands: { run: {}, tune: {}, bisect: {}, locate: {}, diagnose: {} },
  }),
  option({
    flags: '--shard <i/n>',
    type: shardType,
    help: 'run only the i-th of n parts of the blocks (never of the arms); needs --seed',
    group: 'Other',
    commands: { run: {} },
    inFile: false,
    needs: {
      option: 'seed',
      because: 'it is one part of an experiment, and each part would draw a seed of its own',
      remedy: 'Give all shards the same --seed.',
    },
  }),
  option({
    flags: '--max-minutes <n>',
    type: number({ min: 0.01, max: 100_000, unit: 'minutes' }),
    help: 'begin no block after so many minutes; what is recorded stays, and --resume goes on',
    defaultWords: 'no limit',
    group: 'Experiment',
    commands: {
      run: {},
      bisect: { help: 'budget of time of a session' },
      diagnose: {
        help: 'begin no run after so many minutes',
        default: '5',
        defaultWords: '5',
      },
    },
    inFile: false,
  }),
  option({
    flags: '--fail-on <rules>',
    type: text(),
    help: 'exit with 1 where a rule is met; rules with commas: treatment-event (a stall of the client included), event:ARM>SHARE, competing>SHARE or competing:ARM>SHARE (runs that ended otherwise, such as died), stalled>SHARE, worse, inconclusive, invalid>SHARE (harness faults)',
    group: 'Evidence',
    commands: { run: {}, merge: {} },
  }),
  option({
    flags: '--out <dir>',
    type: text('path'),
    help: 'report folder',
    defaultWords: 'soak-reports/<time>-<arms>',
    group: 'Evidence',
    commands: {
      run: {},
      bisect: { help: 'folder of the evidence', defaultWords: 'soak-reports/<time>-bisect' },
      tune: { help: 'folder of the record', defaultWords: 'soak-reports/<time>-tune' },
      locate: { help: 'folder of the paths and of locate.md', defaultWords: 'soak-reports/<time>-locate' },
      diagnose: {
        help: 'folder of the evidence; with that of an earlier call, it goes on there',
        defaultWords: 'soak-reports/<time>-diagnosis',
      },
      merge: { help: 'report folder, new or empty', required: true, defaultWords: null },
      history: {
        help: 'write history.md, history.json and figures there instead of printing the Markdown',
        defaultWords: null,
      },
      mechanism: { help: 'write mechanism.md and mechanism.json there', defaultWords: null },
    },
  }),
  option({
    flags: '--resume <dir>',
    type: text('path'),
    help: 'go on with an interrupted experiment exactly where it stopped',
    group: 'Evidence',
    commands: { run: {}, bisect: { help: 'go on with an interrupted bisect exactly where it stopped' } },
    inFile: false,
  }),
] as const;
