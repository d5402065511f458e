import { canonicalJson } from '../model/canonical.ts';
import type { ArmEnvironment, Baseline, ClientEnvironment, Environment } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { hasProfile } from '../model/traffic.ts';

/** What a rate depends on besides the arm: the experiment's settings, machine and packages. */
export interface BaselineSide {
  readonly protocol: Protocol;
  readonly environment: Environment;
  readonly armEnvironments?: Readonly<Record<string, ArmEnvironment>> | undefined;
  readonly clientEnvironment?: ClientEnvironment | null | undefined;
}

type BaselineDifference = NonNullable<Baseline['differences']>[number];

const SHOWN_CHARACTERS = 120;

/**
 * The differences between an experiment and the one that its baseline comes from, apart from their arms. If
 * there is any, a p-value between the two would not answer "does the arm change the rate". Empty when no
 * recorded value differs. A choice that an arm names itself (`ipykernel==7.4.0`, `py3.13`, `launch:fork`)
 * belongs to the arm and is not a difference.
 *
 * @param arm the baseline's arm, by its name in `earlier`
 */
export function baselineDifferences(
  earlier: BaselineSide,
  arm: string,
  here: BaselineSide,
): BaselineDifference[] {
  const asked = askedFor(here.protocol);
  const [a, b] = [settings(earlier, arm, asked), settings(here, referenceOf(here), asked)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((what) => {
    const [there, now] = [a.get(what) ?? 'none', b.get(what) ?? 'none'];
    return there === now ? [] : [{ what, earlier: shown(there), here: shown(now) }];
  });
}

function referenceOf({ protocol }: BaselineSide): string {
  return (protocol.arms.find(({ role }) => role === 'control') ?? protocol.arms[0])?.name ?? '';
}

interface Asked {
  readonly packages: ReadonlySet<string>;
  readonly python: boolean;
  readonly launch: boolean;
}

function askedFor({ arms }: Protocol): Asked {
  const requirements = arms.flatMap(({ environment }) => environment?.requirements ?? []);
  return {
    packages: new Set(requirements.map((each) => /^[a-z0-9-]+/.exec(each)?.[0] ?? each)),
    python: arms.some(({ environment }) => (environment?.python ?? null) !== null),
    launch: arms.some(({ launch }) => launch !== undefined),
  };
}

/** Each setting, under the name that a reader knows. */
function settings(side: BaselineSide, armName: string, asked: Asked): Map<string, string> {
  const { protocol, environment, armEnvironments, clientEnvironment } = side;
  const arm = protocol.arms.find(({ name }) => name === armName);
  const own =
    armEnvironments !== undefined && Object.hasOwn(armEnvironments, armName)
      ? armEnvironments[armName]
      : environment;
  const packages = own?.packages ?? environment.packages;
  const { notebooks, client, transport, sockets } = protocol;
  const isPipelined = protocol.traffic.some((each) => hasProfile(each, 'pipeline'));
  return new Map(
    (
      [
        ['notebook', notebooks.map(({ name, sha256 }) => `${name} (${sha256.slice(0, 12)})`).join(', ')],
        ['length (code cells)', notebooks.map(({ codeCells }) => codeCells.length).join(', ')],
        ['traffic', protocol.traffic.join(', ')],
        ['pipeline depth', isPipelined ? String(protocol.pipelineDepth) : 'none'],
        ['moment of interrupts', protocol.interruptAfter ?? 'none'],
        ['latency', withHash(protocol.latency.spec, protocol.latency.sha256)],
        ['launch', asked.launch ? 'asked for' : (arm?.launch ?? protocol.launch)],
        // Any other endpoint is read from the same runs: the baseline is counted again by it.
        ['a stall of the client', protocol.endpoint === 'stalled' ? 'ends the run' : 'is waited out'],
        ['deadline', `${protocol.timeoutMs} ms`],
        ['start deadline', `${protocol.startTimeoutMs} ms`],
        ['silence before a look', `${protocol.suspectAfterMs ?? 'never'} ms`],
        ['runs at once', String(protocol.concurrency)],
        ['client', client === undefined ? 'kernel-soak' : canonicalJson(client)],
        ['transport', transport === undefined ? 'direct' : canonicalJson(transport)],
        ['sockets', sockets === undefined ? 'TCP, in the clear' : canonicalJson(sockets)],
        ['how the kernel is started', arm?.kernelspec === undefined ? 'as an arm' : 'by its kernelspec'],
        ['kernel-soak', protocol.harness],
        ['kernel-side runtime', protocol.runtimeSha256.slice(0, 12)],
        ['system', `${environment.platform} ${environment.arch} ${environment.osRelease}`],
        ['processors', String(environment.cpus)],
        ['node', environment.node],
        ['libzmq of kernel-soak', environment.libzmq],
        ['python', asked.python ? 'asked for' : (own?.python ?? 'unknown')],
        ['event loop', own?.eventLoop ?? 'unknown'],
        ...Object.entries(packages).map(([name, version]) => [name, version]),
        ...Object.entries(clientEnvironment?.packages ?? {}).map(([name, version]) => [
          `${name} of the client`,
          version,
        ]),
      ] as [string, string][]
    ).filter(([what]) => !asked.packages.has(what)),
  );
}

function withHash(text: string, hash: string | null): string {
  return hash === null ? text : `${text} (${hash.slice(0, 12)})`;
}

function shown(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text;
}
