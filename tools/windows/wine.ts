import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** How a Windows program ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended, since its time was over. */
  readonly timedOut: boolean;
}

/** A Windows program that runs. Its process id is the program's own: nothing stands between. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written to standard output so far. */
  output(): string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Node's and Python's version on the path, such as `22.23.3` and `312`. */
  readonly node?: string;
  readonly python?: string;
  /** The program is ended then, and the step fails. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 600_000;
// Wine's own, which stay for as long as its server does.
const OF_WINE =
  /\b(services|winedevice|plugplay|svchost|explorer|rpcss|conhost|start|wineboot|winemenubuilder|tabtip)\.exe|wineserver/i;
// TCP_LISTEN in /proc/net/tcp.
const LISTENING = '0A';

/** A Windows under Wine in a folder that set-up.sh made. */
export class Windows {
  readonly folder: string;
  #started = 0;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, 'out'), { recursive: true });
  }

  /** A path below the folder, as Windows names it. */
  path(...parts: string[]): string {
    return `Z:${join(this.folder, ...parts).replaceAll('/', '\\')}`;
  }

  /** Where a path of drive C: lies. */
  drive(...parts: string[]): string {
    return join(this.folder, 'prefix', 'drive_c', ...parts);
  }

  /** The kernel-soak that is rehearsed. */
  get project(): string {
    return join(this.folder, 'project');
  }

  nodeExe(version = '20.20.2'): string {
    return this.path(`node-${version}`, 'bin', 'node.exe');
  }

  /** Start a program. node.exe wants files for its streams, or Windows' own pipes. */
  start(program: string, args: readonly string[], options: RunOptions = {}): Running {
    this.#started += 1;
    const [stdout, stderr] = ['out', 'err'].map((end) =>
      join(this.folder, 'out', `${process.pid}-${this.#started}.${end}`),
    ) as [string, string];
    const [out, err] = [openSync(stdout, 'w'), openSync(stderr, 'w')];
    const child = spawn(join(this.folder, 'w'), [program, ...args], {
      cwd: options.cwd ?? this.project,
      stdio: ['ignore', out, err],
      env: {
        ...process.env,
        ...(options.node === undefined ? {} : { NODE: options.node }),
        ...(options.python === undefined ? {} : { PYTHON: options.python }),
        ...options.env,
      },
    });
    for (const file of [out, err]) closeSync(file);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? TIMEOUT_MS);
    const read = (file: string) => readFileSync(file, 'utf8');
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout: read(stdout), stderr: read(stderr), timedOut });
      });
    });
    return { child, ended, output: () => read(stdout) };
  }

  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.start(program, args, options).ended;
  }

  /** `soak` with arguments, under Windows' Node. */
  soak(args: readonly string[], options: RunOptions = {}): Running {
    return this.start(this.nodeExe(options.node), ['dist\\cli.js', ...args], options);
  }

  /** Windows' processes that are no part of Wine itself, each with its command. */
  processes(): readonly { readonly pid: number; readonly command: string }[] {
    return this.#all().filter(({ command }) => command !== '' && !OF_WINE.test(command));
  }

  /** TCP ports of this machine that a process of this Windows listens on. */
  ports(): readonly number[] {
    const own = new Set(this.#all().flatMap(({ pid }) => sockets(pid)));
    return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
      readFileSync(table, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === LISTENING && own.has(fields[9] ?? ''))
        .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '0', 16)),
    );
  }

  /** Private folders of kernel-soak that are there; those of tests that were killed are no part of it. */
  privateFolders(): readonly string[] {
    const users = this.drive('users');
    return readdirSync(users).flatMap((user) => {
      try {
        return readdirSync(join(users, user, 'AppData', 'Local', 'Temp')).filter((name) =>
          /^soak-(?!test-)/.test(name),
        );
      } catch {
        return []; // a user without such a folder
      }
    });
  }

  /** End this Windows, and remove the private folders that its processes had no time to remove. */
  async reset(): Promise<void> {
    await this.end();
    const users = this.drive('users');
    for (const user of readdirSync(users)) {
      for (const name of this.privateFolders()) {
        rmSync(join(users, user, 'AppData', 'Local', 'Temp', name), { recursive: true, force: true });
      }
    }
  }

  /** End this Windows with all that runs in it. */
  async end(): Promise<void> {
    const child = spawn(join(this.folder, 'w'), ['-k'], {
      cwd: this.folder,
      stdio: 'ignore',
      env: { ...process.env, WINE: 'wineserver' },
    });
    await new Promise((resolve) => child.once('exit', resolve));
  }

  #all(): { pid: number; command: string }[] {
    const mark = `WINEPREFIX=${join(this.folder, 'prefix')}\0`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark)) return [];
          const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
          return [{ pid: Number(name), command }];
        } catch {
          return []; // gone, or another user's
        }
      });
  }
}

function sockets(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((file) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${file}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return [];
  }
}
