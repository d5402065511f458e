import type { ProtocolClient } from '../../model/client.ts';
import type { ClientEnvironment } from '../../model/journal.ts';
import type { Protocol } from '../../model/protocol.ts';
import { deviationLines } from '../deviations.ts';
import { type Block, code, enumeration, folded, type Line, line, table, text } from '../document.ts';
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
      ? line`Kernels, started by their kernelspecs with nothing injected: ${enumeration(
          kernelspecs.map(
            (each) =>
              line`${code(each.name)} (${code(kernelspecWords(each))}, kernelspec ${shortHash(each.sha256)})`,
          ),
        )}.`
      : line`Kernel: Python ${code(environment.python)}, ${chief.length > 0 ? line`${enumeration(chief)}, ` : line``}libzmq ${code(environment.kernelLibzmq)}, event loop ${code(environment.eventLoop)}.`,
    line`Notebooks: ${enumeration(
      protocol.notebooks.map(
        ({ name, sha256, codeCells }) =>
          line`${code(name)} (${num(String(codeCells.length))} code cells, ${shortHash(sha256)})`,
      ),
    )}.`,
    protocol.client === undefined
      ? line`Client: traffic ${armNames(protocol.traffic)}, latency ${code(protocol.latency.spec)}${interruptWords(protocol)}${throughServer(report)}`
      : clientLine(protocol.client, report.experiment.clientEnvironment),
    ...launchLines(report),
    ...socketLines(protocol),
    ...deviationLines(report),
  ];
  const further: Line[] = [
    line`Machine: ${code(`${environment.platform} ${environment.arch}`)}, release ${code(environment.osRelease)}, ${num(String(environment.cpus))} CPUs, ${num(gibibytes(environment.memoryBytes))} of memory.`,
    line`Harness: kernel-soak ${code(protocol.harness)}, Node ${code(environment.node)}, zeromq.js ${code(environment.zeromqJs)}, libzmq ${code(environment.libzmq)}. Runtime ${shortHash(protocol.runtimeSha256)}, environment ${code(environment.key)}.`,
  ];
  if (starts.length > 0) {
    further.push(
      line`Kernel start, median by arm: ${num(duration(Math.min(...starts)))} to ${num(duration(Math.max(...starts)))}.`,
    );
  }
  const facts: Block[] = [
    { kind: 'list', items },
    folded(line`Machine and harness`, [{ kind: 'list', items: further }]),
  ];
  // Nothing more is known about kernels that their kernelspecs start.
  if (kernelspecs.length > 0) return facts;
  return [...facts, armHashes(report), packageList(environment.packages)];
}

/** How kernels were launched, if not spawned. */
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
      : line` ${num(String(spawned))} of ${num(counted(toFork.length, 'run'))} were spawned instead, because a fork was not safe.`;
  return [
    line`Launch: kernels ${whose} were forked from a process that had imported ipykernel and the arm, with the same string hash seed for all kernels of an arm.${but}`,
  ];
}

/** How the kernels' sockets were guarded, if not in the default way. */
function socketLines({ sockets, client, transport }: Protocol): Line[] {
  if (sockets === undefined) return [];
  const peer =
    client !== undefined
      ? line`${code(client.name)}`
      : text(transport === undefined ? 'the harness' : 'the server');
  const way =
    sockets.transport === 'ipc'
      ? line`use Unix sockets, in folders that no other user can enter. No channel of a kernel is on a TCP port`
      : line`use TCP on loopback`;
  const guard =
    sockets.encryption === undefined
      ? line`Messages are not encrypted`
      : line`CurveZMQ encrypts all five channels, and each kernel has its own keys. Before the first run, a kernel of each arm refused two peers on every channel: one without keys, and one with the key of another server`;
  return [line`Sockets: ${peer} and the kernels ${way}. ${guard}.`];
}

function throughServer({ protocol, experiment, runs }: Report): Line {
  if (protocol.transport === undefined) return line`.`;
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
      ? text('a server that was already running and')
      : text('a Jupyter Server that');
  const isOfKernels = protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  const elsewhere = runs.filter(({ client }) => client.server?.elsewhere === true).length;
  const way =
    protocol.transport.via === 'rest'
      ? line`The harness posts the id of each cell. The server sends the kernel the cell, and writes its outputs and its state into a shared document, which the harness follows. All else on shell, and iopub, go through the kernel’s WebSocket.`
      : line`Shell and iopub go through its WebSocket.`;
  const direct = line`${way} The harness asks control and heartbeat of the kernel directly, which does not touch its shell socket.`;
  const far = line`Only the server could reach ${num(counted(elsewhere, 'kernel'))} of ${num(String(runs.length))}, so there are no counters and no certificates of them. What they loaded is known from the kernelspec alone${text(isOfKernels ? '' : ', which names no package but ipykernel')}.`;
  return line`, through ${server} starts the kernels, with ${versions}${python}. ${elsewhere === 0 ? direct : elsewhere < runs.length ? line`${direct} ${far}` : far}`;
}

function clientLine(client: ProtocolClient, environment: ClientEnvironment | undefined): Line {
  if (client.command !== undefined) {
    return line`Client: the command ${code(client.command)}, in its own process. The harness starts the kernel, and the program connects to it by its connection file. Its versions, time-out, traffic and latency are its own.`;
  }
  const versions = enumeration(
    Object.entries(client.versions).map(([name, version]) => line`${code(`${name} ${version}`)}`),
  );
  const timeout = client.cellTimeoutMs === null ? 'none' : duration(client.cellTimeoutMs);
  const python =
    environment === undefined
      ? line``
      : line`, Python ${code(environment.python)}, libzmq ${code(environment.libzmq)}, environment ${code(environment.key)}`;
  return line`Client: ${code(client.name)} in its own process, with ${versions}${python}. Its time-out for a cell: ${num(timeout)}. The client makes its own traffic with its own latency: it runs one cell after another${client.name === 'jupyter-client' ? line`` : line` and mirrors ${code('Output')} models of ipywidgets`}.`;
}

function armHashes(report: Report): Block {
  return {
    kind: 'details',
    summary: line`Arms: hashes of patch and loaded sources`,
    blocks: [
      table(
        'Hashes of each arm',
        'Arm | Patch (SHA-256) | Sources loaded (SHA-256)',
        report.protocol.arms.map((arm): Line[] => [
          [code(arm.name)],
          arm.patchSha256 === null ? line`none` : [shortHash(arm.patchSha256)],
          [shortHash(arm.treeSha256)],
        ]),
      ),
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

/** `, interrupts busy+500ms`; nothing where no traffic interrupts. */
function interruptWords({ interruptAfter }: Pick<Report['protocol'], 'interruptAfter'>): Line {
  return interruptAfter === undefined ? line`` : line`, interrupts ${code(interruptAfter)}`;
}
