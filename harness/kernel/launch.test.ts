import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../tools/testing/bare-client.ts';
import { faultyKernelArgv } from '../../tools/testing/faulty-kernel.ts';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { installedIpykernel, testEnvironment } from '../../tools/testing/test-environment.ts';
import { loadArm } from '../arms/arms.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicText } from '../model/public-text.ts';
import { readCounters } from './counters.ts';
import { identityMismatch } from './identity.ts';
import { armCommand, type KernelCommandMaker, type KernelProcess, launchKernel } from './launch.ts';
import { makeOverlay } from './overlay.ts';
import { processSample } from './process-sample.ts';
import { Reaper } from './reaper.ts';

const isWindows = process.platform === 'win32';
let python: string;
let reaper: Reaper;
const launched: KernelProcess[] = [];

beforeAll(async () => {
  ({ python } = await testEnvironment());
  reaper = await Reaper.start(python);
});

afterEach(async () => {
  for (const kernel of launched.splice(0)) {
    await kernel.dispose();
    await kernel.removeFolder();
    expect(existsSync(kernel.folder)).toBe(false);
  }
});

afterAll(async () => reaper.stop());

async function launch(makeCommand: KernelCommandMaker, variables = {}): Promise<KernelProcess> {
  const kernel = await launchKernel({ makeCommand, cwd: packageRoot(), reaper, variables });
  launched.push(kernel);
  return kernel;
}

const script =
  (code: string): KernelCommandMaker =>
  () => ({ argv: [python, '-I', '-c', code], countersPath: null, identityPath: null });

/** What code that prints JSON to standard error said. */
async function said(code: string, variables = {}): Promise<unknown> {
  const kernel = await launch(script(`import json, os, sys\n${code}`), variables);
  expect(await kernel.exited).toEqual({ code: 0, signal: null });
  return JSON.parse(kernel.stderrTail());
}

describe('a kernel that is launched', () => {
  test('has a folder and a connection file that are its user’s alone', async () => {
    const kernel = await launch(script('import time; time.sleep(600)'));
    const connection = JSON.parse(readFileSync(join(kernel.folder, 'connection.json'), 'utf8'));
    expect(connection).toEqual(kernel.connection);
    expect(connection.key).toMatch(/^[0-9a-f]{64}$/);
    if (process.platform !== 'win32') {
      expect(statSync(kernel.folder).mode & 0o777).toBe(0o700);
      expect(statSync(join(kernel.folder, 'connection.json')).mode & 0o777).toBe(0o600);
    }
    expect(kernel.exit).toBeNull();
    expect(kernel.identity()).toBeNull();
  });

  test('leads its own group, knows its parent, and has its temporary files in its folder', async () => {
    const environ = (await said(
      `group = os.getpgrp() if hasattr(os, "getpgrp") else os.getpid()
json.dump(dict(os.environ, group=str(group), me=str(os.getpid())), sys.stderr)`,
      { MPLCONFIGDIR: '/m' },
    )) as Record<string, string>;
    const folder = launched[0]?.folder ?? '';
    expect(environ['group']).toBe(environ['me']);
    // On Windows ipykernel wants a handle, which the runtime makes of it.
    expect(environ[isWindows ? 'KERNEL_SOAK_PARENT_PID' : 'JPY_PARENT_PID']).toBe(String(process.pid));
    // The tail is fit to be published: on Windows the folder for temporary files is in the home folder.
    const shown = (name: string) => publicText(join(folder, name));
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) expect(environ[name]).toBe(shown('tmp'));
    expect(environ['IPYTHONDIR']).toBe(shown('ipython'));
    expect(environ['MPLCONFIGDIR']).toBe('/m');
    expect(Object.keys(environ).filter((name) => /^(npm_|VITEST|NODE_|PYTHON)/.test(name))).toEqual([]);
  });

  test.each([
    ['ends', 'sys.exit(3)', { code: 3, signal: null }],
    // Windows has no signals: there `os.kill` ends the process with that code.
    [
      'is killed',
      'os.kill(os.getpid(), 9)',
      isWindows ? { code: 9, signal: null } : { code: null, signal: 'SIGKILL' },
    ],
  ])('that %s has its last words in the tail', async (_what, end, exit) => {
    for (let round = 0; round < 5; round += 1) {
      const kernel = await launch(
        script(`import os, sys\nsys.stderr.write("x" * 60000 + "last words"); sys.stderr.flush(); ${end}`),
      );
      expect(await kernel.exited).toEqual(exit);
      expect(kernel.stderrTail()).toMatch(/^x+last words$/);
      expect(kernel.stderrTail().length).toBeLessThanOrEqual(8192);
    }
  });

  test('whose child holds its pipes open has ended all the same, and the child ends with it', async () => {
    const kernel = await launch(
      script(
        `import subprocess, sys
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
sys.stderr.write(str(child.pid))`,
      ),
    );
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
    const child = Number(kernel.stderrTail());
    // On Windows the job of a venv's python.exe may end it together with the kernel.
    if (!isWindows) expect(() => process.kill(child, 0)).not.toThrow();
    await kernel.dispose();
    await eventually('the end of the child', async () => {
      const sample = await processSample(child);
      return sample === null || sample.state === 'Z';
    });
  });

  test('ends with what it has started and left behind, whose parent has ended', async () => {
    const kernel = await launch(
      script(`import subprocess, sys, time
quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
start = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(600)'], **{quiet}).pid)"
left = subprocess.run([sys.executable, "-I", "-S", "-c", start], stdout=subprocess.PIPE, text=True).stdout
sys.stderr.write(left); sys.stderr.flush(); time.sleep(600)`),
    );
    const left = Number(
      await eventually('its child', () => /^\d+\s+$/.exec(kernel.stderrTail())?.[0], 60_000),
    );
    expect(await processSample(left)).not.toBeNull();
    await kernel.dispose();
    await eventually('the end of what was left', async () => {
      const sample = await processSample(left);
      return sample === null || sample.state === 'Z';
    });
  });

  test('is not stopped by what it prints', async () => {
    const kernel = await launch(script('import sys\nfor _ in range(2000): sys.stdout.write("x" * 10000)'));
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
  });

  test('that is no program leaves no folder, no port and an error', async () => {
    let folder = '';
    const absent: KernelCommandMaker = (made) => {
      folder = made;
      return { argv: [join(made, 'absent')], countersPath: null, identityPath: null };
    };
    await expect(launch(absent)).rejects.toThrow(/ENOENT/);
    expect(existsSync(folder)).toBe(false);
  });

  test('for which there is no room leaves no folder, and it is said what to do', async () => {
    const full = () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await expect(launchKernel({ makeCommand: full, cwd: '.', reaper })).rejects.toMatchObject({
      code: 'no-temporary-folder',
      exitCode: 4,
    });
  });

  test('gives its ports free at its end', async () => {
    const kernel = await launch((_folder, connectionFile) => {
      const [file = '', ...args] = faultyKernelArgv({ name: 'normal' }, connectionFile, python);
      return { argv: [file, ...args], countersPath: null, identityPath: null };
    });
    await kernel.dispose();
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(kernel.connection.shell_port, '127.0.0.1', resolve);
    });
    server.close();
  });
});

describe('ipykernel under an arm', () => {
  async function underArm(name: string): Promise<{ kernel: KernelProcess; mismatch: string | null }> {
    const environment = await testEnvironment();
    const { version, folder } = installedIpykernel(environment);
    const overlay = await makeOverlay(await loadArm(name), {
      python,
      packageFolder: folder,
      version,
      environmentKey: environment.key,
      cacheDir: temporaryFolder(),
    });
    const kernel = await launch(armCommand({ python, matplotlibConfigDir: null }, overlay));
    const identity = await eventually('the identity', () => kernel.identity(), 120_000);
    const { ownPid } = kernel;
    expect(identity).toMatchObject({ ipykernel: version, pid: ownPid, libzmq: environment.facts.libzmq });
    // A venv's python.exe starts the interpreter and waits for it.
    if (isWindows) expect(ownPid).not.toBe(kernel.pid);
    else expect(ownPid).toBe(kernel.pid);
    return { kernel, mismatch: identityMismatch(overlay, identity.sources) };
  }

  test.each(['control', 'fix'])(
    '%s says that it loaded the arm’s files and maps its counters',
    async (name) => {
      const { kernel, mismatch } = await underArm(name);
      expect(mismatch).toBeNull();
      expect(readCounters(kernel.command.countersPath ?? '')?.delivered).toBe(0);
    },
  );
});
