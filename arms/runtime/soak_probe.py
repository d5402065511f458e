"""Three requests on the control channel, for the oracle, each asked for after the fact only.

``soak_stacks_request`` says where each thread stands, and touches nothing else.
``soak_probe_request`` takes one look on the shell-channel loop: is the socket's descriptor
readable, what is ``EVENTS``, is the descriptor registered, where does each thread stand.
``soak_rearm_request`` runs the shell stream's event handler once: the causal proof.

Reading ``EVENTS`` runs libzmq's command processing and can itself drain an edge, so nothing here
runs before it is asked for, and the harness asks only when its counters already show a strand.
"""

import asyncio
import concurrent.futures
import os
import select
import sys
import threading
import traceback

# A parked loop answers in 2 to 4 ms (measured); one that does not answer in this time is not parked.
LOOK_TIMEOUT_S = 2.0
STACK_DEPTH = 4


def register(kernel):
    kernel.control_handlers["soak_stacks_request"] = lambda *request: _reply(kernel, {"status": "ok"}, *request)
    kernel.control_handlers["soak_probe_request"] = lambda *request: _answer(kernel, _look, *request)
    kernel.control_handlers["soak_rearm_request"] = lambda *request: _answer(kernel, _rearm, *request)


def _reply(kernel, content, control_stream, ident, parent):
    content.setdefault("threads", thread_stacks())
    kernel.session.send(
        control_stream, parent["header"]["msg_type"].replace("_request", "_reply"), content, parent, ident
    )


async def _answer(kernel, action, control_stream, ident, parent):
    stacks = thread_stacks()
    stream = kernel.shell_stream
    future = concurrent.futures.Future()

    def on_loop():
        try:
            future.set_result(action(stream))
        except Exception as error:  # the look must never end the loop that it looks at
            future.set_exception(error)

    stream.io_loop.add_callback(on_loop)
    try:
        content = await asyncio.wait_for(asyncio.wrap_future(future), LOOK_TIMEOUT_S)
        content["status"] = "ok"
    except (asyncio.TimeoutError, TimeoutError):
        content = {"status": "error", "ename": "TimeoutError", "evalue": "the shell-channel loop did not answer"}
    except Exception as error:
        content = {"status": "error", "ename": type(error).__name__, "evalue": str(error)}
    content["threads"] = stacks
    _reply(kernel, content, control_stream, ident, parent)


def readable(fd):
    """Whether the descriptor is readable now; harmless from any thread."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(0))
    return bool(select.select([fd], [], [], 0)[0])


def _look(stream):
    import zmq

    fd = stream.socket.getsockopt(zmq.FD)
    is_readable = readable(fd)
    registered = fd in getattr(stream.io_loop, "handlers", {})
    # Last: this is the one observation that can change what it observes.
    events = stream.socket.getsockopt(zmq.EVENTS)
    return {
        "fdReadable": is_readable,
        "fdRegistered": registered,
        "pollin": bool(events & zmq.POLLIN),
        "pollout": bool(events & zmq.POLLOUT),
        "receiving": stream.receiving(),
    }


def _rearm(stream):
    stream._handle_events(stream.socket, 0)
    return {}


def thread_stacks():
    """The innermost frames of each thread, as ``file:line function``, without folders."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = {}
    for ident, frame in sys._current_frames().items():
        frames = traceback.extract_stack(frame)[-STACK_DEPTH:]
        stacks[names.get(ident, str(ident))] = [
            f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in reversed(frames)
        ]
    return stacks
