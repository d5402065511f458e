"""The mechanism of the wedge alone: pyzmq sockets, no kernel, no Jupyter.

A libzmq socket tells that something happened by making its descriptor (``ZMQ_FD``) readable, once
for each change and not for each message: it is edge-triggered. Whoever looks at the socket takes
that edge away, and a send looks too. So a reply sent raw on a ROUTER, past the event loop's stream,
can take the edge of a request that arrived meanwhile: the request stays queued, and nothing wakes
the loop for it.

Each step says what is expected and what was seen. Run it with any Python that has pyzmq (with
tornado for the part about streams): ``python edge_drain.py [--json FILE]``. Exit code 0: every step
as expected; 1: at least one differs; 2: it could not be run.

Nothing here sleeps in the hope that something has happened: what should happen is awaited, with a
deadline, and what should not happen is watched for, for longer than the slowest event that was
awaited took; that the message was there all the while is shown afterwards by reading it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import select
import sys
import time

try:
    import zmq
    import zmq.asyncio
except ImportError as error:
    sys.exit(f"{sys.executable} has no pyzmq that can be used: {error}")
try:
    import tornado
    from tornado.ioloop import IOLoop
    from zmq.eventloop.zmqstream import ZMQStream
except ImportError:
    tornado = None

# Isolated (-I), Python leaves this script's folder out of its path.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from edge_drain_sockets import (  # noqa: E402
    DEADLINE_S,
    NOT_READABLE,
    READABLE,
    Checks,
    Sockets,
    received,
    watch_s,
)

# More turns of a loop than a stream's callbacks take to schedule each other.
LOOP_TURNS = 10

def first_request(checks, sockets, peer):
    """A request arrives and is read to empty: the socket is at rest, and its descriptor tells of what comes."""
    peer.send(b"request 1")
    checks.step("a request arrives and is read", "a: request 1", *sockets.awaited_message())
    checks.step("the descriptor, with nothing more to read", NOT_READABLE, sockets.state())


def second_request(checks, sockets, peer):
    peer.send(b"request 2")
    checks.step("the next request arrives and is left unread", READABLE, *sockets.awaited())


def strand(checks, sockets):
    """Leave ``request 2`` of peer ``a`` stranded; returns that peer."""
    peer = sockets.peer(b"a")
    first_request(checks, sockets, peer)
    second_request(checks, sockets, peer)
    sockets.reply(b"a")
    checks.step("the reply to the first is sent raw on the socket", NOT_READABLE, sockets.state())
    return peer


def part_strand(checks):
    with Sockets() as sockets:
        peer = strand(checks, sockets)
        checks.step("the peer has its reply", "reply", *received(peer))
        checks.step("the descriptor, watched", NOT_READABLE, *sockets.watched())
        checks.step("EVENTS", "POLLIN", sockets.events())
        checks.step("the descriptor still", NOT_READABLE, sockets.state())
        checks.step("read at last: it was there", "a: request 2", sockets.read_to_empty())


def part_no_reply(checks):
    with Sockets() as sockets:
        peer = sockets.peer(b"a")
        first_request(checks, sockets, peer)
        second_request(checks, sockets, peer)
        deadline = time.monotonic() + watch_s()
        seen = READABLE
        while seen == READABLE and time.monotonic() < deadline:
            seen = sockets.state()
            time.sleep(0.005)
        checks.step("no reply is sent; the descriptor, watched", READABLE, seen, watch_s())
        checks.step("the request is read", "a: request 2", sockets.read_to_empty())


def part_events(checks):
    with Sockets() as sockets:
        peer = sockets.peer(b"a")
        first_request(checks, sockets, peer)
        second_request(checks, sockets, peer)
        checks.step("EVENTS is read, and nothing else", "POLLIN", sockets.events())
        checks.step("the descriptor", NOT_READABLE, sockets.state())
        checks.step("the descriptor, watched", NOT_READABLE, *sockets.watched())
        checks.step("read at last: it was there", "a: request 2", sockets.read_to_empty())


def part_same_peer(checks):
    with Sockets() as sockets:
        peer = strand(checks, sockets)
        peer.send(b"request 3")
        checks.step("the same peer sends another; watched", NOT_READABLE, *sockets.watched())
        # One message at a time, as a stream reads: the edge is not owed to the second one either.
        checks.step("one message is read", "a: request 2", sockets.read())
        checks.step("the descriptor, with one more queued", NOT_READABLE, *sockets.watched())
        checks.step("the rest is read", "a: request 3", sockets.read_to_empty())


def part_new_peer(checks):
    with Sockets() as sockets:
        strand(checks, sockets)
        sockets.peer(b"b")
        checks.step("a new peer connects, and sends nothing", READABLE, *sockets.awaited())
        checks.step("the woken reader reads", "a: request 2", sockets.read_to_empty())


def part_other_peer(checks):
    with Sockets() as sockets:
        other = sockets.peer(b"b")
        other.send(b"hello")
        checks.step("the message of another peer is read", "b: hello", *sockets.awaited_message())
        strand(checks, sockets)
        other.send(b"request")
        checks.step("that other peer sends", READABLE, *sockets.awaited())
        messages = sorted(sockets.read_to_empty().split(", "))
        checks.step("the woken reader reads both", "a: request 2, b: request", ", ".join(messages))


def part_leaving_peer(checks):
    with Sockets() as sockets:
        other = sockets.peer(b"b")
        other.send(b"hello")
        checks.step("the message of another peer is read", "b: hello", *sockets.awaited_message())
        strand(checks, sockets)
        other.close(linger=0)
        checks.step("that other peer leaves", READABLE, *sockets.awaited())
        checks.step("the woken reader reads", "a: request 2", sockets.read_to_empty())


def part_read_to_empty(checks):
    with Sockets() as sockets:
        peer = strand(checks, sockets)
        checks.step("the socket is read to empty", "a: request 2", sockets.read_to_empty())
        checks.step("the descriptor at rest", NOT_READABLE, sockets.state())
        peer.send(b"request 3")
        checks.step("the same peer sends another", READABLE, *sockets.awaited())
        checks.step("the woken reader reads", "a: request 3", sockets.read_to_empty())


# What a kernel does with the reply, by arm: given the stream, and the loop.
def reply_raw(stream, _loop):
    stream.socket.send_multipart([b"a", b"reply"])


def reply_sham(stream, loop):
    stream.socket.send_multipart([b"a", b"reply"])
    loop.add_callback(lambda: None)


def reply_rearm(stream, loop):
    stream.socket.send_multipart([b"a", b"reply"])
    loop.add_callback(lambda: stream._handle_events(stream.socket, 0))


def reply_flush(stream, loop):
    stream.socket.send_multipart([b"a", b"reply"])
    loop.add_callback(lambda: stream.flush(zmq.POLLIN))


def reply_through_stream(stream, _loop):
    stream.send_multipart([b"a", b"reply"])


class Inbox:
    """What a stream or a future delivered, and how long to wait for it without blocking the loop."""

    def __init__(self):
        self.messages = []
        self._event = asyncio.Event()

    def put(self, frames):
        self.messages.append(f"{frames[0].decode()}: {frames[1].decode()}" if len(frames) > 1 else frames[0].decode())
        self._event.set()

    async def next(self, timeout_s):
        """The next message or ``nothing``, and after how long."""
        begun = time.monotonic()
        if not self.messages:
            self._event.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._event.wait(), timeout_s)
        return (self.messages.pop(0) if self.messages else "nothing"), time.monotonic() - begun


def part_stream(reply, what, delivered):
    """A ZMQStream over the ROUTER on a tornado loop, as ipykernel has one; ``reply`` is what the arm does."""

    async def play(checks):
        with Sockets() as sockets:
            loop = IOLoop.current()
            inbox = Inbox()
            stream = ZMQStream(sockets.router, loop)
            stream.on_recv(inbox.put)
            peer = sockets.peer(b"a")
            peer.send(b"request 1")
            checks.step("the stream delivers a request to its handler", "a: request 1", *await inbox.next(DEADLINE_S))
            await settled(sockets)
            # From here to the reply the loop has no turn: the request arrives while a reply goes out.
            second_request(checks, sockets, peer)
            reply(stream, loop)
            if delivered:
                checks.step(f"{what}; delivered", "a: request 2", *await inbox.next(DEADLINE_S))
            else:
                checks.step(f"{what}; delivered", "nothing", *await inbox.next(watch_s()))
                stream._handle_events(stream.socket, 0)
                checks.step("the handler of the stream is run once; delivered", "a: request 2", *await inbox.next(DEADLINE_S))
            checks.step("the peer has its reply", "reply", *await asyncio.to_thread(received, peer))
            stream.on_recv(None)
            loop.remove_handler(stream.socket)

    return lambda checks: run_on_loop(play(checks))


async def settled(sockets):
    """
    Let the loop turn until the descriptor is at rest and no look that the stream scheduled is left:
    it looks again after each message.
    """
    for _ in range(LOOP_TURNS):
        await asyncio.sleep(0)
    deadline = time.monotonic() + DEADLINE_S
    while sockets.is_readable() and time.monotonic() < deadline:
        await asyncio.sleep(0.001)


def part_client(checks):
    """The twin in a client: zmq.asyncio, whose socket jupyter_client sends on through a raw shadow."""

    async def play():
        with Sockets(zmq.asyncio.Context) as sockets:
            peer = sockets.peer(b"a")
            raw = zmq.Socket.shadow(peer.underlying)
            descriptor = peer.FD
            raw.send(b"request 1")
            checks.step("its request arrives and is read", "a: request 1", *sockets.awaited_message())
            waiting = asyncio.ensure_future(peer.recv_multipart())
            await asyncio.sleep(0)
            while select.select([descriptor], [], [], 0)[0]:
                await asyncio.sleep(0.001)
            checks.step("the client waits for its reply", "pending", future_state(waiting))
            sockets.reply(b"a")
            arrived = bool(select.select([descriptor], [], [], DEADLINE_S)[0])
            checks.step("the reply arrives", READABLE, READABLE if arrived else NOT_READABLE)
            sends = sends_until_taken(raw, descriptor)
            checks.step("the client sends raw on the same socket", NOT_READABLE, *sends)
            begun = time.monotonic()
            await asyncio.wait({waiting}, timeout=watch_s())
            checks.step("the pending receive, watched", "pending", future_state(waiting), time.monotonic() - begun)
            peer._schedule_remaining_events()
            begun = time.monotonic()
            await asyncio.wait({waiting}, timeout=DEADLINE_S)
            checks.step("the socket is re-armed", "reply", future_state(waiting), time.monotonic() - begun)
            waiting.cancel()

    run_on_loop(play())


def sends_until_taken(raw, descriptor):
    """
    Send until the descriptor is no longer readable: what came of it, and after how long.

    One send is not always enough: libzmq looks for events in a send only if 3,000,000 ticks of the
    processor's clock, about a millisecond, have passed since the last send that looked.
    """
    begun = time.monotonic()
    while True:
        raw.send(b"request 2")
        took_s = time.monotonic() - begun
        if not select.select([descriptor], [], [], 0)[0]:
            return NOT_READABLE, took_s
        if took_s > DEADLINE_S:
            return READABLE, took_s
        time.sleep(0.001)


def future_state(future):
    return future.result()[0].decode() if future.done() else "pending"


def run_on_loop(coroutine):
    # A selector loop everywhere: that is what ipykernel's shell channel has, also on Windows.
    loop = asyncio.SelectorEventLoop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(coroutine)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


SOCKET_PARTS = (
    ("strand", "A raw reply takes the edge of a request that arrived meanwhile", part_strand),
    ("no-reply", "Without the reply the edge stays: it is the send that takes it", part_no_reply),
    ("events", "A look at EVENTS takes the edge too", part_events),
    ("same-peer", "Another message of the same peer does not bring the edge back", part_same_peer),
    ("new-peer", "A new peer brings it back by connecting", part_new_peer),
    ("other-peer", "So does a message of another peer", part_other_peer),
    ("leaving-peer", "So does another peer that leaves", part_leaving_peer),
    ("read-to-empty", "Once read to empty, the same peer's next message has its edge again", part_read_to_empty),
)
STREAM_PARTS = (
    ("stream-raw", "control: the reply is sent raw on the stream's socket", reply_raw, "the reply is sent raw", False),
    ("stream-sham", "sham: the same, and a callback that does nothing", reply_sham, "sent raw, then a callback", False),
    ("stream-rearm", "fix: the same, and the callback is the re-arm", reply_rearm, "sent raw, then the re-arm", True),
    ("stream-flush", "flush: the same, and the callback is stream.flush", reply_flush, "sent raw, then the flush", True),
    ("stream-send", "stream: the reply is sent through the stream", reply_through_stream, "sent through the stream", True),
)
CLIENT_PART = ("client", "The twin in a client: an async receive waits, a raw send takes its edge", part_client)


def parts():
    yield from SOCKET_PARTS
    if tornado is not None:
        for name, title, reply, what, delivered in STREAM_PARTS:
            yield name, title, part_stream(reply, what, delivered)
    yield CLIENT_PART


def print_part(checks):
    print(f"\n{checks.title}")
    for step in checks.steps:
        mark = "ok     " if step["asExpected"] else "DIFFERS"
        after = "" if step["afterMs"] is None else f" ({step['afterMs']:.2f} ms)"
        print(f"  {mark}  {step['what']:<48}  {step['expected']:<24}  {step['seen']}{after}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the steps to a file as well")
    options = parser.parse_args()
    versions = {
        "pyzmq": zmq.pyzmq_version(),
        "libzmq": zmq.zmq_version(),
        "tornado": None if tornado is None else tornado.version,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
    }
    print(", ".join(f"{name} {value}" if name not in ("python", "platform") else value for name, value in versions.items() if value))
    print(f"\n           {'what is done':<48}  {'expected':<24}  seen")
    results = []
    for name, title, play in parts():
        checks = Checks(name, title)
        play(checks)
        results.append(checks)
        print_part(checks)
    steps = sum(len(checks.steps) for checks in results)
    differing = sum(not step["asExpected"] for checks in results for step in checks.steps)
    if tornado is None:
        print("\nNo tornado here: the parts about streams were left out.")
    print(f"\n{steps - differing} of {steps} steps as expected.")
    if options.json:
        document = {
            **versions,
            "asExpected": differing == 0,
            "parts": [
                {"name": checks.name, "title": checks.title, "asExpected": checks.as_expected, "steps": checks.steps}
                for checks in results
            ],
        }
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
