import { ChildProcess } from 'node:child_process';
import { basename } from 'node:path';

/** Programs that a fast test may start. */
const ALLOWED = new Set(['git', 'sh', 'bash', 'node']);

const COMMAND = /[\\/](dist|harness)[\\/]cli\.[jt]s$/;

/** Why a fast test may not start this; `null`: it may. */
export function refusedStart(args: readonly string[]): string | null {
  const [program = '', ...rest] = args;
  if (rest.some((word) => COMMAND.test(word))) return 'the command';
  const name = basename(program).replace(/\.exe$/, '');
  return ALLOWED.has(name) ? null : name;
}

interface Spawned {
  spawn(options: { readonly file: string; readonly args: readonly string[] }): unknown;
}

const prototype = ChildProcess.prototype as unknown as Spawned;
const spawn = prototype.spawn;
prototype.spawn = function (this: unknown, options) {
  const refused = refusedStart([options.file, ...options.args.slice(1)]);
  if (refused === null) return spawn.call(this as Spawned, options);
  throw new Error(
    `A fast test starts ${refused}. Take what starts it from tools/testing, or add what it imports to STARTERS in tools/house/fast-tests.ts.`,
  );
};
