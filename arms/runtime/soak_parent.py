"""Give ipykernel's own parent poller what it needs on Windows.

``JPY_PARENT_PID`` is the parent's process id on POSIX, where the harness sets it. On Windows it
is an inheritable handle, which a plain Node process cannot make; the kernel opens one itself.
"""

import os
import sys

SYNCHRONIZE = 0x00100000


def hold_parent_handle(platform=sys.platform, environ=os.environ, open_process=None):
    """Set ``JPY_PARENT_PID`` from ``KERNEL_SOAK_PARENT_PID`` on Windows; do nothing elsewhere."""
    pid = environ.pop("KERNEL_SOAK_PARENT_PID", None)
    if platform != "win32" or pid is None:
        return
    handle = (open_process or _open_process)(int(pid))
    if handle:
        environ["JPY_PARENT_PID"] = str(handle)


def _open_process(pid):
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenProcess.restype = ctypes.c_void_p
    return kernel32.OpenProcess(SYNCHRONIZE, False, pid)
