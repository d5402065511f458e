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
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';

/** A released version, as PEP 440 has it. It cannot be mistaken for an address or an option. */
const VERSION = /^\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?$/;

/** Add `soak mechanism`: it shows on bare sockets how a request gets stranded. */
export function registerMechanism(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('mechanism')
      .description('Show the mechanism of the wedge step by step, on pyzmq sockets without Jupyter'),
    'mechanism',
  )
    .addHelpText(
      'after',
      `
A ROUTER and a DEALER over loopback TCP: a request queued unread, a reply sent raw, the descriptor no longer readable, POLLIN still set, the request still there. Then what brings the edge back and what does not, the arms' ways to reply on a real stream, and the twin in a client. Takes three seconds a release.

Exit codes: 0 every step as expected, 1 a step differs, 2 bad input, 4 environment.`,
    )
    .action(async (raw: RawOptions<'mechanism'>) => {
      onExit(await mechanismCommand(raw, surroundings()));
    });
}

async function mechanismCommand(
  raw: RawOptions<'mechanism'>,
  { signal, write }: RunSurroundings,
): Promise<ExitCode> {
  const { pyzmq, env, python: interpreter, out, json } = parsedOptions('mechanism', raw);
  const versions = pyzmq === null ? null : releases(pyzmq);
  if (out !== null) await assertWritable(resolve(out));
  const say = (text: string) => (json ? process.stderr.write(text) : write(text));
  const found: EdgeDrain[] = [];
  for (const version of versions ?? [null]) {
    const python =
      env === null
        ? await madePython(version, interpreter ?? undefined, (text) => say(`${text}\n`), signal)
        : await givenPython(env, signal);
    if (found.length > 0 && !json) write('\n');
    found.push(await takeSteps(python, json ? () => {} : write, signal));
  }
  const mechanism: Mechanism = {
    harness: await harnessVersion(),
    asExpected: found.every(({ asExpected }) => asExpected),
    releases: found,
  };
  if (out !== null) await writeMechanism(out, mechanism);
  if (json) write(`${JSON.stringify(mechanism, null, 2)}\n`);
  else write(summary(mechanism, out));
  return mechanism.asExpected ? EXIT_CODES.done : EXIT_CODES.failed;
}

function releases(given: readonly string[]): string[] {
  const versions = [
    ...new Set(
      given.flatMap((list) => list.split(',')).map((version) => version.trim().replace(/^pyzmq==/, '')),
    ),
  ];
  const bad = versions.find((version) => !VERSION.test(version));
  if (bad === undefined) return versions;
  throw new SoakError('bad-option', `--pyzmq ${quoted(bad)} is not a version.`, {
    remedy: 'Give released versions with commas, such as --pyzmq 26.4.0,27.1.0.',
    option: { name: 'pyzmq', value: bad },
  });
}

function summary(mechanism: Mechanism, out: string | null): string {
  const lines = mechanism.releases.map(
    (release) =>
      `pyzmq ${terminalText(release.pyzmq)}, libzmq ${terminalText(release.libzmq)}: ${stepsAsExpected(release)}`,
  );
  if (out !== null) lines.push(`Written: ${join(out, 'mechanism.md')}`);
  // The script prints its own count at the end, which is enough if it ran once.
  if (mechanism.releases.length === 1 && out === null) return '';
  return `\n${lines.join('\n')}\n`;
}
