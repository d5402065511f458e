import { loadArmSpecs } from '../arms/arm-spec.ts';
import type { Arm } from '../arms/arms.ts';
import { armsUnderClient } from '../arms/client-change.ts';
import { readWantedPackages, withPackages } from '../arms/wanted-packages.ts';
import {
  type ArmKernels,
  armKernelMaker,
  packagesInOverlays,
  type RecordedEnvironment,
} from '../kernel/arm-kernels.ts';
import { type ClientArm, checkArmsOfClient, prepareClient } from '../kernel/client-arms.ts';
import { type CommandProgram, foundCommand } from '../kernel/command-client.ts';
import type { KernelEnvironment } from '../kernel/environment/index.ts';
import { assertNoUndeclaredNoOp } from '../kernel/no-op-arms.ts';
import {
  checkArmsOfServer,
  type PreparedServer,
  prepareGivenServer,
  prepareServer,
} from '../kernel/server/prepare-server.ts';
import { COMMAND_CLIENT, type ProtocolClient } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import {
  type ArmEnvironment,
  type ClientEnvironment,
  type ExperimentRecord,
  RECORDED_PATCH_CHARACTERS,
} from '../model/journal.ts';
import { publicText } from '../model/public-text.ts';
import type { CommandClient } from '../options/client-options.ts';
import type { RunOptions } from '../options/run-options.ts';
import type { Subject } from '../run/subject.ts';

/** The arms of an experiment, prepared and ready to launch. */
export interface PreparedSubjects {
  readonly arms: ReadonlyMap<string, Subject>;
  /** Environment of the reference arm: the first control, or the first arm when there is no control. */
  readonly armEnvironment: ArmEnvironment;
  /** Environments of the arms that have a different one. */
  readonly armEnvironments: ReadonlyMap<string, ArmEnvironment>;
  /** Texts of the arms' patches by the hash that the protocol names, each within `RECORDED_PATCH_CHARACTERS`. */
  readonly patches: Readonly<Record<string, string>>;
  /** `null` when the harness is the client. */
  readonly client: { readonly protocolClient: ProtocolClient } | null;
  readonly clientEnvironment: ClientEnvironment | null;
  /** `null` when the harness or a client starts the kernels as its own processes. */
  readonly server: PreparedServer | null;
  /** The environment in which the harness's own helpers run. */
  readonly kernelEnvironment: Pick<KernelEnvironment, 'python' | 'matplotlibConfigDir'>;
}

/** The description of an arm's own environment in the evidence. */
export function describeArmEnvironment({ key, facts }: KernelEnvironment): ArmEnvironment {
  return {
    key,
    python: `${facts.implementation} ${facts.python}`,
    kernelLibzmq: facts.libzmq ?? 'unknown',
    eventLoop: facts.eventLoop.shellChannel,
    ipykernel: facts.ipykernel?.version ?? 'unknown',
    packages: facts.packages,
  };
}

/**
 * Read the arms, and refuse those that their client or server does not support.
 *
 * @throws SoakError `bad-arm`, `unknown-arm` and what `checkArmsOfClient` and `checkArmsOfServer` throw
 */
export async function loadArms(
  options: Pick<
    RunOptions,
    'arms' | 'client' | 'transport' | 'endpoint' | 'withPackages' | 'requirementFiles'
  >,
): Promise<Arm[]> {
  const clientName = options.client?.name ?? null;
  const packages = await readWantedPackages(options.withPackages ?? [], options.requirementFiles ?? []);
  const arms = (await loadArmSpecs(options.arms)).map((arm) => withPackages(arm, packages));
  const loaded = armsUnderClient(arms, clientName);
  checkArmsOfClient(loaded, clientName, options.endpoint);
  if (options.transport === 'server') checkArmsOfServer(loaded);
  return [...loaded];
}

/**
 * Build the environments for arms of ipykernel or of its clients.
 *
 * @param begun the experiment that is resumed. `null`: it begins.
 * @throws SoakError for anything that cannot be used, with its remedy
 */
export async function prepareArms(
  loaded: readonly Arm[],
  options: RunOptions,
  onProgress: (line: string) => void,
  signal: AbortSignal,
  begun: ExperimentRecord | null = null,
): Promise<PreparedSubjects> {
  const python = options.python ?? undefined;
  const kernelsOf = armKernelMaker({
    python,
    env: options.env ?? undefined,
    packages: packagesInOverlays(loaded),
    arms: loaded,
    recorded: begun === null ? undefined : (arm) => recordedEnvironment(begun, arm),
    onProgress,
    signal,
  });
  const command =
    options.client?.name === COMMAND_CLIENT ? await preparedCommand(options.client, options.clientEnv) : null;
  const client =
    options.client === null || options.client.name === COMMAND_CLIENT
      ? null
      : await prepareClient(options.client, kernelsOf, {
          python,
          env: options.clientEnv ?? undefined,
          onProgress,
          signal,
        });
  const ownServer =
    options.transport === 'direct' || options.serverUrl !== null
      ? null
      : await prepareServer(options.notebooks, { python, via: options.via, onProgress, signal });
  const here = new Map<string, (ArmKernels & { readonly command?: CommandProgram }) | ClientArm>();
  for (const arm of loaded) {
    const kernels = await (client?.armOf ?? kernelsOf)(arm);
    here.set(arm.name, command === null ? kernels : { ...kernels, command: command.program });
  }
  assertNoUndeclaredNoOp([...here.values()]);
  const given =
    options.serverUrl === null ? null : await prepareGivenServer(options.serverUrl, here, process.env);
  const arms = given?.arms ?? here;
  const reference =
    loaded.find(({ manifest }) => manifest.role === 'control') ?? (loaded[0] as (typeof loaded)[number]);
  const kernelEnvironment = (arms.get(reference.name) as ArmKernels).environment;
  const armEnvironments = new Map(
    [...arms]
      .filter(([, { environment }]) => environment.key !== kernelEnvironment.key)
      .map(([name, { environment }]) => [name, describeArmEnvironment(environment)]),
  );
  return {
    arms,
    armEnvironment: describeArmEnvironment(kernelEnvironment),
    armEnvironments,
    patches: recordedPatches([...here.values()]),
    client: client ?? command,
    clientEnvironment: client?.environment ?? null,
    server: given?.server ?? ownServer,
    kernelEnvironment,
  };
}

/** The patches that the journal holds, so that a report can show what was tried. */
function recordedPatches(arms: readonly Pick<ArmKernels, 'overlay'>[]): Record<string, string> {
  return Object.fromEntries(
    arms.flatMap(({ overlay: { patch, protocolArm } }) =>
      patch === null || protocolArm.patchSha256 === null || patch.length > RECORDED_PATCH_CHARACTERS
        ? []
        : [[protocolArm.patchSha256, patch]],
    ),
  );
}

function recordedEnvironment(
  { protocol, environment, armEnvironments = {} }: ExperimentRecord,
  arm: string,
): RecordedEnvironment | undefined {
  const own = Object.hasOwn(armEnvironments, arm) ? armEnvironments[arm] : environment;
  const recorded = protocol.arms.find(({ name }) => name === arm);
  if (recorded === undefined || own === undefined) return undefined;
  return { asked: recorded.environment, packages: own.packages };
}

/**
 * A command as the client: its program is found, and nothing is installed for it.
 *
 * @throws SoakError `bad-option` for an environment of the client: the command names its own
 */
async function preparedCommand(
  { command }: CommandClient,
  clientEnv: string | null,
): Promise<{
  readonly program: CommandProgram;
  readonly protocolClient: ProtocolClient;
}> {
  if (clientEnv !== null) {
    throw new SoakError('bad-option', '--client-env cannot be used with the command of a program.', {
      remedy: 'Leave out --client-env, and let the command name the program of that environment.',
      option: { name: 'client-env' },
    });
  }
  return {
    program: await foundCommand(command),
    protocolClient: {
      name: COMMAND_CLIENT,
      command: publicText(command.text),
      cellTimeoutMs: null,
      versions: {},
    },
  };
}
