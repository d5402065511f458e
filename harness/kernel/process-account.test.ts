import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { testPython } from '../../tools/testing/test-python.ts';
import { packageRoot } from '../model/package-root.ts';

// What the helper asks of Windows and macOS, answered by stand-ins of their libraries that fill in its own structures.
const STAND_INS = `
import ctypes, json, sys, types
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
MEMORY = {21: 100 << 20, 22: 20 << 20, 23: None}
CHILDREN = {21: [22, 23, 24], 22: [], 23: [], 24: []}
PARENTS = {21: 1, 22: 21, 23: 21, 24: 21}

class Function:
    def __init__(self, work): self.work = work
    def __call__(self, *args): return self.work(*args)

def value(argument): return getattr(argument, "value", argument)

def windows_library():
    def times(handle, created, exited, system, user):
        created._obj.dwLowDateTime = value(handle)
        system._obj.dwLowDateTime, user._obj.dwLowDateTime = 10_000, 20_000
        return 1
    def memory(handle, counters, size):
        assert size == ctypes.sizeof(counters._obj) == counters._obj.size
        # PROCESS_MEMORY_COUNTERS: the working set is the second of its sizes, the peak of it the first.
        raw = (ctypes.c_size_t * (size // ctypes.sizeof(ctypes.c_size_t))).from_buffer(counters._obj)
        known = MEMORY[value(handle)]
        raw[1], raw[2] = 999 << 20, known or 0
        return known is not None
    listed = iter(())
    def step(snapshot, entry):
        pid = next(listed, None)
        if pid is None: return 0
        entry._obj.pid, entry._obj.parent = pid, PARENTS[pid]
        return 1
    def first(snapshot, entry):
        nonlocal listed
        listed = iter(PARENTS)
        return step(snapshot, entry)
    return types.SimpleNamespace(
        OpenProcess=Function(lambda access, inherit, pid: pid if pid in MEMORY else 0),
        WaitForSingleObject=lambda handle, ms: 0x102,
        GetProcessTimes=times,
        K32GetProcessMemoryInfo=memory,
        CreateToolhelp32Snapshot=Function(lambda what, pid: 7),
        Process32FirstW=first,
        Process32NextW=step,
        CloseHandle=lambda handle: 1,
    )

def mac_library(path, use_errno=False):
    def info(pid, flavor, argument, out, size):
        if MEMORY.get(pid) is None: return 0
        # struct proc_taskinfo: pti_virtual_size, pti_resident_size, pti_total_user, pti_total_system.
        raw = (ctypes.c_uint64 * 4).from_buffer(out._obj)
        raw[0], raw[1], raw[2], raw[3] = 999 << 30, MEMORY[pid], 24_000_000, 48_000_000
        return size
    def children(pid, room, size):
        found = CHILDREN.get(pid, [])
        for index, child in enumerate(found): room[index] = child
        return len(found)
    def timebase(out):
        out._obj.numerator, out._obj.denominator = 125, 3
    return types.SimpleNamespace(
        proc_pidinfo=info, proc_listchildpids=children, mach_timebase_info=timebase)

# Elsewhere than on Windows these have the sizes of C's long.
from ctypes import wintypes
wintypes.DWORD, wintypes.LONG = ctypes.c_uint32, ctypes.c_int32
sys.platform = sys.argv[2]
ctypes.WinDLL = lambda name, use_last_error=False: windows_library()
ctypes.CDLL = mac_library
import process_account
`;

let python: string;
beforeAll(async () => {
  python = await testPython();
});

/** The samples of process 21 and everything below it. */
function tree(platform: 'win32' | 'darwin'): unknown {
  const code = `${STAND_INS}
print(json.dumps(process_account.sample([21, *process_account.descendants(21)])))`;
  const runtime = join(packageRoot(), 'arms', 'runtime');
  return JSON.parse(execFileSync(python, ['-I', '-S', '-c', code, runtime, platform], { encoding: 'utf8' }));
}

const MIB = 2 ** 20;

describe('resident memory of a process and everything below it', () => {
  test('on Windows: the working set, not its peak; null where it is not shown, or the process is gone', () => {
    expect(tree('win32')).toEqual([
      { cpuMs: 3, rssBytes: 100 * MIB },
      { cpuMs: 3, rssBytes: 20 * MIB },
      { cpuMs: 3, rssBytes: null },
    ]);
  });

  test('on macOS: the resident size, not the virtual one; null of a process that is gone', () => {
    expect(tree('darwin')).toEqual([
      { cpuMs: 3000, rssBytes: 100 * MIB },
      { cpuMs: 3000, rssBytes: 20 * MIB },
      null,
      null,
    ]);
  });
});
