import type { ProtocolClient } from '../../model/client.ts';
import type { ClientEnvironment } from '../../model/journal.ts';
import type { Protocol } from '../../model/protocol.ts';
import { deviationLines } from '../deviations.ts';
import { type Block, code, enumeration, type Line, line, text } from '../document.ts';
import { counted, duration, gibibytes } from '../format-number.ts';
import type { Report } from '../report.ts';
import { armNames, num, shortHash } from '../words.ts';
import { kernelspecWords } from './arm-environments.ts';
import { environmentDifferences } from './strata.ts';

/** Packages that decide how the shell channel behaves; the rest is folded away. */
const CHIEF_PACKAGES = [
  'ipykernel',
  'pyzmq',
  'tornado',
  'jupyter_client',
  'jupyter-client',
  'ipython',
  'ipywidgets',
];

export function environmentBlocks(report: Report): Block[] {
  const { environment } = report.experiment;
  const { protocol, analysis } = report;
  const chief = CHIEF_PACKAGES.flatMap((name) => {
    const version = name === 'ipykernel' ? environment.ipykernel : environment.packages[name];
    return version === undefined ? [] : [line`${code(`${name} ${version}`)}`];
  });
  const kernelspecs = protocol.arms.flatMap(({ kernelspec }) => kernelspec ?? []);
  const starts = analysis.arms.flatMap(({ startMedianMs }) => startMedianMs ?? []);
  const items: Line[] = [
    ...environmentDifferences(report),
    kernelspecs.length > 0
      ? line`Kernels, each as its kernelspec starts it, with nothing injected: ${enumeration(
          kernelspecs.map(
            (each) =>
              line`${code(each.name)} (${code(kernelspecWords(each))}, kernelspec ${shortHash(each.sha256)})`,
          ),
        )}.`
      : line`Kernel: Python ${code(environment.python)}, ${chief.length > 0 ? line`${enumeration(chief)}, ` : line``}libzmq ${code(environment.kernelLibzmq)}, event loop ${code(environment.eventLoop)}.`,
    line`Machine: ${code(`${environment.platform} ${environment.arch}`)}, release ${code(environment.osRelease)}, ${num(String(environment.cpus))} CPUs, ${num(gibibytes(environment.memoryBytes))} of memory.`,
    line`Harness: kernel-soak ${code(protocol.harness)}, Node ${code(environment.node)}, zeromq.js ${code(environment.zeromqJs)}, libzmq ${code(environment.libzmq)}. Runtime ${shortHash(protocol.runtimeSha256)}, environment ${code(environment.key)}.`,
    line`Notebooks: ${enumeration(
      protocol.notebooks.map(
        ({ name, sha256, codeCells }) =>
          line`${code(name)} (${num(String(codeCells.length))} code cells, ${shortHash(sha256)})`,
      ),
    )}.`,
    protocol.client === undefined
      ? line`Client: traffic ${armNames(protocol.traffic)}, latency ${code(protocol.latency.spec)}${throughServer(report)}.`
      : clientLine(protocol.client, report.experiment.clientEnvironment),
    ...launchLines(report),
    ...socketLines(protocol),
    ...deviationLines(report),
  ];
  if (starts.length > 0) {
    items.push(
      line`Kernel start, median by arm: ${num(duration(Math.min(...starts)))} to ${num(duration(Math.max(...starts)))}.`,
    );
  }
  // Kernelspecs have said all that is known of theirs.
  if (kernelspecs.length > 0) return [{ kind: 'list', items }];
  return [{ kind: 'list', items }, armHashes(report), packageList(environment.packages)];
}

/** How kernels came about, where that was not as anyone starts them. */
function launchLines({ protocol, runs }: Report): Line[] {
  const methodOf = new Map(protocol.arms.map(({ name, launch }) => [name, launch ?? protocol.launch]));
  const toFork = runs.filter(({ arm }) => methodOf.get(arm) === 'fork');
  const forking = protocol.arms.filter(({ name }) => methodOf.get(name) === 'fork');
  if (forking.length === 0) return [];
  const whose =
    forking.length === protocol.arms.length
      ? line`of every arm`
      : line`of ${armNames(forking.map(({ name }) => name))}`;
  const spawned = toFork.filter(({ launched }) => launched === 'spawn').length;
  const but =
    spawned === 0
      ? line``
      : line`; ${num(String(spawned))} of ${num(counted(toFork.length, 'run'))} were spawned instead, where a fork was not safe`;
  return [
    line`Launch: kernels ${whose} were forked from a process that had imported ipykernel and the arm, with one seed of string hashes for all of an arm's${but}.`,
  ];
}

/** How the kernels' sockets were guarded, where that was not as everywhere. */
function socketLines({ sockets, client, transport }: Protocol): Line[] {
  if (sockets === undefined) return [];
  const peer =
    client !== undefined
      ? line`${code(client.name)}`
      : text(transport === undefined ? 'the harness' : 'the server');
  const way =
    sockets.transport === 'ipc'
      ? line`over Unix sockets in folders that nobody else can enter, none of the kernels' channels on a TCP port`
      : line`over TCP on loopback`;
  const guard =
    sockets.encryption === undefined
      ? line`; in the clear`
      : line`, encrypted by CurveZMQ on all five channels, with keys of each kernel's own. A kernel of each arm, started before the first run, turned away on every channel a peer without keys and one with another server's key`;
  return [line`Sockets: between ${peer} and the kernels ${way}${guard}.`];
}

function throughServer({ protocol, experiment, runs }: Report): Line {
  if (protocol.transport === undefined) return line``;
  const versions = enumeration(
    Object.entries(protocol.transport.versions).map(([name, version]) => line`${code(`${name} ${version}`)}`),
  );
  const { serverEnvironment } = experiment;
  const python =
    serverEnvironment === undefined
      ? line``
      : line`, Python ${code(serverEnvironment.python)}, libzmq ${code(serverEnvironment.libzmq)}, environment ${code(serverEnvironment.key)}`;
  const server =
    protocol.transport.given === true
      ? text('a server that was there already and')
      : text('a Jupyter Server that');
  const isOfKernels = protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  const elsewhere = runs.filter(({ client }) => client.server?.elsewhere === true).length;
  const direct = line`Shell and iopub go through its WebSocket; control and heartbeat are asked of the kernel directly, which does not touch its shell`;
  const far = line`${num(counted(elsewhere, 'kernel'))} of ${num(String(runs.length))} were out of reach of all but the server: without counters, without certificates, and what was loaded there is the word of its kernelspec${text(isOfKernels ? '' : ', which says nothing of packages besides ipykernel')}`;
  return line`, through ${server} starts the kernels, with ${versions}${python}. ${elsewhere === 0 ? direct : elsewhere < runs.length ? line`${direct}; ${far}` : far}`;
}

function clientLine(client: ProtocolClient, environment: ClientEnvironment | undefined): Line {
  const versions = enumeration(
    Object.entries(client.versions).map(([name, version]) => line`${code(`${name} ${version}`)}`),
  );
  const timeout = client.cellTimeoutMs === null ? 'none' : duration(client.cellTimeoutMs);
  const python =
    environment === undefined
      ? line``
      : line`, Python ${code(environment.python)}, libzmq ${code(environment.libzmq)}, environment ${code(environment.key)}`;
  return line`Client: ${code(client.name)} in a process of its own, with ${versions}${python}; its own time-out of a cell: ${num(timeout)}. Its traffic and its latency are its own: one cell after another, ${code('Output')} models of ipywidgets mirrored.`;
}

function armHashes(report: Report): Block {
  return {
    kind: 'details',
    summary: line`Arms: hashes of patch and loaded sources`,
    blocks: [
      {
        kind: 'table',
        caption: 'Hashes of each arm',
        columns: [
          { title: 'Arm', align: 'left' },
          { title: 'Patch (SHA-256)', align: 'left' },
          { title: 'Sources loaded (SHA-256)', align: 'left' },
        ],
        rows: report.protocol.arms.map((arm): Line[] => [
          [code(arm.name)],
          arm.patchSha256 === null ? line`none` : [shortHash(arm.patchSha256)],
          [shortHash(arm.treeSha256)],
        ]),
      },
    ],
  };
}

function packageList(packages: Readonly<Record<string, string>>): Block {
  const names = Object.keys(packages).sort();
  return {
    kind: 'details',
    summary: line`${num(String(names.length))} packages of the kernel environment`,
    blocks: [
      {
        kind: 'verbatim',
        language: 'text',
        content: names.map((name) => `${name} ${packages[name]}`).join('\n'),
      },
    ],
  };
}
