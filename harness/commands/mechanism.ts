import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { assertWritable } from '../journal/writable-folder.ts';
import { type EdgeDrain, type Mechanism, stepsAsExpected } from '../mechanism/edge-drain.ts';
import { givenPython, madePython, takeSteps } from '../mechanism/take-steps.ts';
import { writeMechanism } from '../mechanism/write-mechanism.ts';
import { terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { harnessVersion } from '../model/harness-version.ts';
import { quoted } from '../model/quoted.ts';
import type { RunSurroundings } from '../model/surroundings.ts';

/** A released version: PEP 440 without what could be an address or an option. */
const VERSION = /^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?$/;

interface MechanismOptions {
  readonly pyzmq?: string[];
  readonly python?: string;
  readonly env?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Add `soak mechanism`: what strands a request, shown on bare sockets. */
export function registerMechanism(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  program
    .command('mechanism')
    .description('show the mechanism of the wedge alone: pyzmq sockets, no Jupyter, step by step')
    .option(
      '--pyzmq <versions>',
      'releases of pyzmq, with commas; repeatable (default: the one of the kernel environment)',
      (value: string, all: string[] = []) => [...all, ...value.split(',')],
    )
    .option('--python <exe>', 'interpreter to make the environments from')
    .option('--env <exe>', 'an existing environment (its interpreter or folder), used as it is')
    .option('--out <dir>', 'write mechanism.md and mechanism.json there')
    .option('--json', 'print JSON instead of text')
    .addHelpText(
      'after',
      `
A ROUTER and a DEALER over loopback TCP: a request queued unread, a reply sent raw, the descriptor no longer
readable, POLLIN still set, the request still there. Then what brings the edge back and what does not, the
arms' ways to reply on a real stream, and the twin in a client. Takes three seconds a release.

Exit codes: 0 every step as expected, 1 a step differs, 2 bad input, 4 environment.`,
    )
    .action(async (options: MechanismOptions) => {
      onExit(await mechanismCommand(options, surroundings()));
    });
}

async function mechanismCommand(
  options: MechanismOptions,
  { signal, write }: RunSurroundings,
): Promise<ExitCode> {
  const versions = options.pyzmq === undefined ? null : releases(options.pyzmq);
  if (versions !== null && options.env !== undefined) {
    throw new SoakError(
      'conflicting-options',
      '--env has the pyzmq that it has, and --pyzmq asks for others.',
      {
        remedy: 'Leave one of them out.',
      },
    );
  }
  if (options.out !== undefined) await assertWritable(resolve(options.out));
  const say = (text: string) => (options.json === true ? process.stderr.write(text) : write(text));
  const found: EdgeDrain[] = [];
  for (const version of versions ?? [null]) {
    const python =
      options.env === undefined
        ? await madePython(version, options.python, (text) => say(`${text}\n`), signal)
        : await givenPython(options.env, signal);
    if (found.length > 0 && options.json !== true) write('\n');
    found.push(await takeSteps(python, options.json === true ? () => {} : write, signal));
  }
  const mechanism: Mechanism = {
    harness: await harnessVersion(),
    asExpected: found.every(({ asExpected }) => asExpected),
    releases: found,
  };
  if (options.out !== undefined) await writeMechanism(options.out, mechanism);
  if (options.json === true) write(`${JSON.stringify(mechanism, null, 2)}\n`);
  else write(summary(mechanism, options.out));
  return mechanism.asExpected ? EXIT_CODES.done : EXIT_CODES.failed;
}

function releases(given: readonly string[]): string[] {
  const versions = [...new Set(given.map((version) => version.trim().replace(/^pyzmq==/, '')))];
  const bad = versions.find((version) => !VERSION.test(version));
  if (bad === undefined) return versions;
  throw new SoakError('bad-option', `--pyzmq ${quoted(bad)} is no version.`, {
    remedy: 'Give released versions with commas, such as --pyzmq 26.4.0,27.1.0.',
  });
}

function summary(mechanism: Mechanism, out: string | undefined): string {
  const lines = mechanism.releases.map(
    (release) =>
      `pyzmq ${terminalText(release.pyzmq)}, libzmq ${terminalText(release.libzmq)}: ${stepsAsExpected(release)}`,
  );
  if (out !== undefined) lines.push(`Written: ${join(out, 'mechanism.md')}`);
  // The script itself ends with its own count, which says enough where it ran once.
  if (mechanism.releases.length === 1 && out === undefined) return '';
  return `\n${lines.join('\n')}\n`;
}
