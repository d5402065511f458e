import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../../model/package-root.ts';
import { ensureEnvironment, inspectEnvironment, type KernelEnvironment } from './index.ts';
import { runCommand } from './run-command.ts';

/** One tiny package without dependencies: an environment of it takes seconds. */
const TINY = ['six==1.17.0'];

let caches: string;
beforeAll(async () => {
  caches = await mkdtemp(join(tmpdir(), 'environment-'));
});
afterAll(() => rm(caches, { recursive: true, force: true }));

const newCache = (): Promise<string> => mkdtemp(join(caches, 'cache-'));

async function tiny(cacheDir: string): Promise<{ environment: KernelEnvironment; progress: string[] }> {
  const progress: string[] = [];
  const environment = await ensureEnvironment({
    cacheDir,
    requirements: TINY,
    installer: 'pip',
    onProgress: (line) => progress.push(line),
  });
  return { environment, progress };
}

/** `ensureEnvironment` in a process of its own. */
function tinyElsewhere(cacheDir: string): { child: ChildProcess; lines: AsyncIterable<string> } {
  const fixture = join(packageRoot(), 'harness', 'kernel', 'environment', 'ensure.fixture.ts');
  const options = JSON.stringify({ cacheDir, requirements: TINY, installer: 'pip' });
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, options], {
    cwd: packageRoot(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }) };
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function slotFolder(cacheDir: string): Promise<string> {
  return (await inspectEnvironment({ cacheDir, requirements: TINY })).folder;
}

describe('an environment', () => {
  let cacheDir: string;
  let first: KernelEnvironment;
  beforeAll(async () => {
    cacheDir = await newCache();
    expect((await inspectEnvironment({ cacheDir, requirements: TINY })).found.state).toBe('absent');
    expect(await readdir(cacheDir)).toEqual([]);
    first = (await tiny(cacheDir)).environment;
  });

  test('is made with what was asked for and nothing else, byte-compiled', async () => {
    expect(first.made).toBe('created');
    expect(first.facts.packages).toEqual({ six: '1.17.0' });
    expect(first.facts.ipykernel).toBeNull();
    expect(first.facts.missing.map((entry) => entry.package)).toEqual(['ipykernel', 'pyzmq', 'tornado']);
    expect(first.matplotlibConfigDir).toBeNull();
    const cached = await runCommand(first.python, ['-I', '-B', '-c', 'import six; print(six.__cached__)']);
    await access(cached.stdout.trim());
  });

  test('is taken from the cache the next time, quickly and without a word', async () => {
    const startedMs = performance.now();
    const { environment, progress } = await tiny(cacheDir);
    const tookMs = performance.now() - startedMs;
    expect(environment).toEqual({ ...first, made: 'cached' });
    expect(progress).toEqual([]);
    // Measured 0.1 to 0.2 s; making it takes more than 4 s.
    expect(tookMs).toBeLessThan(2_000);
  });

  test('has another key with other requirements or another cache the same', async () => {
    const other = await inspectEnvironment({ cacheDir, requirements: ['six==1.16.0'] });
    expect(other.key).not.toBe(first.key);
    expect(other.found.state).toBe('absent');
    expect((await inspectEnvironment({ cacheDir: join(cacheDir, 'x'), requirements: TINY })).key).toBe(
      first.key,
    );
  });

  test('is made of exactly the recorded versions where the cache has others, under the same key', async () => {
    const options = { cacheDir, requirements: ['six'], pins: ['six==1.17.0'], installer: 'pip' as const };
    const begun = await ensureEnvironment(options);
    expect(begun.facts.packages).toEqual({ six: '1.17.0' });
    expect(begun.key).not.toBe((await inspectEnvironment({ cacheDir, requirements: ['six'] })).key);
    const same = await ensureEnvironment({ ...options, exactly: { six: '1.17.0' } });
    expect(same).toEqual({ ...begun, made: 'cached' });
    const earlier = await ensureEnvironment({ ...options, exactly: { six: '1.16.0' } });
    expect(earlier).toMatchObject({ key: begun.key, facts: { packages: { six: '1.16.0' } } });
    expect((await ensureEnvironment({ ...options, exactly: { six: '1.16.0' } })).made).toBe('cached');
  });

  test('is made anew with a word when its interpreter is gone, and when a package was removed', async () => {
    await rm(first.python);
    const second = await tiny(cacheDir);
    expect(second.environment.made).toBe('created');
    expect(second.progress[0]).toMatch(/cannot be used .*ENOENT.*making it anew/);

    const where = await runCommand(second.environment.python, [
      '-I',
      '-c',
      'import six; print(six.__file__)',
    ]);
    await rm(join(where.stdout.trim(), '..', 'six-1.17.0.dist-info'), { recursive: true });
    expect((await inspectEnvironment({ cacheDir, requirements: TINY })).found).toEqual({
      state: 'damaged',
      reason: 'six was 1.17.0 and is absent',
    });
    const third = await tiny(cacheDir);
    expect(third.progress[0]).toContain('six was 1.17.0 and is absent');
    expect(third.environment.facts.packages).toEqual({ six: '1.17.0' });
  });

  test('made elsewhere can be given; without ipykernel it is refused with the command that helps', async () => {
    const { environment } = await tiny(cacheDir);
    const folder = join(environment.python, '..', '..');
    for (const env of [environment.python, folder]) {
      await expect(ensureEnvironment({ env, cacheDir })).rejects.toMatchObject({
        code: 'environment-incomplete',
        exitCode: 4,
        message: expect.stringMatching(/ipykernel.*pyzmq/),
        remedy: expect.stringContaining('-m pip install ipykernel pyzmq'),
      });
    }
    await expect(ensureEnvironment({ env: folder, python: 'python3' })).rejects.toMatchObject({
      code: 'conflicting-options',
      exitCode: 2,
    });
  });
});

const uv = await runCommand('uv', ['--version']);

test.skipIf(uv.code !== 0)('uv and pip leave the same packages, and uv compiles them too', async () => {
  const byUv = await ensureEnvironment({ cacheDir: await newCache(), requirements: TINY, installer: 'uv' });
  const { environment } = await tiny(await newCache());
  expect(byUv.facts.packages).toEqual(environment.facts.packages);
  expect(byUv.key).toBe(environment.key);
  const cached = await runCommand(byUv.python, ['-I', '-B', '-c', 'import six; print(six.__cached__)']);
  await access(cached.stdout.trim());
});

test('two processes at once: one makes it, the other waits and takes the same', async () => {
  const cacheDir = await newCache();
  const outputs = await Promise.all(
    [tinyElsewhere(cacheDir), tinyElsewhere(cacheDir)].map(({ lines }) => collected(lines)),
  );
  const results = outputs.map(
    (lines) => JSON.parse(lines.at(-1) ?? '{}') as { made: string; python: string },
  );
  expect(results.map((result) => result.made).sort()).toEqual(['cached', 'created']);
  expect(results[0]?.python).toBe(results[1]?.python);
  expect(outputs.flat().filter((line) => line.includes('waiting for it'))).toHaveLength(1);
});

test('a killed installation is not taken for a finished one', { timeout: 120_000 }, async () => {
  const cacheDir = await newCache();
  const { child, lines } = tinyElsewhere(cacheDir);
  for await (const line of lines) {
    if (/Fetching|Installing/.test(line)) child.kill('SIGKILL');
  }
  const folder = await slotFolder(cacheDir);
  const [halfDone] = await readdir(folder);
  expect(halfDone).toMatch(/^[0-9a-f]{6}$/);
  expect((await inspectEnvironment({ cacheDir, requirements: TINY })).found.state).toBe('absent');

  const { environment } = await tiny(cacheDir);
  expect(environment.made).toBe('created');
  expect((await readdir(folder)).sort()).not.toContain(halfDone);
  const inside = await runCommand(environment.python, ['-I', '-c', 'import six']);
  expect(inside.code).toBe(0);
});

test('an abort ends the installer and leaves nothing that is taken for finished', async () => {
  const cacheDir = await newCache();
  const controller = new AbortController();
  const reason = new Error('stopped by the test');
  const made = ensureEnvironment({
    cacheDir,
    requirements: TINY,
    installer: 'pip',
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(made).rejects.toBe(reason);
  expect((await inspectEnvironment({ cacheDir, requirements: TINY })).found.state).toBe('absent');
  // The lock is given back: the next one does not wait.
  const { progress } = await tiny(cacheDir);
  expect(progress.join('\n')).not.toContain('waiting');
});

describe('what is wrong around it is a clear error', () => {
  test('no network on first use, and none needed afterwards', async () => {
    const cacheDir = await newCache();
    const { environment } = await tiny(cacheDir);
    vi.stubEnv('PIP_CONFIG_FILE', process.platform === 'win32' ? 'nul' : '/dev/null');
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple');
    vi.stubEnv('PIP_EXTRA_INDEX_URL', '');
    vi.stubEnv('PIP_FIND_LINKS', '');
    vi.stubEnv('PIP_RETRIES', '1');
    vi.stubEnv('PIP_CACHE_DIR', join(cacheDir, 'pip'));
    try {
      await expect(
        ensureEnvironment({ cacheDir: await newCache(), requirements: TINY, installer: 'pip' }),
      ).rejects.toMatchObject({
        code: 'no-network',
        exitCode: 4,
        message: expect.stringContaining('six'),
        remedy: expect.stringContaining('first use needs the network'),
      });
      expect((await tiny(cacheDir)).environment).toEqual({ ...environment, made: 'cached' });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('a cache that cannot be written', async () => {
    const file = join(await newCache(), 'file');
    await writeFile(file, '');
    await expect(ensureEnvironment({ cacheDir: file, requirements: TINY })).rejects.toMatchObject({
      code: 'cache-not-writable',
      exitCode: 4,
      remedy: expect.stringContaining('KERNEL_SOAK_CACHE'),
    });
  });

  test('what is not a requirement', async () => {
    await expect(ensureEnvironment({ requirements: ['--index-url=x'] })).rejects.toMatchObject({
      code: 'bad-requirement',
    });
  });
});

describe('the default environment', () => {
  let environment: KernelEnvironment;
  beforeAll(async () => {
    // In the cache of every other test, so that it is made once a machine.
    environment = await ensureEnvironment();
  });

  test('has the pinned kernel, and nothing is missing', () => {
    const { facts } = environment;
    expect(facts.missing).toEqual([]);
    expect(facts.ipykernel?.version).toBe('7.3.0');
    expect(facts.pyzmq).toBe('27.1.0');
    expect(facts.libzmq).toMatch(/^4\.3\./);
    expect(facts.tornado).toMatch(/^6\./);
    expect(facts.packages['pip']).toBeUndefined();
  });

  test("has matplotlib's font cache ready", async () => {
    const folder = environment.matplotlibConfigDir ?? '';
    const [name = ''] = (await readdir(folder)).filter((entry) => entry.startsWith('fontlist'));
    const fonts = JSON.parse(await readFile(join(folder, name), 'utf8')) as { ttflist: unknown[] };
    expect(fonts.ttflist.length).toBeGreaterThan(0);
  });

  test('names the event loop that its kernels really run', async () => {
    const script =
      'from ipykernel.kernelapp import IPKernelApp\nfrom tornado.ioloop import IOLoop\ngetattr(IPKernelApp(), "_init_asyncio_patch", lambda: None)()\nloop = type(IOLoop(make_current=False).asyncio_loop)\nprint(f"{loop.__module__}.{loop.__qualname__}")';
    const { stdout } = await runCommand(environment.python, ['-I', '-c', script]);
    expect(stdout.trim()).toBe(environment.facts.eventLoop.shellChannel);
  });

  test('can be given by its path, and has then a key of its packages', async () => {
    const cacheDir = await newCache();
    const given = await ensureEnvironment({ env: environment.python, cacheDir });
    expect(given.made).toBe('given');
    expect(given.facts).toEqual(environment.facts);
    expect(given.key).toMatch(/^[0-9a-f]{16}$/);
    expect(given.key).not.toBe(environment.key);
    expect(await readdir(given.matplotlibConfigDir ?? '')).not.toEqual([]);
  });
});
