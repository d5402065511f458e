import { fileURLToPath } from 'node:url';
import type { KernelCommand } from '../../harness/kernel/launch.ts';

/**
 * What faulty_kernel.py can be told to do, and what is then observable. Its docstring describes each
 * behaviour; the facts here are what its tests hold it to, and what an oracle's test can start from.
 */
export interface FaultFacts {
  /** When it shows: never, before the kernel is ready, or at the chosen cell. */
  readonly shows: 'never' | 'start' | 'cell';
  /** Whether a busy status with the cell's request as parent is published. */
  readonly busy: boolean;
  /**
   * What comes on shell for that cell: a sound reply (`error` if its status is), none, or `unsound`, one that
   * a client must not take for an answer. `none` at every fault that shows at the start and does not go by.
   */
  readonly reply: 'ok' | 'error' | 'none' | 'unsound';
  /** Whether an idle status with the cell's request as parent is published. */
  readonly idle: boolean;
  /** Whether control and heartbeat answer after the fault showed. */
  readonly responsive: boolean;
  /**
   * How the process ends by itself, `null` if it stays. Windows has no signals: there `killed` ends with
   * code 15 and `aborts` with code 3.
   */
  readonly exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null;
}

const SOUND = { shows: 'cell', busy: true, reply: 'ok', idle: true, responsive: true, exit: null } as const;
const SILENT = { ...SOUND, reply: 'none', idle: false } as const;
const NEVER_READY = { ...SILENT, shows: 'start', busy: false, responsive: false } as const;

export const FAULTS = {
  normal: { ...SOUND, shows: 'never' },

  'port-taken': { ...NEVER_READY, exit: { code: 1, signal: null } },
  'dies-at-start': { ...NEVER_READY, exit: { code: 1, signal: null } },
  'never-binds': NEVER_READY,
  'silent-start': NEVER_READY,
  'slow-start': { ...SOUND, shows: 'start' },

  'never-replies': { ...SILENT, busy: false },
  'reply-without-idle': { ...SOUND, idle: false },
  'idle-without-reply': { ...SOUND, reply: 'none' },
  late: SOUND,
  'wrong-parent': { ...SOUND, reply: 'unsound' },
  'wrong-parents': { ...SOUND, reply: 'unsound', idle: false },
  'bad-signature': { ...SOUND, reply: 'unsound' },
  unsigned: { ...SOUND, reply: 'unsound' },
  'replies-twice': SOUND,
  'cell-error': { ...SOUND, reply: 'error' },
  aborted: { ...SOUND, reply: 'error' },

  'computes-first': SOUND,
  'sleeps-first': SOUND,

  'busy-for-ever': SILENT,
  'sleeps-for-ever': SILENT,
  exits: { ...SILENT, responsive: false, exit: { code: 3, signal: null } },
  killed: { ...SILENT, responsive: false, exit: { code: null, signal: 'SIGKILL' } },
  aborts: { ...SILENT, responsive: false, exit: { code: null, signal: 'SIGABRT' } },
  'closes-shell': SILENT,
  strands: { ...SILENT, busy: false },

  'drops-output': SOUND,
  'doubles-output': SOUND,
  'moves-output': SOUND,
  'cuts-output': SOUND,
  leaks: SOUND,

  'loses-interrupted': SOUND,
  'delays-interrupted': SOUND,
  'passes-interrupt-on': SOUND,
  'ignores-interrupt': SOUND,

  'stalls-client': SOUND,

  'floods-iopub': SOUND,
  'floods-stdout': SOUND,
  forged: SOUND,
  'deep-json': SOUND,
  'huge-frame': SOUND,
  'invalid-utf8': SOUND,
  'proto-keys': SOUND,
  'wrong-header-type': SOUND,

  replays: SOUND,
  'replays-old': { ...SILENT, busy: false },
  'foreign-session': SOUND,
  'oversized-iopub': SOUND,
  'oversized-shell': { ...SOUND, reply: 'none' },
  'oversized-control': { ...SILENT, responsive: false },
  'many-frames': SOUND,
  'wide-json': SOUND,
  'absurd-values': { ...SOUND, reply: 'error' },

  'aborts-next': { ...SOUND, reply: 'error' },
  infects: { ...SOUND, reply: 'error' },
  'aborts-as-error': { ...SOUND, reply: 'error' },
  'nameless-error': { ...SOUND, reply: 'error' },
  'published-error': { ...SOUND, reply: 'error' },
  'exits-saying-so': { ...SILENT, responsive: false, exit: { code: 3, signal: null } },
} as const satisfies Record<string, FaultFacts>;

export type FaultName = keyof typeof FAULTS;

/** Those that attack whoever listens: their runs are in tools/suites/hostile-kernel.test.ts. */
export type HostileFault =
  | 'replays'
  | 'replays-old'
  | 'foreign-session'
  | 'oversized-iopub'
  | 'oversized-shell'
  | 'oversized-control'
  | 'many-frames'
  | 'wide-json'
  | 'absurd-values';

/** Those that some kernels do, and that are no fault: their runs are in harness/run/odd-kernel.test.ts. */
export type OddBehaviour =
  | 'aborts-next'
  | 'infects'
  | 'aborts-as-error'
  | 'nameless-error'
  | 'published-error'
  | 'exits-saying-so';

/** Ways of writing messages that jupyter_client takes, and `list-header`, which it does not. */
export type OddMessages =
  | 'null-metadata'
  | 'nan-metadata'
  | 'null-no-parent'
  | 'text-count'
  | 'bare-header'
  | 'zoneless-date'
  | 'number-id'
  | 'list-header';

/** A kernel that draws at each start what it does. */
export interface FaultDraw {
  /** How likely each fault is. What is left is the chance of none. */
  readonly chances: Partial<Record<FaultName, number>>;
  readonly seed: string;
  /** A folder that exists and takes one file a start, with the fault's name or `normal` in it. */
  readonly folder: string;
}

export interface FaultyBehaviour {
  /** A fault that shows at each start, or one that is drawn. */
  readonly name: FaultName | FaultDraw;
  /** The cell at which it shows, counted from 1 over all `execute_request`s; 3 if not given. `strands`: >= 2. */
  readonly at?: number;
  /** Of the behaviours with a delay, milliseconds; the default is the behaviour's own. */
  readonly delayMs?: number;
  /** Of the behaviours with a count: messages, bytes or levels; the default is the behaviour's own. */
  readonly count?: number;
  /** `false`: an older kernel, protocol 5.3, without `iopub_welcome`. */
  readonly welcome?: boolean;
  /** `false`: the control channel is bound and never answers, as in kernels that do not serve it. */
  readonly control?: boolean;
  /** How every message is written; absent: as the protocol has it. */
  readonly odd?: OddMessages;
  /** `false`: control requests get no status, and `starting` is not published. */
  readonly controlStatus?: boolean;
  /** Where it counts its shell requests, and beside what it writes its PID, as the arms' runtime does; absent: it does not. */
  readonly account?: { readonly countersPath: string; readonly identityPath: string };
  /** The process ends by then whatever happens, milliseconds; 10 minutes if not given. */
  readonly lifetimeMs?: number;
}

/** A message type on control that has a stranded kernel read its queue; answered with `stranded`: boolean. */
export const FAULTY_REARM_REQUEST = 'soak_rearm_request';

/**
 * Arguments, the interpreter first, that launch the kernel, as a kernelspec's `argv` has them.
 *
 * @param connectionFile a path, or a kernelspec's `{connection_file}`. Its ports may be 0: the kernel then
 *   replaces the file by one with the real ports once all are bound.
 * @param python a Python 3.10 or later with pyzmq
 */
export function faultyKernelArgv(
  behaviour: FaultyBehaviour,
  connectionFile: string,
  python: string,
): string[] {
  const script = fileURLToPath(new URL('./faulty_kernel.py', import.meta.url));
  const argv = [python, script, ...nameArguments(behaviour.name)];
  if (behaviour.at !== undefined) argv.push('--at', String(behaviour.at));
  if (behaviour.delayMs !== undefined) argv.push('--delay', String(behaviour.delayMs / 1000));
  if (behaviour.count !== undefined) argv.push('--count', String(behaviour.count));
  if (behaviour.welcome === false) argv.push('--no-welcome');
  if (behaviour.control === false) argv.push('--no-control');
  if (behaviour.odd !== undefined) argv.push('--odd', behaviour.odd);
  if (behaviour.controlStatus === false) argv.push('--no-control-status');
  if (behaviour.lifetimeMs !== undefined) argv.push('--lifetime', String(behaviour.lifetimeMs / 1000));
  if (behaviour.account !== undefined) {
    argv.push('--counters', behaviour.account.countersPath, '--identity', behaviour.account.identityPath);
  }
  argv.push('-f', connectionFile);
  return argv;
}

/**
 * The same kernel as a command that a process that has imported it forks, in a fifth of the time. POSIX only.
 *
 * @param python as in `faultyKernelArgv`
 */
export function faultyKernelCommand(
  behaviour: FaultyBehaviour,
  connectionFile: string,
  python: string,
): KernelCommand {
  const [program = '', ...rest] = faultyKernelArgv(behaviour, connectionFile, python);
  const script = fileURLToPath(new URL('./faulty_kernel_fork.py', import.meta.url));
  const forkable = { python, script, arm: {}, variables: {}, configPath: '', arguments: rest.slice(1) };
  return { argv: [program, ...rest], forkable, countersPath: null, identityPath: null };
}

function nameArguments(name: FaultName | FaultDraw): string[] {
  if (typeof name === 'string') return ['--behaviour', name];
  const chances = Object.entries(name.chances).map(([fault, chance]) => `${fault}:${chance}`);
  return ['--draw', chances.join(','), '--seed', name.seed, '--draws', name.folder];
}
