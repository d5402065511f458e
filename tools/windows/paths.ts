import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertEnded, assertNothingLeft, assertTrue, runsOf, type Step } from './steps.ts';
import type { Windows } from './wine.ts';

// What a shell, cmd.exe, or a program that splits its command line by hand would take for something else.
const AWKWARD = "a b & c %PATH% d! (e) ^f 'g";
const LONGEST_WITHOUT_PREFIX = 260;
const PART = 'a folder with quite a long name of its own';

/**
 * Reports, notebooks, arms and temporary files in folders whose names have spaces and what cmd.exe reads as its own,
 * beyond 260 characters, and relative to a drive.
 */
export const paths: Step = {
  name: 'paths',
  isShort: true,
  carryOut: async (windows) => {
    const place = windows.drive(`paths-${Date.now()}`);
    const drive = (path: string) => `C:${path.slice(windows.drive().length).replaceAll('/', '\\')}`;
    const awkward = join(place, AWKWARD);
    let long = join(place, 'long');
    while (drive(long).length <= LONGEST_WITHOUT_PREFIX) long = join(long, PART);
    for (const folder of [awkward, long]) mkdirSync(join(folder, 'temporary'), { recursive: true });
    const notebook = join(awkward, 'my 100% notebook!.ipynb');
    cpSync(join(windows.project, 'notebooks', 'plain.ipynb'), notebook);
    cpSync(join(windows.project, 'arms', 'fix'), join(awkward, 'my-fix'), { recursive: true });

    // The private folder, and with it the connection file that a kernel is started with, is in TEMP.
    const temporary = drive(join(awkward, 'temporary'));
    const one = join(awkward, 'report');
    await completes(
      windows,
      one,
      ['--arm', drive(join(awkward, 'my-fix')), '--notebook', drive(notebook), '--out', drive(one)],
      temporary,
    );

    const two = join(long, 'report');
    await completes(windows, two, ['--arm', 'fix', '--notebook', drive(notebook), '--out', drive(two)]);
    assertTrue(existsSync(join(two, 'evidence.md')), 'there is no evidence in the long folder');

    // Relative to what drive C: is at: of a program that was started on another drive, its root.
    const name = `relative-${Date.now()}`;
    await completes(windows, windows.drive(name), [
      '--arm',
      'fix',
      '--notebook',
      drive(notebook),
      '--out',
      `C:${name}`,
    ]);
    return `"${AWKWARD}", ${drive(two).length} characters, and "C:${name}"`;
  },
};

async function completes(
  windows: Windows,
  report: string,
  args: readonly string[],
  temporary?: string,
): Promise<void> {
  const ended = await windows.soak(
    ['run', '--runs', '1', '--timeout', '60', '--start-timeout', '240', ...args],
    {
      ...(temporary === undefined ? {} : { env: { TEMP: temporary, TMP: temporary } }),
    },
  ).ended;
  // One arm alone has no verdict.
  assertEnded(ended, [0, 3]);
  const [run, ...others] = runsOf(report);
  assertTrue(
    run?.outcome.kind === 'completed' && others.length === 0,
    `it did not complete: ${run?.outcome.reason ?? ended.stdout}`,
  );
  await assertNothingLeft(windows);
}
