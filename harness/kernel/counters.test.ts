import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../tools/testing/temporary-folder.ts';
import { installedIpykernel, testEnvironment } from '../../tools/testing/test-environment.ts';
import { KERNEL_COUNTERS } from '../model/arm.ts';
import { packageRoot } from '../model/package-root.ts';
import { createCounterFile, readCounters } from './counters.ts';

const RUNTIME = join(packageRoot(), 'arms', 'runtime');
let python: string;
let site: string;

beforeAll(async () => {
  const environment = await testEnvironment();
  python = environment.python;
  site = installedIpykernel(environment).folder;
});

/** Run Python with the runtime on its path; what it prints, as JSON. */
function ran(code: string, ...args: string[]): unknown {
  const preamble = `import json, sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, ${JSON.stringify(RUNTIME)})\n`;
  return JSON.parse(
    execFileSync(python, ['-I', '-c', preamble + code, ...args], { encoding: 'utf8', stdio: 'pipe' }),
  );
}

function counterFile(): string {
  const path = join(temporaryFolder(), 'counters.bin');
  createCounterFile(path);
  return path;
}

describe('a counter file', () => {
  test('begins at zero, for its owner alone, and is never made over another', () => {
    const path = counterFile();
    expect(readCounters(path)).toEqual(Object.fromEntries(KERNEL_COUNTERS.map((name) => [name, 0])));
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(() => createCounterFile(path)).toThrow(/EEXIST/);
  });

  test('has the same counters in the same order in Python', () => {
    expect(ran('import soak_counters\nprint(json.dumps(soak_counters.NAMES))')).toEqual([...KERNEL_COUNTERS]);
  });

  test('shows each counter that Python has raised, also after a SIGKILL', () => {
    const path = counterFile();
    const code = `
import os, soak_counters
counters = soak_counters.Counters(sys.argv[1])
for index in range(len(soak_counters.NAMES)):
    for _ in range(index * 1000 + 1):
        counters.add(index)
os.kill(os.getpid(), 9)`;
    expect(() => ran(code, path)).toThrow();
    expect(readCounters(path)).toEqual(
      Object.fromEntries(KERNEL_COUNTERS.map((name, index) => [name, index * 1000 + 1])),
    );
  });

  test.each([
    ['empty', Buffer.alloc(0)],
    ['cut short', Buffer.concat([Buffer.from('KSOAK\0\0\x01', 'latin1'), Buffer.alloc(79)])],
    ['longer', Buffer.concat([Buffer.from('KSOAK\0\0\x01', 'latin1'), Buffer.alloc(88)])],
    ['of another layout', Buffer.concat([Buffer.from('KSOAK\0\0\x02', 'latin1'), Buffer.alloc(80)])],
    ['something else', Buffer.alloc(200, 'x')],
  ])('that is %s is none to either', (_what, content) => {
    const path = join(temporaryFolder(), 'counters.bin');
    writeFileSync(path, content);
    expect(readCounters(path)).toBeNull();
    expect(() => ran('import soak_counters\nsoak_counters.Counters(sys.argv[1])\nprint(1)', path)).toThrow();
    expect(readFileSync(path)).toEqual(content);
  });

  test('that is short is refused before it is mapped, as a map that makes it longer would hide it on Windows', () => {
    const path = join(temporaryFolder(), 'counters.bin');
    writeFileSync(path, Buffer.concat([Buffer.from('KSOAK\0\0\x01', 'latin1'), Buffer.alloc(79)]));
    const code = `
import mmap, os, soak_counters
real = mmap.mmap
def growing(fileno, length, *args):
    if os.fstat(fileno).st_size < length:
        os.ftruncate(fileno, length)
    return real(fileno, length, *args)
mmap.mmap = growing
try:
    soak_counters.Counters(sys.argv[1])
    print(json.dumps(None))
except RuntimeError as error:
    print(json.dumps(str(error)))`;
    expect(ran(code, path)).toMatch(/is not a counter file of this runtime: it does not have 88 bytes$/);
  });
});

describe('where a thread is', () => {
  test('is its own, nests, and is put back also after an error', () => {
    const code = `
import threading, soak_counters as c
counters = c.Counters(sys.argv[1])
seen = [counters.place]
def inner():
    seen.append(counters.place)
    raise ValueError
def outer():
    seen.append(counters.place)
    try:
        counters.call_in(c.IN_CALLBACK, inner)
    except ValueError:
        seen.append(counters.place)
    thread = threading.Thread(target=lambda: seen.append(counters.place))
    thread.start(); thread.join()
counters.call_in(c.IN_REPLY, outer)
seen.append(counters.place)
print(json.dumps(seen))`;
    expect(ran(code, counterFile())).toEqual([0, 1, 2, 1, 0, 0]);
  });
});

describe('what a kernel says that it loaded', () => {
  test('is keyed by its place in the overlay, and by its own path when it is from elsewhere', () => {
    const code = `
import os, soak_identity, ipykernel.kernelapp
folder = os.path.dirname(os.path.dirname(ipykernel.__file__))
inside = soak_identity.loaded_sources(folder)
outside = soak_identity.loaded_sources(sys.argv[1])
print(json.dumps([inside, outside]))`;
    const [inside, outside] = ran(code, temporaryFolder()) as Record<string, string>[];
    expect(Object.keys(inside ?? {})).toEqual(
      expect.arrayContaining(['ipykernel/kernelapp.py', 'ipykernel/subshell_manager.py']),
    );
    for (const [path, hash] of Object.entries(inside ?? {})) {
      expect(path).toMatch(/^ipykernel\/[\w/]+\.py$/);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }
    for (const path of Object.keys(outside ?? {})) expect(path.startsWith(site)).toBe(true);
    expect(Object.values(outside ?? {}).sort()).toEqual(Object.values(inside ?? {}).sort());
  });
});

describe('the parent’s handle', () => {
  const held = (platform: string, environ: Record<string, string>, handle: string) =>
    ran(
      `
import soak_parent
environ = json.loads(sys.argv[2]); opened = []
def open_process(pid):
    opened.append(pid)
    return ${handle}
soak_parent.hold_parent_handle(sys.argv[1], environ, open_process)
print(json.dumps([environ, opened]))`,
      platform,
      JSON.stringify(environ),
    );

  test('is opened on Windows and given to ipykernel’s own poller', () => {
    expect(held('win32', { KERNEL_SOAK_PARENT_PID: '42' }, '1234')).toEqual([
      { JPY_PARENT_PID: '1234' },
      [42],
    ]);
  });

  test('is left out when the parent cannot be opened, is not named, or on POSIX', () => {
    expect(held('win32', { KERNEL_SOAK_PARENT_PID: '42' }, 'None')).toEqual([{}, [42]]);
    expect(held('win32', {}, '1')).toEqual([{}, []]);
    expect(held('linux', { KERNEL_SOAK_PARENT_PID: '42', JPY_PARENT_PID: '7' }, '1')).toEqual([
      { JPY_PARENT_PID: '7' },
      [],
    ]);
  });
});

describe('the event loop of an arm', () => {
  const chosen = (name: string, platform: string) =>
    ran(
      `
import soak_event_loop
class Fake:
    class WindowsSelectorEventLoopPolicy: pass
    class WindowsProactorEventLoopPolicy: pass
    policy = None
    def set_event_loop_policy(self, policy):
        self.policy = policy
fake = Fake()
try:
    soak_event_loop.choose(json.loads(sys.argv[1]), sys.argv[2], fake)
    error = None
except RuntimeError as e:
    error = str(e)
kind = type(fake.policy)
exact = kind in (Fake.WindowsSelectorEventLoopPolicy, Fake.WindowsProactorEventLoopPolicy)
print(json.dumps([None if fake.policy is None else kind.__mro__[1].__name__, exact, error]))`,
      JSON.stringify(name),
      platform,
    );

  test.each([
    ['selector', 'WindowsSelectorEventLoopPolicy'],
    ['proactor', 'WindowsProactorEventLoopPolicy'],
  ])('is that of %s on Windows, as a subclass that ipykernel does not replace', (name, base) => {
    expect(chosen(name, 'win32')).toEqual([base, false, null]);
  });

  test.each(['linux', 'darwin'])('is refused on %s', (platform) => {
    expect(chosen('proactor', platform)).toEqual([null, false, expect.stringContaining('Windows only')]);
  });
});
