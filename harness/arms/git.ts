import { spawn } from 'node:child_process';
import { DeadlinePassed, deadlineMs, isDoneWithin } from '../model/deadlines.ts';
import { SoakError } from '../model/errors.ts';

// A package's sources are a few megabytes. Anything far beyond that is not such a package.
const OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * Variables that tell git to ask nobody, to fetch nothing, and to ignore what the user's configuration or another
 * process would make it do.
 */
const GIT_VARIABLES = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  LC_ALL: 'C',
};
/** Variables that would make git look at a repository other than the named one. */
const REDIRECTING =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE)$/;

/** What a git command ended with. */
export interface GitResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Run git on a repository, asking nobody and fetching nothing.
 *
 * @throws SoakError `git-missing`; DeadlinePassed
 */
export function git(folder: string, args: readonly string[], input = ''): Promise<GitResult> {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !REDIRECTING.test(name)));
  const child = spawn('git', ['-C', folder, '-c', 'core.fsmonitor=false', ...args], {
    env: { ...kept, ...GIT_VARIABLES },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: deadlineMs('git'),
    // A process that was stopped takes no other signal.
    killSignal: 'SIGKILL',
    windowsHide: true,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > OUTPUT_LIMIT_BYTES) child.kill();
    else chunks.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-4_000);
  });
  // An early end of git closes the pipe: its exit code says why.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'ENOENT'
          ? new SoakError('git-missing', 'A git clone was named, but there is no git on PATH.', {
              remedy: 'Install git, or do without the clone.',
              cause,
            })
          : cause,
      ),
    );
    const closed = new Promise<void>((done) => {
      child.once('close', (code) => {
        resolve({ code, stdout: Buffer.concat(chunks), stderr });
        done();
      });
    });
    // Killed at its time; or ended, while a child of its own holds the pipes open.
    child.once('exit', async (_, signal) => {
      if (signal === 'SIGKILL' || !(await isDoneWithin('command-end', closed))) {
        reject(new DeadlinePassed('git', undefined));
      }
    });
  });
}
