import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Server } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessagePort } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Dealer } from 'zeromq';
import { loadArm } from '../../harness/arms/arms.ts';
import { git } from '../../harness/arms/git.ts';
import { KernelClient } from '../../harness/frontend/client.ts';
import { LatencyDraws, parseLatency } from '../../harness/frontend/latency.ts';
import { NotebookOutputs } from '../../harness/frontend/notebook-outputs.ts';
import { PreciseTimer } from '../../harness/frontend/precise-timer.ts';
import { FrontEnd } from '../../harness/frontend/traffic.ts';
import { slotOf, withSlotLocked } from '../../harness/kernel/environment/cache.ts';
import { probeEnvironment } from '../../harness/kernel/environment/facts.ts';
import { findInstaller, installPackages } from '../../harness/kernel/environment/install.ts';
import { findInterpreter } from '../../harness/kernel/environment/interpreter.ts';
import { warmMatplotlib } from '../../harness/kernel/environment/matplotlib.ts';
import { runCommand } from '../../harness/kernel/environment/run-command.ts';
import { ForkLauncher } from '../../harness/kernel/fork/fork-launcher.ts';
import { type KernelStarter, launchKernel, type RunningKernel } from '../../harness/kernel/launch.ts';
import { makeOverlay } from '../../harness/kernel/overlay.ts';
import { allocatePorts } from '../../harness/kernel/ports.ts';
import { processSample } from '../../harness/kernel/process-sample.ts';
import { awaitSpawn, killTree } from '../../harness/kernel/process-tree.ts';
import { Reaper } from '../../harness/kernel/reaper.ts';
import { GivenServerKernels, inspectServer } from '../../harness/kernel/server/given-server.ts';
import { JupyterServer } from '../../harness/kernel/server/jupyter-server.ts';
import { endOnServer } from '../../harness/kernel/server/server-kernel.ts';
import { type DeadlineName, type FileDeadline, shortenDeadlines } from '../../harness/model/deadlines.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import { putComment } from '../../harness/report/pull-request-comment.ts';
import { LoopStallMeter } from '../../harness/run/loop-stall.ts';
import { askToShutDown } from '../../harness/run/shut-down.ts';
import { Watch } from '../../harness/run/watch.ts';
import { RestChannels } from '../../harness/transport/rest-channels.ts';
import { ServerChannels } from '../../harness/transport/server-channels.ts';
import { quietConsole, serverSettings } from '../../harness/transport/server-settings.ts';
import { codeNotebook } from '../testing/code-notebook.ts';
import {
  cleanUp,
  cleanUpStandIns,
  clientOf,
  endLater,
  firstOnPath,
  KEEPS_PIPES,
  peer,
  program,
  silent,
  silentHelper,
  silentServer,
} from '../testing/hanging-stand-ins.ts';
import { ANSWERING_SERVER, SILENT_SERVER } from '../testing/silent-server.ts';
import { soakErrorOf } from '../testing/soak-error.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { installedIpykernel, testEnvironment } from '../testing/test-environment.ts';

const SHORT_MS = 300;
const folder = temporaryFolder();
let reaper: Reaper;
let python: string;

beforeAll(async () => {
  ({ python } = await testEnvironment());
  reaper = await Reaper.start(python);
}, 300_000);

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await cleanUpStandIns();
});

afterAll(() => reaper.stop());

const message = async (what: () => unknown) => (await soakErrorOf(what)).message;
const never = () => new Promise<never>(() => {});

const notebook = codeNotebook('one-cell.ipynb', ['x = 1']);

/** A launcher that says only what its script says, and ignores the rest. */
function launcher(script: string): Promise<ForkLauncher | string> {
  const arm = { python: program('python', `#!/bin/sh\n${script}\n`), arm: {}, variables: {} };
  return ForkLauncher.start({ ...arm, configPath: '', arguments: [] }, reaper);
}

interface Hang {
  /** What stops. */
  readonly hang: () => Promise<unknown>;
  /** What is said, or done instead. */
  readonly ends: unknown;
  /** Other deadlines that have to be longer, or shorter, milliseconds. */
  readonly ms?: Partial<Record<DeadlineName, number>>;
}

/** Each wait that is no file's: it is made to hang, and it ends and says so. */
const HANGS: Readonly<Record<Exclude<DeadlineName, FileDeadline>, Hang>> = {
  spawn: {
    hang: () =>
      message(() => awaitSpawn(Object.assign(new EventEmitter(), { spawnfile: 'python' }) as never)),
    ends: /^Python a process could not be started within 0\.3 s/,
  },
  'identify-python': {
    hang: () => message(() => findInterpreter(silent('python'))),
    ends: /is not a working Python: it did not answer within 0\.3 s/,
  },
  'probe-python': {
    hang: () => probeEnvironment(silent('python')),
    ends: { runs: false, reason: 'its interpreter did not answer within 0.3 s' },
  },
  'find-uv': {
    hang: async () => {
      firstOnPath(silent('uv'));
      return findInstaller({ ...(await findInterpreter(python)), ensurepip: true }, folder);
    },
    ends: { kind: 'pip', version: null },
    ms: { 'identify-python': 30_000 },
  },
  git: {
    hang: () => {
      firstOnPath(silent('git'));
      return message(() => git(folder, ['status']));
    },
    ends: 'Git did not end within 0.3 s.',
  },
  'install-step': {
    hang: async () => {
      const interpreter = { ...(await findInterpreter(python)), executable: silent('python') };
      return message(() =>
        installPackages({
          interpreter,
          installation: { requirements: 'six==1.17.0\n', constraints: '' },
          folder: join(folder, 'venv'),
          installer: 'pip',
          onProgress: () => {},
          signal: new AbortController().signal,
        }),
      );
    },
    ends: /^The kernel environment could not be installed \(python -m venv\): An installer did not end within 0\.3 s/,
    ms: { 'identify-python': 30_000 },
  },
  'environment-lock': {
    hang: async () => {
      const slot = slotOf(join(folder, 'cache'), 'key');
      const options = { onProgress: () => {}, signal: undefined };
      return withSlotLocked(slot, options, () =>
        message(() => withSlotLocked(slot, options, () => Promise.resolve())),
      );
    },
    ends: 'Another process did not finish installing the kernel environment within 0.3 s.',
  },
  'font-cache': {
    hang: async () => {
      const said: string[] = [];
      const onProgress = (line: string) => void said.push(line);
      const made = await warmMatplotlib(silent('python'), join(folder, 'fonts'), {
        onProgress,
        signal: undefined,
      });
      return [made, said.at(-1)];
    },
    ends: [
      null,
      "matplotlib's font cache could not be built: Matplotlib's font cache could not be built within 0.3 s.",
    ],
  },
  'compile-overlay': {
    hang: async () => {
      const environment = await testEnvironment();
      const { folder: packageFolder, version } = installedIpykernel(environment);
      const cacheDir = temporaryFolder();
      const inputs = { packageFolder, version, environmentKey: environment.key, cacheDir };
      return message(async () =>
        makeOverlay(await loadArm('control'), { ...inputs, python: silent('python') }),
      );
    },
    ends: 'The sources of an arm could not be compiled within 0.3 s.',
  },
  'command-end': {
    hang: () => {
      const pidFile = join(folder, 'keeper-of-command');
      endLater(pidFile);
      return runCommand('sh', ['-c', `${KEEPS_PIPES(pidFile)} echo said`]);
    },
    ends: { code: 0, signal: null, stdout: 'said\n', stderr: '', spawnError: null, timedOut: false },
  },
  'kill-tree': {
    hang: () => {
      silentHelper();
      firstOnPath(silent('taskkill'));
      return message(() => killTree(4_000_000, 'win32'));
    },
    ends: 'Taskkill did not end a process and its children within 0.3 s.',
  },
  'sample-process': {
    hang: () => {
      silentHelper();
      return processSample(process.pid, 'darwin');
    },
    ends: null,
  },
  'allot-ports': {
    hang: () => {
      const servers: Server[] = [];
      const { close } = Server.prototype;
      vi.spyOn(Server.prototype, 'close').mockImplementation(function (this: Server) {
        servers.push(this);
        return this;
      });
      cleanUp.push(() => servers.map((server) => close.call(server)));
      return message(() => allocatePorts());
    },
    ends: 'No ports could be allotted within 0.3 s.',
  },
  'kernel-exit': {
    hang: async () => {
      // In the group of this process, so that killing its own group does nothing, as to one that waits for a disk.
      const child = spawn('sleep', ['600']);
      cleanUp.push(() => child.kill('SIGKILL'));
      const start: KernelStarter = async () => ({
        pid: child.pid ?? 0,
        exited: never(),
        exit: null,
        launched: 'spawn',
        lost: null,
        stderr: { text: () => '' } as never,
        interrupt: () => {},
        close: () => {},
      });
      const makeCommand = () => ({ argv: ['x'] as const, countersPath: null, identityPath: null });
      const kernel = await launchKernel({ makeCommand, cwd: folder, reaper }, start);
      const said = await message(() => kernel.dispose());
      await reaper.removeFolderOf(kernel.pid, kernel.folder);
      return said.replace(String(child.pid), 'PID');
    },
    ends: 'The process PID did not end after it was killed within 0.3 s.',
  },
  'kernel-shutdown': {
    hang: async () => {
      const unanswered = { control: () => never() } as unknown as KernelClient;
      const kernel = { exit: null, exited: never(), pid: 2 ** 30, command: {} } as unknown as RunningKernel;
      await askToShutDown(unanswered, kernel);
      return 'left to be ended by force';
    },
    ends: 'left to be ended by force',
  },
  'close-socket': {
    hang: async () => {
      const { connection } = await peer();
      const open: Dealer[] = [];
      // In front of what it inherits.
      Object.defineProperty(Dealer.prototype, 'close', {
        configurable: true,
        value(this: Dealer) {
          open.push(this);
        },
      });
      try {
        return await message(() => new KernelClient(connection).close());
      } finally {
        Reflect.deleteProperty(Dealer.prototype, 'close');
        for (const socket of open) socket.close();
      }
    },
    ends: 'A socket did not close within 0.3 s.',
  },
  nudge: {
    // The kernel answers nobody: the request is sent all the same, and the watch is what judges its silence.
    hang: async () => {
      const client = clientOf(await peer());
      const timer = new PreciseTimer();
      const over = new AbortController();
      cleanUp.push(() => timer.close());
      const frontEnd = new FrontEnd({
        client,
        notebook,
        outputs: new NotebookOutputs({}),
        traffic: 'nudge',
        pipelineDepth: 1,
        draws: new LatencyDraws(await parseLatency('none'), 1),
        timer,
        signal: over.signal,
      });
      const ended = frontEnd.run();
      while (client.unsettled.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      over.abort();
      await ended;
      return client.unsettled.map(({ msgType }) => msgType);
    },
    ends: ['execute_request'],
  },
  'front-end-idle': {
    hang: async () => {
      const stalls = new LoopStallMeter();
      cleanUp.push(() => stalls.stop());
      const kernel = { command: { countersPath: null }, exit: null } as never;
      const times = { timeoutMs: 60_000, suspectAfterMs: null };
      const watch = new Watch(clientOf(await peer()), kernel, times, stalls);
      return message(() => watch.unanswered(new AbortController().signal, () => {}));
    },
    ends: 'Every request was answered, but the front end did not send another one within 0.3 s.',
  },
  'reaper-stop': {
    // Its work is then done for it.
    hang: async () => {
      const stopped = await Reaper.start(silent('python'));
      const held = stopped.makeFolder('soak-test-', folder);
      const child = spawn('sleep', ['600'], { detached: true });
      const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
      stopped.hold(child.pid ?? 0, held);
      const early = stopped.makeFolder('soak-test-', folder);
      await stopped.stop();
      const { existsSync } = await import('node:fs');
      return [await exited, existsSync(held), existsSync(early)];
    },
    ends: ['SIGKILL', false, false],
  },
  'timer-stop': {
    hang: async () => {
      const timer = new PreciseTimer();
      await timer.at(0);
      vi.spyOn(MessagePort.prototype, 'postMessage').mockImplementation(() => {});
      return timer.close();
    },
    ends: undefined,
  },
  'launcher-ready': {
    hang: () => launcher('exec sleep 600'),
    ends: 'importing ipykernel took too long',
  },
  'launcher-fork': {
    hang: async () => {
      const ready = (await launcher(`echo '{"event":"ready"}'; exec sleep 600`)) as ForkLauncher;
      const forkable = { python: '', arm: {}, variables: {}, configPath: '', arguments: [] };
      const said = await message(() => ready.fork(forkable, { cwd: folder, variables: {} }));
      const { isAlive } = ready;
      await ready.stop();
      return [said, isAlive];
    },
    // Nobody asks it again.
    ends: ['The launcher did not fork a kernel within 0.3 s.', false],
    ms: { 'launcher-ready': 30_000 },
  },
  'launcher-exit': {
    hang: async () => {
      const pidFile = join(folder, 'keeper-of-launcher');
      endLater(pidFile);
      const script = `${KEEPS_PIPES(pidFile)} echo '{"event":"ready"}'; exec sleep 600`;
      const ready = (await launcher(script)) as ForkLauncher;
      return message(() => ready.stop());
    },
    ends: 'The launcher did not end after it was killed within 0.3 s.',
    ms: { 'launcher-ready': 30_000 },
  },
  'server-start': {
    hang: () => message(() => JupyterServer.start(silent('python'), folder, reaper)),
    ends: /^The Jupyter Server did not start: it wrote nothing/,
  },
  'server-status': {
    hang: () => message(() => JupyterServer.start(program('python', SILENT_SERVER), folder, reaper)),
    ends: /^The Jupyter Server did not start: it listens/,
    ms: { 'server-start': 2_000, 'server-status': 100 },
  },
  'server-answer': {
    hang: async () => {
      const url = await silentServer();
      return message(() => inspectServer(url, {}));
    },
    ends: /^No server answers at http:\/\/127\.0\.0\.1:\d+\/: The operation was aborted due to timeout/,
  },
  'server-launch': {
    hang: async () => {
      const kernels = new GivenServerKernels({ url: await silentServer(), token: '' }, folder, 1_000);
      const makeCommand = () => ({
        argv: ['x'] as const,
        kernelspec: 'python3',
        countersPath: null,
        identityPath: null,
      });
      return message(() => kernels.launch({ makeCommand, cwd: folder, reaper }));
    },
    ends: 'Python3: the server did not start a kernel within 0.3 s.',
  },
  'server-delete': {
    hang: async () => {
      const url = await silentServer();
      return message(() => endOnServer({ url, token: '' }, 'an-id'));
    },
    ends: /^The server did not end the kernel an-id: The operation was aborted due to timeout/,
    ms: { 'server-delete': 50 },
  },
  'server-reconnect': {
    hang: async () => {
      cleanUp.push(quietConsole());
      const channels = new ServerChannels(
        {
          settings: serverSettings({ url: await silentServer(), token: '' }),
          model: { id: 'an-id', name: 'python3' },
          connection: null,
          delivered: () => Promise.resolve(null),
        },
        'session',
        () => {},
      );
      cleanUp.push(() => channels.close());
      await channels.renew();
      return channels.failure?.message;
    },
    ends: 'The WebSocket did not reopen within 0.3 s.',
  },
  'server-document': {
    hang: async () => {
      cleanUp.push(quietConsole());
      const address = { url: await silentServer(), token: '' };
      const channels = new RestChannels(
        {
          settings: serverSettings(address),
          model: { id: 'an-id', name: 'python3' },
          connection: null,
          delivered: () => Promise.resolve(null),
        },
        { address, path: 'document.ipynb', cellIds: [], onSession: () => {} },
        'session',
        () => {},
      );
      cleanUp.push(() => channels.close());
      return message(() => channels.settle());
    },
    ends: 'The server did not open the document within 0.3 s.',
  },
  'server-exit': {
    hang: async () => {
      const server = await JupyterServer.start(program('python', ANSWERING_SERVER), folder, reaper);
      const { kill } = process;
      // As to a process that waits for a disk, the signal does nothing.
      vi.spyOn(process, 'kill').mockImplementation(() => true);
      cleanUp.push(async () => {
        kill(server.pid, 'SIGKILL');
        await server.exited;
        await reaper.removeFolderOf(server.pid, server.folder);
      });
      return message(() => server.stop());
    },
    ends: 'The Jupyter Server did not end after it was killed within 0.3 s.',
    ms: { 'server-start': 30_000, 'server-status': 5_000 },
  },
  'standard-output': {
    // The command itself, whose output is a pipe that is full and that nobody reads.
    hang: async () => {
      const preload = join(folder, 'flood.mts');
      const deadlines = pathToFileURL(join(packageRoot(), 'harness', 'model', 'deadlines.ts')).href;
      writeFileSync(
        preload,
        `import { shortenDeadlines } from '${deadlines}';
         shortenDeadlines({ 'standard-output': 200 });
         process.stdout.write('x'.repeat(4_000_000));`,
      );
      const cli = join(packageRoot(), 'harness', 'cli.ts');
      const command = ['--import', 'tsx', '--import', preload, cli, 'stats', '--reference', '6/20'];
      const child = spawn(process.execPath, [...command, '--treatment', '0/20'], { cwd: packageRoot() });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const [code] = await once(child, 'exit');
      child.stdout.destroy();
      return [code, said];
    },
    ends: [0, 'soak: nobody reads the rest of what it prints; it has ended all the same.\n'],
  },
  github: {
    hang: async () => {
      const to = { api: (await silentServer()).slice(0, -1), repository: 'a/b', number: 1, token: 't' };
      return message(() => putComment(to, '<!-- marker -->', 'text'));
    },
    ends: /^The comment could not be made: GitHub was not reached \(The operation was aborted due to timeout\)/,
  },
};

// The stand-ins are scripts with a first line that says what runs them, and some are stopped by signals.
describe.skipIf(process.platform === 'win32')('a wait that hangs ends, and says so:', () => {
  test.each(Object.entries(HANGS))('%s', async (name, { hang, ends, ms }) => {
    cleanUp.push(shortenDeadlines({ [name]: SHORT_MS, ...ms }));
    const ended = await hang();
    if (ends instanceof RegExp) expect(ended).toMatch(ends);
    else expect(ended).toEqual(ends);
  });
});
