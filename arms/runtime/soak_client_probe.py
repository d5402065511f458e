"""One look at the client's shell socket, and one re-arm of it, each asked for after the stall only.

A line ``NUMBER look`` or ``NUMBER rearm`` on standard input is answered by the file ``NUMBER.json`` in the
answers' folder. Until a line comes, the thread that waits for it sits in a read and nothing runs.

Reading ``EVENTS`` runs libzmq's command processing and can itself drain an edge, so the look happens
only when the counters show a reply that the kernel has sent and the client has not taken, for longer
than the harness waits before it suspects.
"""

import concurrent.futures
import os
import threading

import soak_identity
import soak_probe


def serve(tracker, folder):
    # A daemon, and on the bare descriptor: a thread in a buffered read would hold up the exit.
    threading.Thread(target=_serve, args=(tracker, folder), name="kernel-soak", daemon=True).start()


def _serve(tracker, folder):
    pending = b""
    while True:
        data = os.read(0, 4096)
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            number, action = line.decode().split()
            soak_identity.write_json(os.path.join(folder, f"{number}.json"), _answer(tracker, action))


def _answer(tracker, action):
    try:
        channel = tracker.shell_channels[-1]
        socket = channel.socket
        loop = socket._current_loop
        threads = soak_probe.thread_stacks()
        # From this thread, before the loop is woken: a select of the descriptor touches nothing.
        readable = soak_probe.readable(socket._fd)
        done = concurrent.futures.Future()

        def on_loop():
            try:
                done.set_result(_ACTIONS[action](socket, loop))
            except Exception as error:  # the look must never end the loop that it looks at
                done.set_exception(error)

        loop.call_soon_threadsafe(on_loop)
        content = done.result(soak_probe.LOOK_TIMEOUT_S)
    except Exception as error:
        return {"status": "error", "ename": type(error).__name__, "evalue": str(error)[:500]}
    return {"status": "ok", "fdReadable": readable, "threads": threads, **content}


def _look(socket, loop):
    import zmq

    receiving = any(not event.future.done() for event in socket._recv_futures)
    registered = _registered(loop, socket._fd)
    # Of the raw socket: the asynchronous one schedules a re-arm when it is asked for EVENTS.
    events = socket._shadow_sock.get(zmq.EVENTS)
    return {
        "fdRegistered": registered,
        "pollin": bool(events & zmq.POLLIN),
        "pollout": bool(events & zmq.POLLOUT),
        "receiving": receiving,
    }


def _registered(loop, fd):
    selector = getattr(loop, "_selector", None)
    # A proactor loop has none: there tornado's thread selects, and its map is not within reach.
    return selector is not None and hasattr(selector, "get_map") and fd in selector.get_map()


def _rearm(socket, _loop):
    socket._schedule_remaining_events()
    return {}


_ACTIONS = {"look": _look, "rearm": _rearm}
