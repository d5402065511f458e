"""Where a parked event loop stands, from the loops themselves, as one JSON list on standard output.

    python record_parked_frames.py

Each loop that this Python has runs under tornado's IOLoop in a thread of its own, as ipykernel's shell channel
does, with one descriptor that never becomes readable. Once its thread no longer moves, the stacks are taken with
``soak_probe``, which the kernels have too. Needs tornado; uvloop and winloop are taken where they are installed.
"""

import asyncio
import importlib
import json
import os
import platform
import selectors
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "arms", "runtime"))

THREAD = "Shell channel"
# A loop that is on its way to its wait has moved by then; stacks that are equal that often stand.
EQUAL_LOOKS = 20
LOOK_EVERY_S = 0.005
DEADLINE_S = 20.0


def loops():
    """Name and maker of each loop that can be made here."""
    for name in ("EpollSelector", "KqueueSelector", "DevpollSelector", "PollSelector", "SelectSelector"):
        selector = getattr(selectors, name, None)
        if selector is not None:
            yield name, lambda selector=selector: asyncio.SelectorEventLoop(selector())
    if sys.platform == "win32":
        yield "proactor", asyncio.ProactorEventLoop
    for name in ("uvloop", "winloop"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        yield f"{name} {module.__version__}", module.new_event_loop


def parked_stacks(make_loop):
    """Stacks of the process's threads while the loop waits."""
    import soak_probe
    from tornado.ioloop import IOLoop

    started = threading.Event()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    made = []

    def run():
        loop = make_loop()
        asyncio.set_event_loop(loop)
        io_loop = IOLoop(asyncio_loop=loop, make_current=False)
        io_loop.add_handler(ours, lambda *_: None, IOLoop.READ)
        io_loop.add_callback(started.set)
        made.append(io_loop)
        io_loop.start()
        io_loop.close()

    thread = threading.Thread(target=run, name=THREAD, daemon=True)
    thread.start()
    if not started.wait(DEADLINE_S):
        raise RuntimeError("the loop did not start")
    equal, before, deadline = 0, None, time.monotonic() + DEADLINE_S
    while equal < EQUAL_LOOKS:
        if time.monotonic() > deadline:
            raise RuntimeError("the loop does not come to rest")
        time.sleep(LOOK_EVERY_S)
        stacks = {name: frames for name, frames in soak_probe.thread_stacks().items() if name != "MainThread"}
        equal, before = (equal + 1, stacks) if stacks == before else (0, stacks)
    made[0].add_callback(made[0].stop)
    thread.join(DEADLINE_S)
    ours.close()
    theirs.close()
    return before


def main():
    import tornado

    found = []
    for name, make_loop in loops():
        found.append(
            {
                "loop": name,
                "system": platform.system(),
                "python": platform.python_version(),
                "tornado": tornado.version,
                "threads": parked_stacks(make_loop),
            }
        )
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
