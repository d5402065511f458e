"""Fork kernels of one arm from a process that has imported ipykernel and the arm.

    python soak_fork.py CONFIG.json

CONFIG.json is what ``soak_kernel`` takes, without ``counters`` and ``identity``. Requests come as lines of
JSON on standard input: ``{"id", "config", "arguments", "cwd", "variables"}``, where ``config`` is the
run's own configuration file. What happens goes out the same way: ``ready`` or ``unsafe`` once,
``forked`` or ``failed`` for each request, ``stderr`` as kernels write, ``exit`` when one has ended.

A kernel is forked from a process with one thread, no ZeroMQ context and no event loop: nothing is
shared with its siblings but pages of memory. It leads a session of its own. When standard input
closes, every kernel that still lives is killed with its group.
"""

import errno
import gc
import json
import os
import selectors
import signal
import sys
import threading

CHUNK = 65_536
# harness/kernel/marked-processes.ts
RUN_VARIABLE = "KERNEL_SOAK_RUN"


def thread_count():
    """Threads of this process, those that Python does not know of included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def unsafe():
    """Why a fork of this process would not be as good as a fresh one; None where it is."""
    if not hasattr(os, "fork"):
        return "this platform has no fork"
    if thread_count() != 1:
        return f"importing ipykernel left {thread_count()} threads running"
    import asyncio

    import zmq

    if zmq.Context._instance is not None:
        return "importing ipykernel made a ZeroMQ context"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "an event loop is running"


def preload(config):
    """Import what every kernel of the arm imports before it is ready."""
    sys.path[0] = config["overlay"]
    import importlib

    for name in (
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "ipykernel.zmqshell",
        "ipykernel.iostream",
        "ipykernel.heartbeat",
        "ipykernel.control",
        "ipykernel.parentpoller",
        "ipykernel.shellchannel",
        "ipykernel.subshell_manager",
        "ipykernel.debugger",
        "IPython.core.history",
        "IPython.core.completer",
        "IPython.core.magics",
        "IPython.extensions.storemagic",
        "comm.base_comm",
        "tornado.platform.asyncio",
        "zmq.eventloop.zmqstream",
        "sqlite3",
    ):
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # another release has other modules


def say(event, **facts):
    # A signal can end a long write before its time.
    rest = (json.dumps({"event": event, **facts}) + "\n").encode()
    while rest:
        rest = rest[os.write(1, rest) :]


class Forked(Exception):
    """Raised in the child, out of everything that is the parent's."""

    def __init__(self, request):
        super().__init__()
        self.request = request


class Launcher:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.kernels = {}  # pid to the reading end of its standard error
        self.wake, wake = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(0, selectors.EVENT_READ, "requests")
        self.selector.register(self.wake, selectors.EVENT_READ, "children")
        self.inherited = [self.wake, wake]

    def serve(self):
        pending = b""
        while True:
            for key, _ in self.selector.select():
                if key.data == "children":
                    self.drain_wake()
                    self.reap()
                elif key.data == "requests":
                    chunk = os.read(0, CHUNK)
                    if not chunk:
                        return
                    *lines, pending = (pending + chunk).split(b"\n")
                    for line in lines:
                        self.fork(json.loads(line))
                elif self.kernels.get(key.data) == key.fileobj:
                    # Else the kernel was reaped a moment ago, and its pipe is closed or, by now, another's.
                    self.forward(key.fileobj, key.data)

    def drain_wake(self):
        try:
            while os.read(self.wake, CHUNK):
                pass
        except BlockingIOError:
            pass

    def fork(self, request):
        reading, writing = os.pipe()
        up, tell = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            for fd in (reading, writing, up, tell):
                os.close(fd)
            say("failed", id=request["id"], reason=errno.errorcode.get(error.errno, str(error)))
            return
        if pid == 0:
            os.setsid()
            os.write(tell, b"+")
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDWR)
            for source, target in ((null, 0), (null, 1), (writing, 2)):
                os.dup2(source, target)
            for fd in (*self.inherited, *self.kernels.values(), reading, writing, up, tell, null):
                os.close(fd)
            self.selector.close()
            raise Forked(request)
        os.close(writing)
        os.close(tell)
        os.read(up, 1)  # from here on it leads a group that can be killed
        os.close(up)
        os.set_blocking(reading, False)
        self.kernels[pid] = reading
        self.selector.register(reading, selectors.EVENT_READ, pid)
        say("forked", id=request["id"], pid=pid)

    def forward(self, fd, pid):
        """Hand on what a kernel wrote. A child of its own may hold the pipe open long after it."""
        try:
            chunk = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self.selector.unregister(fd)
            return False
        say("stderr", pid=pid, text=chunk.decode("utf-8", "replace"))
        return True

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            fd = self.kernels.pop(pid)
            registered = fd in self.selector.get_map()
            while registered and self.forward(fd, pid):
                pass
            if fd in self.selector.get_map():
                self.selector.unregister(fd)
            os.close(fd)
            ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            say("exit", pid=pid, code=None if ended else os.WEXITSTATUS(status), signal=ended)

    def kill_all(self):
        for pid in self.kernels:
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass


def mark(run):
    """Have the environment that Linux shows of this process, and of what it forks, name its run and not its launcher.

    By it the harness finds what a notebook leaves behind. It is the memory that this process was started with, which
    setting a variable does not change.
    """
    if sys.platform != "linux":
        return
    import ctypes

    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    place = getenv(RUN_VARIABLE.encode())
    room = len(os.environ.get(RUN_VARIABLE, "").encode())
    if place and len(run.encode()) <= room:
        ctypes.memmove(place, run.encode().ljust(room, b"\0"), room)


def renew(request):
    """What a fresh process would have of its own."""
    import random
    import tempfile

    mark(request["variables"].get(RUN_VARIABLE, ""))
    os.chdir(request["cwd"])
    os.environ.update(request["variables"])
    tempfile.tempdir = None
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    gc.unfreeze()
    gc.enable()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    # The kernel's own poller ends it when this process has gone; ipykernel reads it when it is imported.
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    import soak_counters  # noqa: F401
    import soak_event_loop  # noqa: F401
    import soak_identity  # noqa: F401
    import soak_kernel
    import soak_marks
    import soak_parent  # noqa: F401
    import soak_probe  # noqa: F401

    soak_marks.collect(config["marks"])
    preload(config)
    reason = unsafe()
    if reason is not None:
        say("unsafe", reason=reason)
        return
    gc.collect()
    gc.freeze()
    gc.disable()
    say("ready")
    launcher = Launcher()
    try:
        launcher.serve()
    except Forked as forked:
        request = forked.request
    else:
        launcher.kill_all()
        return
    del launcher
    renew(request)
    sys.argv = [soak_kernel.__file__, request["config"], *request["arguments"]]
    soak_kernel.main()


if __name__ == "__main__":
    main()
