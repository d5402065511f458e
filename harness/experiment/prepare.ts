import { createRequire } from 'node:module';
import { cpus, release, totalmem } from 'node:os';
import { version as libzmqVersion } from 'zeromq';
import type { Arm } from '../arms/arms.ts';
import { runtimeHash } from '../arms/runtime-hash.ts';
import { type Latency, parseLatency } from '../frontend/latency.ts';
import { assertHasCode, leadingCells, type Notebook, readNotebook } from '../frontend/notebook.ts';
import { endpointOfArms } from '../kernel/client-arms.ts';
import type { PreparedServer } from '../kernel/server/prepare-server.ts';
import type { ArmRole } from '../model/arm.ts';
import { fileWithDeadline } from '../model/deadlines.ts';
import { about } from '../model/errors.ts';
import { harnessVersion } from '../model/harness-version.ts';
import type {
  ArmEnvironment,
  Baseline,
  ClientEnvironment,
  Environment,
  ExperimentRecord,
} from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import type { RunOptions } from '../options/run-options.ts';
import { protocolSockets } from '../options/socket-options.ts';
import type { Expectation } from '../run/compare-outputs.ts';
import { protocolArm } from '../run/subject.ts';
import { readBaseline } from './baseline.ts';
import { baselineDifferences } from './baseline-differences.ts';
import { assertCanDecide } from './can-decide.ts';
import { assertClientShows, assertEndpointFits, protocolEndpoint } from './endpoint-options.ts';
import { expectedOutputs } from './expected-outputs.ts';
import { protocolNotebook } from './freeze.ts';
import { assertLanguage } from './kernel-language.ts';
import { loadArms, type PreparedSubjects, prepareArms } from './prepare-arms.ts';
import { prepareKernels, withRoles } from './prepare-kernels.ts';
import { assertArmsEncrypt, assertSocketsFit } from './prepare-sockets.ts';
import { assertTrafficFits, interruptSetting } from './traffic-options.ts';
import { tuningCitation } from './tuned.ts';

/** An experiment that can begin: everything is read, made and frozen, and nothing has run yet. */
export interface Prepared {
  readonly protocol: Protocol;
  /** Environment of the reference arm: the first control, or the first arm when there is no control. */
  readonly environment: Environment;
  /** Environments of the arms that have a different one. */
  readonly armEnvironments: ReadonlyMap<string, ArmEnvironment>;
  readonly patches: PreparedSubjects['patches'];
  /** `null` when the harness is the client. */
  readonly clientEnvironment: ClientEnvironment | null;
  /** `null` when the harness or a client starts the kernels as its own processes. */
  readonly server: PreparedServer | null;
  readonly kernelEnvironment: PreparedSubjects['kernelEnvironment'];
  readonly arms: PreparedSubjects['arms'];
  readonly notebooks: readonly Notebook[];
  readonly latency: Latency;
  readonly baseline: Baseline | null;
  /** `null`: outputs are not compared. */
  readonly expectation: Expectation | null;
}

async function loadNotebooks({ notebooks: paths, prefix, kernels }: RunOptions): Promise<Notebook[]> {
  const notebooks: Notebook[] = [];
  for (const path of paths) {
    const notebook = await about({ name: 'notebook', value: path }, async () => {
      const read = await readNotebook(path);
      assertHasCode(read);
      if (kernels.length === 0) assertLanguage(read, ['python'], 'the arms run ipykernel');
      return read;
    });
    notebooks.push(prefix === null ? notebook : leadingCells(notebook, prefix));
  }
  return notebooks;
}

function zeromqJsVersion(): string {
  return (createRequire(import.meta.url)('zeromq/package.json') as { version: string }).version;
}

function describeEnvironment(environment: ArmEnvironment): Environment {
  const { key, python, kernelLibzmq, eventLoop, ipykernel, packages } = environment;
  return {
    key,
    platform: process.platform,
    arch: process.arch,
    osRelease: release(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    node: process.versions.node,
    zeromqJs: zeromqJsVersion(),
    libzmq: libzmqVersion,
    python,
    kernelLibzmq,
    eventLoop,
    ipykernel,
    packages,
  };
}

async function readInputs(options: RunOptions) {
  const loaded = options.kernels.length > 0 ? [] : await loadArms(options);
  const notebooks = await loadNotebooks(options);
  const latency = await about({ name: 'latency' }, () => parseLatency(options.latency));
  const { tuned } = options;
  const rule = protocolEndpoint(options, options.client === null ? undefined : endpointOfArms(loaded));
  const expected = await expectedOutputs(options, notebooks);
  const tuning =
    tuned === null
      ? null
      : await about({ name: 'tuned' }, () =>
          tuningCitation(tuned, notebooks, latency, protocolEndpoint(options, undefined), expected?.protocol),
        );
  return {
    loaded,
    notebooks,
    latency,
    tuning,
    rule,
    baseline: await about({ name: 'baseline' }, () => readBaseline(options.baseline, rule)),
    expected,
  };
}

/**
 * Read, make and freeze everything that an experiment needs. Whatever can be refused is refused here, before
 * a kernel is started. Notebooks and arms come before the environment, which may take minutes to make.
 *
 * @param begun the experiment that is resumed, whose packages are installed again as they were. `null`: it begins.
 * @throws SoakError for anything that cannot be used, with its remedy
 */
export async function prepareExperiment(
  options: RunOptions,
  onProgress: (line: string) => void,
  signal: AbortSignal,
  begun: ExperimentRecord | null = null,
): Promise<Prepared> {
  const isOfKernels = options.kernels.length > 0;
  assertSocketsFit(options);
  assertEndpointFits(options);
  assertClientShows(options);
  assertTrafficFits(options);
  const { loaded, notebooks, latency, tuning, rule, baseline, expected } = await fileWithDeadline(
    'read-inputs',
    readInputs(options),
  );
  const decision = {
    stopping: options.untilDecided ? ('until-decided' as const) : ('fixed' as const),
    test: options.untilDecided ? ('e-process' as const) : ('boschloo' as const),
    alpha: options.alpha,
    bets: 'cure' as const,
    p0: options.p0,
  };
  assertCanDecide(
    {
      arms: isOfKernels ? withRoles(options.kernels.map((name) => ({ name }))) : loaded.map(namedRole),
      decision,
    },
    options.runs,
  );
  const subject = isOfKernels
    ? await prepareKernels(options, notebooks, signal)
    : await prepareArms(loaded, options, onProgress, signal, begun);
  if (options.encrypt && !isOfKernels) await assertArmsEncrypt(loaded, subject, options);
  const { arms, client, server } = subject;
  const sockets = protocolSockets(options);
  const protocol: Protocol = {
    arms: [...arms.values()].map(protocolArm),
    notebooks: notebooks.map(protocolNotebook),
    traffic: [...options.traffic],
    latency: { spec: latency.spec, sha256: latency.sha256 },
    pipelineDepth: options.pipelineDepth,
    ...interruptSetting(options),
    seed: options.seed,
    blocks: options.runs,
    concurrency: options.concurrency,
    timeoutMs: options.timeoutSeconds * 1000,
    startTimeoutMs: options.startTimeoutSeconds * 1000,
    suspectAfterMs: options.suspectAfterSeconds === 0 ? null : options.suspectAfterSeconds * 1000,
    ...(options.autopsy === 'none' ? {} : { autopsy: options.autopsy }),
    ...(tuning === null ? {} : { tuning }),
    launch: options.launch,
    ...(client === null ? {} : { client: client.protocolClient }),
    ...(server === null ? {} : { transport: server.protocolTransport }),
    ...(sockets === undefined ? {} : { sockets }),
    ...rule,
    ...(expected === null ? {} : { expected: expected.protocol }),
    decision,
    harness: await harnessVersion(),
    runtimeSha256: await runtimeHash(),
  };
  const environment = describeEnvironment(subject.armEnvironment);
  const { armEnvironments, clientEnvironment } = subject;
  const here = {
    protocol,
    environment,
    armEnvironments: Object.fromEntries(armEnvironments),
    clientEnvironment,
  };
  return {
    protocol,
    environment,
    armEnvironments,
    patches: subject.patches,
    clientEnvironment,
    server,
    kernelEnvironment: subject.kernelEnvironment,
    arms,
    notebooks,
    latency,
    expectation: expected?.expectation ?? null,
    baseline:
      baseline === null
        ? null
        : {
            ...baseline.counts,
            differences: baselineDifferences(baseline.experiment, baseline.counts.arm, here),
          },
  };
}

function namedRole({ name, manifest: { role } }: Arm): { name: string; role: ArmRole } {
  return { name, role };
}
