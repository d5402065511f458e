"""What the steps of ``edge_drain.py`` are taken with: a ROUTER, its peers, and the waits for what they do."""

import select
import time

import zmq

# Something that should happen has until then; on an idle machine each takes less than a millisecond.
DEADLINE_S = 10.0
# Something that should not happen is watched for, for at least so long, and for longer where events
# that should happen were slow.
WATCH_S = 0.25
WATCH_FACTOR = 20

READABLE = "readable"
NOT_READABLE = "not readable"


class Checks:
    """The steps of one part, as they are taken."""

    def __init__(self, name, title):
        self.name = name
        self.title = title
        self.steps = []

    def step(self, what, expected, seen, after_s=None):
        """Record a step; ``after_s``: how long it took until that was seen."""
        self.steps.append(
            {
                "what": what,
                "expected": expected,
                "seen": seen,
                "asExpected": expected == seen,
                "afterMs": None if after_s is None else round(after_s * 1000, 3),
            }
        )

    @property
    def as_expected(self):
        return all(step["asExpected"] for step in self.steps)


class Sockets:
    """A ROUTER, as a kernel's shell socket is, and the DEALERs that talk to it, over loopback TCP."""

    def __init__(self, context_class=zmq.Context):
        self.context = context_class()
        self.router = zmq.Context.shadow(self.context.underlying).socket(zmq.ROUTER)
        self.router.linger = 0
        port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"
        self.descriptor = self.router.FD
        self.peers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for socket in [*self.peers, self.router]:
            socket.close(linger=0)
        self.context.term()

    def peer(self, name):
        peer = self.context.socket(zmq.DEALER)
        peer.linger = 0
        peer.routing_id = name
        peer.connect(self.address)
        self.peers.append(peer)
        return peer

    def is_readable(self, timeout_s=0.0):
        """Whether an event loop would be woken; looks at the descriptor only, never at the socket."""
        return bool(select.select([self.descriptor], [], [], timeout_s)[0])

    def state(self):
        return READABLE if self.is_readable() else NOT_READABLE

    def awaited(self):
        """Wait until the descriptor is readable: what came of it, and after how long."""
        begun = time.monotonic()
        seen = READABLE if self.is_readable(DEADLINE_S) else NOT_READABLE
        took_s = time.monotonic() - begun
        note_duration(took_s)
        return seen, took_s

    def watched(self):
        """Watch for an edge that should not come."""
        begun = time.monotonic()
        readable = self.is_readable(watch_s())
        return (READABLE if readable else NOT_READABLE), time.monotonic() - begun

    def read(self):
        """One message as ``peer: text``, ``nothing`` where there is none."""
        try:
            peer, text = self.router.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return "nothing"
        return f"{peer.decode()}: {text.decode()}"

    def awaited_message(self):
        """Wait for a message, then read until there is nothing more: the messages, and after how long."""
        begun = time.monotonic()
        # Binding and connecting have edges of their own, so that an edge alone is no message yet.
        self.router.poll(int(DEADLINE_S * 1000))
        took_s = time.monotonic() - begun
        note_duration(took_s)
        return self.read_to_empty(), took_s

    def read_to_empty(self):
        messages = []
        while (message := self.read()) != "nothing":
            messages.append(message)
        return ", ".join(messages) or "nothing"

    def reply(self, peer):
        """Send raw on the ROUTER, as ipykernel 7.0 to 7.3 does."""
        self.router.send_multipart([peer, b"reply"])

    def events(self):
        """Read EVENTS, which is a look at the socket and takes an edge with it."""
        return "POLLIN" if self.router.EVENTS & zmq.POLLIN else "no POLLIN"


slowest_s = 0.0


def note_duration(took_s):
    """An event that was awaited took so long on this machine."""
    global slowest_s
    # Not those that never came: their step differs already, and nothing is learnt from the deadline.
    if took_s < DEADLINE_S:
        slowest_s = max(slowest_s, took_s)


def watch_s():
    return max(WATCH_S, WATCH_FACTOR * slowest_s)


def received(peer):
    """What a peer receives, ``nothing`` where nothing comes by the deadline."""
    begun = time.monotonic()
    if not peer.poll(int(DEADLINE_S * 1000)):
        return "nothing", time.monotonic() - begun
    return peer.recv().decode(), time.monotonic() - begun
