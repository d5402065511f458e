"""Processor time and resident memory of other processes, by what each system has for it, without a program of its own.

``sample(pids)`` gives for each process ``{"cpuMs", "rssBytes"}``, or None where there is none (any more) or the system
does not show it. ``descendants(pid)`` gives what is below a process; a child whose parent has ended is not there.

Linux: /proc (proc(5)). Windows: GetProcessTimes, GetProcessMemoryInfo and a Toolhelp snapshot. macOS: libproc, whose
times are in the units of mach_absolute_time. No other system is known.
"""

import ctypes
import functools
import os
import sys


class LinuxAccount:
    def __init__(self):
        self._tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def one(self, pid):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                text = file.read()
        except OSError:
            return None
        # The command, in parentheses, may itself hold spaces and parentheses.
        fields = text[text.rindex(b")") + 2 :].split()
        if fields[0] in (b"Z", b"X"):
            return None
        return {
            "cpuMs": (int(fields[11]) + int(fields[12])) * self._tick_ms,
            "rssBytes": int(fields[21]) * self._page_bytes,
        }

    def parents(self):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    text = file.read()
            except OSError:
                continue  # gone
            yield int(name), int(text[text.rindex(b")") + 2 :].split()[1])


class WindowsAccount:
    QUERY_LIMITED_INFORMATION = 0x1000
    SYNCHRONIZE = 0x100000
    WAIT_OBJECT_0 = 0
    SNAPSHOT_OF_PROCESSES = 0x2
    MS_PER_UNIT = 1e-4  # a FILETIME counts 100 ns

    def __init__(self):
        from ctypes import wintypes

        class MemoryCounters(ctypes.Structure):
            _fields_ = [
                ("size", wintypes.DWORD),
                ("page_faults", wintypes.DWORD),
                ("peak_working_set", ctypes.c_size_t),
                ("working_set", ctypes.c_size_t),
                ("others", ctypes.c_size_t * 6),
            ]

        class ProcessEntry(ctypes.Structure):
            _fields_ = [
                ("size", wintypes.DWORD),
                ("usage", wintypes.DWORD),
                ("pid", wintypes.DWORD),
                ("heap", ctypes.c_size_t),
                ("module", wintypes.DWORD),
                ("threads", wintypes.DWORD),
                ("parent", wintypes.DWORD),
                ("priority", wintypes.LONG),
                ("flags", wintypes.DWORD),
                ("name", wintypes.WCHAR * 260),
            ]

        self._memory_counters, self._process_entry = MemoryCounters, ProcessEntry
        kernel32 = self._kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.OpenProcess.restype = wintypes.HANDLE
        kernel32.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
        kernel32.CreateToolhelp32Snapshot.restype = wintypes.HANDLE
        self._handle, self._filetime = wintypes.HANDLE, wintypes.FILETIME

    def _facts(self, pid):
        """When it was created and what it has used, in units of 100 ns, and its working set; None: it is not there."""
        kernel32 = self._kernel32
        handle = kernel32.OpenProcess(self.QUERY_LIMITED_INFORMATION | self.SYNCHRONIZE, False, pid)
        if not handle:
            return None
        handle = self._handle(handle)
        try:
            # A process that has ended is there as long as anybody has a handle of it.
            if kernel32.WaitForSingleObject(handle, 0) == self.WAIT_OBJECT_0:
                return None
            times = [self._filetime() for _ in range(4)]
            if not kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
                return None
            memory = self._memory_counters(ctypes.sizeof(self._memory_counters))
            has_memory = kernel32.K32GetProcessMemoryInfo(handle, ctypes.byref(memory), memory.size)
            created, _, system, user = ((each.dwHighDateTime << 32) + each.dwLowDateTime for each in times)
            return created, system + user, memory.working_set if has_memory else None
        finally:
            kernel32.CloseHandle(handle)

    def one(self, pid):
        facts = self._facts(pid)
        return None if facts is None else {"cpuMs": facts[1] * self.MS_PER_UNIT, "rssBytes": facts[2]}

    def is_child(self, pid, parent):
        """Whether the parent's id is still the parent's: a process keeps it after that has ended and it is another's."""
        ours, theirs = self._facts(pid), self._facts(parent)
        return ours is not None and theirs is not None and ours[0] >= theirs[0]

    def parents(self):
        kernel32 = self._kernel32
        snapshot = self._handle(kernel32.CreateToolhelp32Snapshot(self.SNAPSHOT_OF_PROCESSES, 0))
        entry = self._process_entry(ctypes.sizeof(self._process_entry))
        try:
            more = kernel32.Process32FirstW(snapshot, ctypes.byref(entry))
            while more:
                yield entry.pid, entry.parent
                more = kernel32.Process32NextW(snapshot, ctypes.byref(entry))
        finally:
            kernel32.CloseHandle(snapshot)


class MacAccount:
    # <sys/proc_info.h>
    PROC_PIDTASKINFO = 4
    PROC_PIDTBSDINFO = 3

    def __init__(self):
        class TaskInfo(ctypes.Structure):
            _fields_ = [
                ("virtual_size", ctypes.c_uint64),
                ("resident_size", ctypes.c_uint64),
                ("total_user", ctypes.c_uint64),
                ("total_system", ctypes.c_uint64),
                ("threads_user", ctypes.c_uint64),
                ("threads_system", ctypes.c_uint64),
                ("others", ctypes.c_int32 * 12),
            ]

        class Timebase(ctypes.Structure):
            _fields_ = [("numerator", ctypes.c_uint32), ("denominator", ctypes.c_uint32)]

        self._task_info = TaskInfo
        self._libproc = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
        timebase = Timebase()
        ctypes.CDLL("/usr/lib/libSystem.dylib").mach_timebase_info(ctypes.byref(timebase))
        self._ms_per_unit = timebase.numerator / timebase.denominator * 1e-6

    def one(self, pid):
        info = self._task_info()
        size = ctypes.sizeof(info)
        # Less for one that has ended, was not waited for, or is another user's.
        if self._libproc.proc_pidinfo(pid, self.PROC_PIDTASKINFO, ctypes.c_uint64(0), ctypes.byref(info), size) != size:
            return None
        return {
            "cpuMs": (info.total_user + info.total_system) * self._ms_per_unit,
            "rssBytes": info.resident_size,
        }

    def children(self, pid):
        """Ids of the children; proc_listchildpids counts them, into a buffer whose size is in bytes."""
        room = 64
        while True:
            pids = (ctypes.c_int * room)()
            count = self._libproc.proc_listchildpids(pid, pids, ctypes.sizeof(pids))
            if count < room:
                return list(pids[: max(0, count)])
            room *= 4


@functools.cache
def account():
    """This system's; made when it is first asked, so that one without it can do everything else."""
    if sys.platform == "win32":
        return WindowsAccount()
    if sys.platform == "darwin":
        return MacAccount()
    return LinuxAccount()


def sample(pids):
    return [account().one(pid) for pid in pids]


def descendants(pid):
    found, parents = [], [pid]
    children_of = _children()
    while parents:
        for child in children_of(parents.pop()):
            if child != pid and child not in found:
                found.append(child)
                parents.append(child)
    return found


def _children():
    """A function that lists a process's children, all as they were at one moment where the system lists parents."""
    system = account()
    if hasattr(system, "children"):
        return system.children
    by_parent = {}
    for child, parent in system.parents():
        by_parent.setdefault(parent, []).append(child)
    is_child = getattr(system, "is_child", lambda child, parent: True)
    return lambda parent: [child for child in by_parent.get(parent, []) if is_child(child, parent)]
