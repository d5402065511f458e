import { createRequire } from 'node:module';
import { cpus, homedir, release, totalmem } from 'node:os';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { version as libzmqVersion } from 'zeromq';
import { leadingCells, type Notebook, readNotebook } from '../frontend/notebook.ts';
import { readJournal } from '../journal/read.ts';
import { cacheFolder, ensureEnvironment, type KernelEnvironment } from '../kernel/environment/index.ts';
import { armCommand } from '../kernel/launch.ts';
import { makeOverlay } from '../kernel/overlay.ts';
import { EXIT_CODES, SoakError } from '../model/errors.ts';
import type { Environment, ExperimentRecord } from '../model/journal.ts';
import { outcomeStatus } from '../model/outcome.ts';
import { packageRoot } from '../model/package-root.ts';
import type { Protocol } from '../model/protocol.ts';
import { publicText } from '../model/public-text.ts';
import { type Arm, loadArm } from '../plan/arms.ts';
import { harnessVersion, protocolNotebook, runtimeHash } from '../plan/freeze.ts';
import { type Latency, parseLatency } from '../plan/latency.ts';
import type { LaunchableArm } from '../run/experiment.ts';
import type { RunOptions } from './run-options.ts';
import { tuningCitation } from './tuned.ts';

/** An experiment that can begin: everything read, made and frozen, nothing run yet. */
export interface Prepared {
  readonly protocol: Protocol;
  readonly environment: Environment;
  readonly kernelEnvironment: KernelEnvironment;
  readonly arms: ReadonlyMap<string, LaunchableArm>;
  readonly notebooks: readonly Notebook[];
  readonly latency: Latency;
  readonly baseline: ExperimentRecord['baseline'];
}

/** `--arm NAME`, `--arm PATH`, or `--arm LABEL=NAME` for one arm under another name, as in an A/A experiment. */
async function namedArm(spec: string): Promise<Arm> {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]{0,39})=(.+)$/.exec(spec);
  if (match?.[1] === undefined || match[2] === undefined) return loadArm(spec);
  return { ...(await loadArm(match[2])), name: match[1] };
}

async function loadArms(specs: readonly string[]): Promise<Arm[]> {
  const arms: Arm[] = [];
  for (const spec of specs) {
    const arm = await namedArm(spec);
    if (arms.some(({ name }) => name === arm.name)) {
      throw new SoakError('duplicate-arm', `The arm ${arm.name} is given twice.`, {
        remedy: `Give each arm once; for the same arm under two names: --arm ${arm.name} --arm ${arm.name}-b=${arm.name}.`,
      });
    }
    arms.push(arm);
  }
  return arms;
}

async function loadNotebooks(paths: readonly string[], prefix: number | null): Promise<Notebook[]> {
  const notebooks: Notebook[] = [];
  for (const path of paths) {
    const notebook = await readNotebook(path);
    if (notebook.language !== null && notebook.language !== 'python') {
      throw new SoakError(
        'bad-notebook',
        `The notebook ${path} is written in ${notebook.language}, and the arms are of ipykernel.`,
        {
          remedy: 'Give a Python notebook.',
        },
      );
    }
    notebooks.push(prefix === null ? notebook : leadingCells(notebook, prefix));
  }
  return notebooks;
}

async function readBaseline(folder: string | null): Promise<ExperimentRecord['baseline']> {
  if (folder === null) return null;
  const { journal } = await readJournal(folder);
  const control = journal.experiment.protocol.arms.find(({ role }) => role === 'control');
  const valid = journal.runs.filter(
    ({ arm, outcome }) => arm === control?.name && outcomeStatus(outcome.kind) !== 'invalid',
  );
  if (control === undefined || valid.length === 0) {
    throw new SoakError('bad-baseline', `The report ${folder} has no valid run of a control arm.`, {
      remedy: 'Give the folder of an experiment with control in it, or run control together with the arm.',
    });
  }
  return {
    protocolSha256: journal.experiment.protocolSha256,
    at: journal.experiment.at,
    arm: control.name,
    wedged: valid.filter(({ outcome }) => outcomeStatus(outcome.kind) === 'wedged').length,
    runs: valid.length,
  };
}

function zeromqJsVersion(): string {
  return (createRequire(import.meta.url)('zeromq/package.json') as { version: string }).version;
}

function describeEnvironment({ key, facts }: KernelEnvironment, ipykernel: string): Environment {
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
    python: `${facts.implementation} ${facts.python}`,
    kernelLibzmq: facts.libzmq ?? 'unknown',
    eventLoop: facts.eventLoop.shellChannel,
    ipykernel,
    packages: facts.packages,
  };
}

/**
 * Read, make and freeze everything that an experiment needs. What can be refused is refused here, before
 * a kernel is started; notebooks and arms come before the environment, which may take minutes to make.
 *
 * @throws SoakError for whatever cannot be used, with its remedy
 */
export async function prepareExperiment(
  options: RunOptions,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const loaded = await loadArms(options.arms);
  const notebooks = await loadNotebooks(options.notebooks, options.prefix);
  const latency = await parseLatency(options.latency);
  const tuning = options.tuned === null ? null : await tuningCitation(options.tuned, notebooks, latency);
  const baseline = await readBaseline(options.baseline);
  const kernelEnvironment = await ensureEnvironment({
    python: options.python ?? undefined,
    env: options.env ?? undefined,
    onProgress,
    signal,
  });
  const { ipykernel } = kernelEnvironment.facts;
  if (ipykernel === null) {
    throw new SoakError('no-ipykernel', 'The kernel environment has no ipykernel.', {
      remedy: 'Run `soak doctor` to see what is missing.',
      exitCode: EXIT_CODES.environment,
    });
  }
  const arms = new Map<string, LaunchableArm>();
  for (const arm of loaded) {
    const overlay = await makeOverlay(arm, {
      python: kernelEnvironment.python,
      packageFolder: ipykernel.folder,
      ipykernel: ipykernel.version,
      environmentKey: kernelEnvironment.key,
      cacheDir: cacheFolder(),
    });
    arms.set(arm.name, { overlay, makeCommand: armCommand(kernelEnvironment.python, overlay) });
  }
  const protocol: Protocol = {
    arms: [...arms.values()].map(({ overlay }) => overlay.protocolArm),
    notebooks: notebooks.map(protocolNotebook),
    traffic: options.traffic,
    latency: { spec: latency.spec, sha256: latency.sha256 },
    pipelineDepth: options.pipelineDepth,
    seed: options.seed,
    blocks: options.runs,
    concurrency: options.concurrency,
    timeoutMs: options.timeoutSeconds * 1000,
    startTimeoutMs: options.startTimeoutSeconds * 1000,
    suspectAfterMs: options.suspectAfterSeconds === 0 ? null : options.suspectAfterSeconds * 1000,
    ...(options.autopsy === 'none' ? {} : { autopsy: options.autopsy }),
    ...(tuning === null ? {} : { tuning }),
    launch: 'spawn',
    decision: {
      stopping: options.untilDecided ? 'until-decided' : 'fixed',
      test: options.untilDecided ? 'e-process' : 'boschloo',
      alpha: options.alpha,
      p0: options.p0,
    },
    harness: await harnessVersion(),
    runtimeSha256: await runtimeHash(),
  };
  return {
    protocol,
    environment: describeEnvironment(kernelEnvironment, ipykernel.version),
    kernelEnvironment,
    arms,
    notebooks,
    latency,
    baseline,
  };
}

/** Where a path is below a folder, with `/`; `null` where it is not below it or is the folder itself. */
function placeBelow(folder: string, path: string): string | null {
  const below = relative(folder, path);
  const isBelow = below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
  return isBelow ? below.split(sep).join('/') : null;
}

/**
 * A path as evidence may show it: relative to the repository or the working folder where it is below
 * one of them, with `~` for the home folder, its last part alone elsewhere, and never a user's name.
 *
 * @param home the home folder; a working folder above it, such as `/`, would give it away and is not used
 */
export function publicPath(path: string, home: string = homedir()): string {
  if (!/[\\/]/.test(path)) return publicText(path);
  const absolute = resolve(path);
  const bases = [packageRoot(), process.cwd()].filter((base) => placeBelow(base, home) === null);
  for (const base of bases) {
    const below = placeBelow(base, absolute);
    if (below !== null) return publicText(below);
  }
  if (absolute === home) return '~/';
  const fromHome = placeBelow(home, absolute);
  return publicText(fromHome === null ? `<path>/${absolute.split(sep).at(-1) ?? ''}` : `~/${fromHome}`);
}
