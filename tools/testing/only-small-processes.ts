import childProcess, { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

// Loaded before each fast test (vitest.config.ts): it fails a test that starts more than a small process.

/** Programs that a fast test may start. */
const ALLOWED = new Set(['flock', 'git', 'node', 'mkfifo', 'sh', 'bash', 'zsh', 'fish', 'pwsh']);

const COMMAND = /[\\/](dist|harness)[\\/]cli\.[jt]s$/;

/** What it is that a fast test may not start; `null`: it may. */
export function refusedStart([program = '', ...args]: readonly string[]): string | null {
  if (args.some((word) => COMMAND.test(word))) return 'the command';
  const name = basename(program).replace(/\.exe$/, '');
  return ALLOWED.has(name) ? null : name;
}

function assertSmall(words: readonly string[]): void {
  const refused = refusedStart(words);
  if (refused === null) return;
  throw new Error(
    `A fast test starts ${refused}. Start it by a helper in tools/testing, or add the module that starts it to STARTERS in tools/house/fast-tests.ts: then the test counts as slow.`,
  );
}

interface Spawned {
  spawn(options: { readonly file: string; readonly args: readonly string[] }): unknown;
}

const LOADED = Symbol.for('kernel-soak: only small processes');
const marked = globalThis as { [LOADED]?: true };

// A worker runs many test files, and loads this before each.
if (marked[LOADED] === undefined) {
  marked[LOADED] = true;

  // Everything that starts a process and goes on beside it comes to this.
  const prototype = ChildProcess.prototype as unknown as Spawned;
  const { spawn } = prototype;
  prototype.spawn = function (this: Spawned, options) {
    assertSmall([options.file, ...options.args.slice(1)]);
    return spawn.call(this, options);
  };

  const { spawnSync, execFileSync } = childProcess;
  childProcess.spawnSync = ((file: string, args: readonly string[] = [], ...rest: []) => {
    assertSmall([file, ...args]);
    return spawnSync(file, args, ...rest);
  }) as typeof spawnSync;
  childProcess.execFileSync = ((file: string, args: readonly string[] = [], ...rest: []) => {
    assertSmall([file, ...args]);
    return execFileSync(file, args, ...rest);
  }) as typeof execFileSync;
  syncBuiltinESMExports();
}
