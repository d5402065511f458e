import { EXIT_CODES, RunFault } from './errors.ts';

/** The longest wait for something, and the words for when it does not come. */
interface Deadline {
  readonly ms: number;
  /** Begins the sentence "… within N s". */
  readonly didNot: string;
  readonly remedy: string;
}

const DISK = 'Check that the disk, network share or pipe answers, or use another one.';
const MACHINE = 'Check that the machine has free memory and processes, then run the command again.';
const PROGRAM = 'Try that program by hand.';
const AGAIN = 'Recorded runs are kept. Continue with --resume.';

/**
 * Every wait of the harness, with its reason, except for its user and for requests to a kernel: the protocol and the
 * oracle have the deadlines of requests. Each is far longer than the thing takes on a busy machine, so that only
 * something that has stopped reaches it.
 */
export const DEADLINES = {
  // Files. A local file takes milliseconds. A network share that recovers does so within a minute.
  'read-file': { ms: 60_000, didNot: 'could not be read to its end', remedy: DISK },
  'read-inputs': { ms: 300_000, didNot: 'arms, notebooks and settings could not be read', remedy: DISK },
  'read-journal': { ms: 300_000, didNot: 'the journal could not be read to its end', remedy: DISK },
  'open-journal': { ms: 60_000, didNot: 'the journal could not be opened', remedy: DISK },
  'take-lock': {
    ms: 10_000,
    didNot: 'the lock of the report folder could be neither taken nor read',
    remedy: 'If no kernel-soak is writing there, remove its writer.lock. Otherwise choose another --out.',
  },
  'append-journal': { ms: 60_000, didNot: 'the journal did not take a record', remedy: AGAIN },
  'close-journal': { ms: 20_000, didNot: 'the journal could not be closed', remedy: AGAIN },
  'save-notebook': { ms: 60_000, didNot: 'an executed notebook could not be saved', remedy: AGAIN },
  'write-report': { ms: 120_000, didNot: 'the report could not be written', remedy: DISK },
  'write-summary': { ms: 20_000, didNot: 'the job summary could not be written', remedy: DISK },
  'make-folder': { ms: 20_000, didNot: 'a private folder could not be made', remedy: DISK },
  // A notebook may have left thousands of files there.
  'remove-folder': { ms: 60_000, didNot: 'a private folder could not be removed', remedy: DISK },
  // An arm's sources and their compilation, which has a deadline of its own.
  'write-cache': { ms: 900_000, didNot: 'the cache could not be written', remedy: DISK },

  // Programs. An interpreter answers in milliseconds from a warm disk, in seconds from a cold one.
  spawn: { ms: 20_000, didNot: 'a process could not be started', remedy: MACHINE },
  'identify-python': { ms: 30_000, didNot: 'a Python did not say what it is', remedy: PROGRAM },
  'probe-python': { ms: 60_000, didNot: 'a Python did not say what is installed', remedy: PROGRAM },
  'find-uv': { ms: 10_000, didNot: 'uv did not say its version', remedy: PROGRAM },
  git: { ms: 60_000, didNot: 'git did not end', remedy: PROGRAM },
  // Some sixty packages through a slow proxy, or one of them built from its sources.
  'install-step': { ms: 1_800_000, didNot: 'an installer did not end', remedy: PROGRAM },
  // All steps of the other process at their longest, and one more.
  'environment-lock': {
    ms: 7_200_000,
    didNot: 'another process did not finish installing the kernel environment',
    remedy: 'End that process, and run the command again. Or set KERNEL_SOAK_CACHE to another folder.',
  },
  // A second with few fonts, minutes with thousands of them on a slow disk.
  'font-cache': { ms: 300_000, didNot: "matplotlib's font cache could not be built", remedy: PROGRAM },
  // A package is some hundred files.
  'compile-overlay': { ms: 300_000, didNot: 'the sources of an arm could not be compiled', remedy: PROGRAM },
  // A killed process closes its pipes at once. A process that left its group may hold them open.
  'command-end': { ms: 5_000, didNot: 'a command did not end after it was killed', remedy: PROGRAM },
  'kill-tree': {
    ms: 20_000,
    didNot: 'taskkill did not end a process and its children',
    remedy: PROGRAM,
  },
  'sample-process': { ms: 5_000, didNot: 'the system did not report on a process', remedy: MACHINE },

  // Kernels. SIGKILL takes milliseconds, unless the process waits for a disk or a driver.
  'allot-ports': { ms: 10_000, didNot: 'no ports could be allotted', remedy: MACHINE },
  'kernel-exit': {
    ms: 10_000,
    didNot: 'did not end after it was killed',
    remedy:
      'It may be waiting for a disk or a driver: check its state with ps. The reaper tries again when the harness exits.',
  },
  // As jupyter_client (`shutdown_wait_time`). Only `soak exec` asks. Afterwards the kernel is ended by force.
  'kernel-shutdown': { ms: 5_000, didNot: 'the kernel did not end when it was asked to', remedy: MACHINE },
  // zeromq.js rejects pending calls as soon as a socket is closed.
  'close-socket': { ms: 5_000, didNot: 'a socket did not close', remedy: MACHINE },
  // As jupyter_server (`kernel_info_timeout`).
  nudge: { ms: 60_000, didNot: 'the kernel did not answer the nudge', remedy: MACHINE },
  // Between two requests there are at most the longest latency, a minute, and a nudge, another minute.
  'front-end-idle': {
    ms: 180_000,
    didNot: 'every request was answered, but the front end did not send another one',
    remedy: MACHINE,
  },
  'reaper-stop': { ms: 60_000, didNot: 'the reaper did not end', remedy: MACHINE },
  'timer-stop': { ms: 5_000, didNot: 'the timer did not end', remedy: MACHINE },

  // Launchers. Importing ipykernel takes a second from a cold disk, and a fork milliseconds.
  'launcher-ready': {
    ms: 60_000,
    didNot: 'importing ipykernel did not finish',
    remedy: MACHINE,
  },
  'launcher-fork': { ms: 20_000, didNot: 'the launcher did not fork a kernel', remedy: MACHINE },
  'launcher-exit': { ms: 10_000, didNot: 'the launcher did not end after it was killed', remedy: MACHINE },

  // Servers. Our own is up in two seconds. A given one may first have to find a machine for the kernel.
  'server-start': { ms: 60_000, didNot: 'the Jupyter Server did not answer', remedy: MACHINE },
  'server-status': { ms: 5_000, didNot: 'the Jupyter Server did not report its status', remedy: MACHINE },
  'server-answer': { ms: 20_000, didNot: 'the server did not answer', remedy: MACHINE },
  'server-launch': {
    ms: 120_000,
    didNot: 'the server did not start a kernel',
    remedy: 'See the server’s log.',
  },
  'server-delete': { ms: 20_000, didNot: 'the server did not end a kernel', remedy: 'See the server’s log.' },
  // The library tries again seven times, after longer and longer pauses.
  'server-reconnect': {
    ms: 60_000,
    didNot: 'the WebSocket did not reopen',
    remedy: 'See the server’s log.',
  },
  // jupyter_server_documents waits for the kernel's heartbeat and for its first answer, thirty seconds each.
  'server-document': {
    ms: 90_000,
    didNot: 'the server did not open the document',
    remedy: 'See the server’s log.',
  },
  'server-exit': {
    ms: 10_000,
    didNot: 'the Jupyter Server did not end after it was killed',
    remedy: MACHINE,
  },

  // The reader may have paused. Everything that is printed is in the report too.
  'standard-output': { ms: 600_000, didNot: 'standard output was not read to its end', remedy: PROGRAM },

  // GitHub answers in a second, or has a bad day.
  github: { ms: 30_000, didNot: 'GitHub did not answer', remedy: 'Run the job again.' },
} as const satisfies Readonly<Record<string, Deadline>>;

export type DeadlineName = keyof typeof DEADLINES;

/** The waits for a disk. */
export type FileDeadline = Exclude<
  Extract<
    DeadlineName,
    `${'read' | 'open' | 'append' | 'close' | 'save' | 'write' | 'take' | 'make' | 'remove'}-${string}`
  >,
  'close-socket'
>;

const shortened = new Map<DeadlineName, number>();

/** Milliseconds of a deadline. */
export function deadlineMs(name: DeadlineName): number {
  return shortened.get(name) ?? DEADLINES[name].ms;
}

/**
 * For tests: set other deadlines in this process.
 *
 * @returns restores them
 */
export function shortenDeadlines(ms: Partial<Record<DeadlineName, number>>): () => void {
  for (const [name, value] of Object.entries(ms)) shortened.set(name as DeadlineName, value);
  return () => {
    for (const name of Object.keys(ms)) shortened.delete(name as DeadlineName);
  };
}

/** A wait that was given up. In a run, it is that run's fault alone. */
export class DeadlinePassed extends RunFault {
  readonly deadline: DeadlineName;

  constructor(deadline: DeadlineName, who: string | undefined) {
    const { didNot, remedy } = DEADLINES[deadline];
    const words = who === undefined ? didNot : `${who} ${didNot}`;
    super(
      'deadline-passed',
      `${words[0]?.toUpperCase()}${words.slice(1)} within ${deadlineMs(deadline) / 1000} s.`,
      { remedy, exitCode: EXIT_CODES.environment },
    );
    this.deadline = deadline;
  }
}

/** What is waited for. */
export interface Awaited<Value> {
  /** Stands before what the deadline says. */
  readonly who?: string;
  /** Told of what comes after all, so that it can be undone; absent: it is dropped. */
  readonly onLate?: (value: Value) => void;
  /**
   * A system call of a file is not taken back: the thread that it holds lasts as long as the disk is silent, and
   * with it the process.
   */
  readonly isFile?: true;
}

/**
 * Wait no longer than the deadline. The timer is gone as soon as there is an answer; until then it keeps the process
 * alive, which without anything else to wait for would end and say nothing.
 *
 * @throws DeadlinePassed
 */
export async function withDeadline<Value>(
  name: DeadlineName,
  work: Promise<Value>,
  { who, onLate, isFile }: Awaited<Value> = {},
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      if (isFile === true) stuckFiles += 1;
      const late = () => {
        if (isFile === true) stuckFiles -= 1;
      };
      work.then((value) => onLate?.(value)).then(late, late);
      reject(new DeadlinePassed(name, who));
    }, deadlineMs(name));
  });
  try {
    return await Promise.race([work, passed]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same of work with a file or a folder. */
export function fileWithDeadline<Value>(
  name: FileDeadline,
  work: Promise<Value>,
  who?: string,
): Promise<Value> {
  return withDeadline(name, work, { isFile: true, ...(who === undefined ? {} : { who }) });
}

let stuckFiles = 0;

/** How many system calls of files are given up and not back: what waits for their threads waits with them. */
export function stuckFileCalls(): number {
  return stuckFiles;
}

/** Whether the work was done by the deadline. What it throws otherwise is thrown. */
export async function isDoneWithin(name: DeadlineName, work: Promise<unknown>): Promise<boolean> {
  try {
    await withDeadline(name, work);
    return true;
  } catch (error) {
    if (error instanceof DeadlinePassed && error.deadline === name) return false;
    throw error;
  }
}
