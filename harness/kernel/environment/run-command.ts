import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isDoneWithin } from '../../model/deadlines.ts';
import { killTree, launchesDetached } from '../process-tree.ts';

/** Bytes of each stream kept: pip's longest useful message is far shorter, and a compiler's output far longer. */
const OUTPUT_LIMIT = 1024 * 1024;

export interface CommandResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last mebibyte. */
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not be started, or `null`. */
  readonly spawnError: NodeJS.ErrnoException | null;
  /** It was ended because it ran longer than `timeoutMs`. */
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with each line of either stream as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a command to its end and reports it; never rejects for what the command did.
 * An abort or a time-out ends the command with all its descendants before this returns; an abort then
 * rejects with the signal's reason.
 */
export async function runCommand(
  executable: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = spawn(executable, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    detached: launchesDetached(process.platform),
  });
  const stdout = tailOf(child.stdout);
  const stderr = tailOf(child.stderr);
  if (options.onLine) {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', options.onLine);
    }
  }

  let timedOut = false;
  let killed: Promise<void> | undefined;
  let onKilled = (): Promise<void> => Promise.resolve();
  const end = (): void => {
    if (child.pid === undefined) return;
    // Forced at once: what an installer leaves half-done is never used, so there is nothing to tidy up for.
    killed = killTree(child.pid);
    // It is awaited below; until then a failure must not count as unhandled.
    killed.catch(() => {});
    void onKilled();
  };
  const deadline =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          end();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', end, { once: true });

  const result = await new Promise<Pick<CommandResult, 'code' | 'signal' | 'spawnError'>>((resolve) => {
    child.once('error', (spawnError) => resolve({ code: null, signal: null, spawnError }));
    // 'close' and not 'exit': the streams are complete only then.
    const closed = new Promise<void>((done) => {
      child.once('close', (code, signal) => {
        resolve({ code, signal, spawnError: null });
        done();
      });
    });
    // But what it started may hold them open for ever.
    const giveUp = async () => {
      if (await isDoneWithin('command-end', closed)) return;
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      resolve({ code: child.exitCode, signal: child.signalCode, spawnError: null });
    };
    child.once('exit', giveUp);
    onKilled = giveUp;
  });
  clearTimeout(deadline);
  options.signal?.removeEventListener('abort', end);
  await killed;
  options.signal?.throwIfAborted();
  return { ...result, stdout: stdout(), stderr: stderr(), timedOut };
}

function tailOf(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (chunks.length > 1 && bytes - (chunks[0]?.length ?? 0) >= OUTPUT_LIMIT) {
      bytes -= chunks.shift()?.length ?? 0;
    }
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
