"""Job objects of Windows, by which whatever a process starts ends with it.

``taskkill /T`` follows parents: what a process started and left behind escapes it. What is in a job stays in it, and
with JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE everything in a job ends with the last handle of it, also if the process
that has the handle is ended itself.
"""

import ctypes
from ctypes import wintypes

import process_account

PROCESS_TERMINATE = 0x0001
PROCESS_SET_QUOTA = 0x0100
EXTENDED_LIMIT_INFORMATION = 9
KILL_ON_JOB_CLOSE = 0x2000
ENDED_BY_US = 1
# A process that starts others while it is put into its job is followed that often; each round takes what came between.
MAX_ROUNDS = 20


class _Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION, of which only the flags are set."""

    _fields_ = [
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", wintypes.DWORD),
        ("minimum_set", ctypes.c_size_t),
        ("maximum_set", ctypes.c_size_t),
        ("processes", wintypes.DWORD),
        ("affinity", ctypes.c_size_t),
        ("priority", wintypes.DWORD),
        ("scheduling", wintypes.DWORD),
        ("counters", ctypes.c_uint64 * 6),
        ("memory", ctypes.c_size_t * 4),
    ]


_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.OpenProcess.restype = wintypes.HANDLE
_kernel32.CreateJobObjectW.restype = wintypes.HANDLE


def _make_job():
    job = wintypes.HANDLE(_kernel32.CreateJobObjectW(None, None))
    limits = _Limits(flags=KILL_ON_JOB_CLOSE)
    _kernel32.SetInformationJobObject(job, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits))
    return job


def _assign(job, pid):
    """Whether a process is in the job now: not if it has ended, or is in one that this one cannot be nested with."""
    process = _kernel32.OpenProcess(PROCESS_TERMINATE | PROCESS_SET_QUOTA, False, pid)
    if not process:
        return False
    process = wintypes.HANDLE(process)
    try:
        return bool(_kernel32.AssignProcessToJobObject(job, process))
    finally:
        _kernel32.CloseHandle(process)


class JobTree:
    """A process and what it starts. A process that is no longer there makes an empty one."""

    def __init__(self, pid):
        self._jobs = [_make_job()]
        self._assigned = set()
        for _ in range(MAX_ROUNDS):
            # After its parent is in a job, a child is so from its start: what is left are those that were there before.
            new = [each for each in (pid, *process_account.descendants(pid)) if each not in self._assigned]
            if not new:
                break
            for each in new:
                self._take(each)

    def _take(self, pid):
        self._assigned.add(pid)
        if _assign(self._jobs[0], pid):
            return
        # Jobs are nested one in the other, or not at all: one that already is in a job of its own, as the interpreter
        # that a venv's python.exe has started, may need a job of its own here too.
        own = _make_job()
        if _assign(own, pid):
            self._jobs.append(own)
        else:
            _kernel32.CloseHandle(own)

    def end(self):
        """End everything in it, now."""
        for job in self._jobs:
            _kernel32.TerminateJobObject(job, ENDED_BY_US)

    def close(self):
        """Let go of it, which ends what is still in it."""
        for job in self._jobs:
            _kernel32.CloseHandle(job)
        self._jobs = []


def end_process(pid):
    """End one process; none that is there is not an error."""
    process = _kernel32.OpenProcess(PROCESS_TERMINATE, False, pid)
    if process:
        _kernel32.TerminateProcess(wintypes.HANDLE(process), ENDED_BY_US)
        _kernel32.CloseHandle(wintypes.HANDLE(process))
