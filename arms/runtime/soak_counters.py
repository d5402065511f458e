"""Counters in a memory-mapped file that the harness reads, also after a SIGKILL.

File: 8 bytes of magic, then one unsigned 64-bit little-endian integer for each name of
``NAMES``. The order is a contract with harness/model/arm.ts (KERNEL_COUNTERS).
"""

import mmap
import os
import sys
import threading

MAGIC = b"KSOAK\x00\x00\x01"
NAMES = (
    "delivered",
    "begun",
    "ended",
    "replies",
    "callbacks",
    "rearms",
    "flushes",
    "streamSends",
    "missing",
    "mismatched",
)
(
    DELIVERED,
    BEGUN,
    ENDED,
    REPLIES,
    CALLBACKS,
    REARMS,
    FLUSHES,
    STREAM_SENDS,
    MISSING,
    MISMATCHED,
) = range(len(NAMES))

ELSEWHERE = 0
# Inside the call that gives a reply to the shell socket or its stream.
IN_REPLY = 1
# Inside a callback that such a call scheduled. What that callback schedules in its turn is the
# stream's own work and is not counted again.
IN_CALLBACK = 2


def create_file(path, names=NAMES):
    """Make a counter file with every counter at zero, where the harness cannot."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(MAGIC + bytes(8 * len(names)))


class Counters:
    """The mapped counters of one process. Each has a single writing thread, so an increment needs no lock.

    A forked child has the parent's mapping. What it does is not the parent's: a child of ``os.fork`` that
    returns into IPython would finish the cell a second time, and the account would show one more request
    finished than begun. A child therefore counts into memory of its own.
    """

    def __init__(self, path, names=NAMES):
        size = len(MAGIC) + 8 * len(names)
        with open(path, "r+b") as file:
            # On Windows a map that is longer than its file makes the file longer.
            if os.fstat(file.fileno()).st_size != size:
                raise RuntimeError(f"{path} is not a counter file of this runtime: it does not have {size} bytes")
            self._map = mmap.mmap(file.fileno(), size)
        if self._map[: len(MAGIC)] != MAGIC:
            raise RuntimeError(f"{path} is not a counter file of this runtime's version")
        if sys.byteorder != "little":
            raise RuntimeError("the counter file is little-endian, this machine is not")
        self._slots = memoryview(self._map)[len(MAGIC) :].cast("Q")
        self._where = threading.local()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def _leave_to_parent(self):
        self._slots = memoryview(bytearray(self._slots.nbytes)).cast("Q")

    def add(self, index):
        self._slots[index] += 1

    @property
    def place(self):
        """Where this thread is: ``ELSEWHERE``, ``IN_REPLY`` or ``IN_CALLBACK``."""
        return getattr(self._where, "place", ELSEWHERE)

    def call_in(self, place, call, *args, **kwargs):
        before = self.place
        self._where.place = place
        try:
            return call(*args, **kwargs)
        finally:
            self._where.place = before


def instrument_classes(counters, needs_stream):
    """Count dispatches on the main thread and replies on the shell-channel thread."""
    from ipykernel import kernelbase

    dispatch_shell = kernelbase.Kernel.dispatch_shell

    async def dispatch_shell_counted(self, *args, **kwargs):
        # A one-frame message is ipykernel's own "stop aborting" marker, not a request.
        if any(isinstance(arg, list) and len(arg) == 1 for arg in args):
            return await dispatch_shell(self, *args, **kwargs)
        counters.add(BEGUN)
        try:
            return await dispatch_shell(self, *args, **kwargs)
        finally:
            counters.add(ENDED)

    kernelbase.Kernel.dispatch_shell = dispatch_shell_counted

    try:
        from ipykernel.subshell_manager import SubshellManager
    except ImportError:
        # ipykernel 6: no shell-channel thread; replies go through the stream and are counted there.
        return
    send_on_shell_channel = SubshellManager._send_on_shell_channel

    def send_counted(self, msg):
        if needs_stream:
            stream = getattr(self, "_shell_stream", None)
            if stream is None:
                counters.add(MISSING)
            elif stream.socket is not self._shell_socket:
                counters.add(MISMATCHED)
        counters.call_in(IN_REPLY, send_on_shell_channel, self, msg)
        counters.add(REPLIES)

    SubshellManager._send_on_shell_channel = send_counted


def instrument_kernel(kernel, counters):
    """Count deliveries, and what the reply path does to the shell stream and its loop."""
    stream = kernel.shell_stream
    on_recv = stream.on_recv

    def on_recv_counted(callback, copy=True):
        if callback is None:
            return on_recv(callback, copy=copy)

        def deliver(msg):
            counters.add(DELIVERED)
            return callback(msg)

        return on_recv(deliver, copy=copy)

    stream.on_recv = on_recv_counted

    handle_events = stream._handle_events

    def handle_events_counted(fd, events):
        # The loop itself calls with the events it saw; a re-arm calls with none.
        if events == 0 and counters.place != ELSEWHERE:
            counters.add(REARMS)
        return handle_events(fd, events)

    stream._handle_events = handle_events_counted

    flush = stream.flush

    def flush_counted(*args, **kwargs):
        if counters.place != ELSEWHERE:
            counters.add(FLUSHES)
        return flush(*args, **kwargs)

    stream.flush = flush_counted

    send_multipart = stream.send_multipart
    threaded = getattr(kernel, "shell_channel_thread", None) is not None

    def send_multipart_counted(*args, **kwargs):
        counters.add(STREAM_SENDS)
        if not threaded:
            counters.add(REPLIES)
        return send_multipart(*args, **kwargs)

    stream.send_multipart = send_multipart_counted

    loop = stream.io_loop
    add_callback = loop.add_callback

    def add_callback_counted(callback, *args, **kwargs):
        if counters.place != IN_REPLY:
            return add_callback(callback, *args, **kwargs)
        counters.add(CALLBACKS)
        return add_callback(counters.call_in, IN_CALLBACK, callback, *args, **kwargs)

    loop.add_callback = add_callback_counted
