import { loadArmSpecs } from '../arms/arm-spec.ts';
import type { Arm } from '../arms/arms.ts';
import { armsUnderClient } from '../arms/client-change.ts';
import { type ArmKernels, armKernelMaker, packagesInOverlays } from '../kernel/arm-kernels.ts';
import { type ClientArm, checkArmsOfClient, prepareClient } from '../kernel/client-arms.ts';
import type { KernelEnvironment } from '../kernel/environment/index.ts';
import { assertNoUndeclaredNoOp } from '../kernel/no-op-arms.ts';
import {
  checkArmsOfServer,
  type PreparedServer,
  prepareGivenServer,
  prepareServer,
} from '../kernel/server/prepare-server.ts';
import type { ProtocolClient } from '../model/client.ts';
import type { ArmEnvironment, ClientEnvironment } from '../model/journal.ts';
import type { Endpoint } from '../model/outcome.ts';
import type { RunOptions } from '../options/run-options.ts';
import type { Subject } from '../run/subject.ts';

/** What an experiment compares, made and ready to launch. */
export interface PreparedSubjects {
  readonly arms: ReadonlyMap<string, Subject>;
  /** Of the reference arm: the first control, else the first arm. */
  readonly armEnvironment: ArmEnvironment;
  /** Of the arms that have another. */
  readonly armEnvironments: ReadonlyMap<string, ArmEnvironment>;
  /** `null` where the harness is the client. */
  readonly client: { readonly protocolClient: ProtocolClient; readonly endpoint: Endpoint } | null;
  readonly clientEnvironment: ClientEnvironment | null;
  /** `null` where the kernels are processes of the harness or of a client. */
  readonly server: PreparedServer | null;
  /** What the harness's own helpers run on. */
  readonly kernelEnvironment: Pick<KernelEnvironment, 'python' | 'matplotlibConfigDir'>;
}

/** What evidence says of an arm's own environment. */
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
 * Read arms, refusing what their client or server cannot have.
 *
 * @throws SoakError `bad-arm`, `unknown-arm` and what `checkArmsOfClient` and `checkArmsOfServer` throw
 */
export async function loadArms(options: Pick<RunOptions, 'arms' | 'client' | 'transport'>): Promise<Arm[]> {
  const clientName = options.client?.name ?? null;
  const loaded = armsUnderClient(await loadArmSpecs(options.arms), clientName);
  checkArmsOfClient(loaded, clientName);
  if (options.transport === 'server') checkArmsOfServer(loaded);
  return [...loaded];
}

/**
 * Make what arms of ipykernel or of its clients run in.
 *
 * @throws SoakError for whatever cannot be used, with its remedy
 */
export async function prepareArms(
  loaded: readonly Arm[],
  options: RunOptions,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<PreparedSubjects> {
  const python = options.python ?? undefined;
  const kernelsOf = armKernelMaker({
    python,
    env: options.env ?? undefined,
    packages: packagesInOverlays(loaded),
    arms: loaded,
    onProgress,
    signal,
  });
  const client =
    options.client === null
      ? null
      : await prepareClient(loaded, options.client, kernelsOf, { python, onProgress, signal });
  const ownServer =
    options.transport === 'direct' || options.serverUrl !== null
      ? null
      : await prepareServer(options.notebooks, { python, onProgress, signal });
  const here = new Map<string, ArmKernels | ClientArm>();
  for (const arm of loaded) here.set(arm.name, await (client?.armOf ?? kernelsOf)(arm));
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
    client,
    clientEnvironment: client?.environment ?? null,
    server: given?.server ?? ownServer,
    kernelEnvironment,
  };
}
