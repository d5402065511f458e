"""The wire format, sockets and threads of faulty_kernel.py, which describes it."""

from __future__ import annotations

import _thread
import argparse
import hmac
import json
import os
import select
import socket
import sys
import threading
import time
from typing import Any, Callable, Iterable, NoReturn, Optional

import zmq

DELIMITER = b"<IDS|MSG>"
# A subscriber that reads nothing for this long is taken for gone: the kernel must not block for ever.
STALLED_SUBSCRIBER_S = 5.0
# To the iopub thread: publish `Kernel.flood`. Message by message through the inlet, the two
# threads would spend most of their time handing each other the interpreter's lock.
FLOOD = b"flood"
LANGUAGE = {"name": "python", "version": "3", "mimetype": "text/x-python", "file_extension": ".py"}

COMPACT_JSON = json.JSONEncoder(separators=(",", ":"))

Message = dict[str, Any]
Frames = list[bytes]
CellFault = Callable[["Kernel", Message], None]


def random_id() -> str:
    return os.urandom(16).hex()


def private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def replace(new: str, old: str) -> None:
    """As ``os.replace``. Windows refuses that for as long as somebody reads the old file."""
    due = time.monotonic() + 5
    while True:
        try:
            return os.replace(new, old)
        except PermissionError:
            if time.monotonic() > due:
                raise
            time.sleep(0.005)


def dumped(value: Any) -> bytes:
    return COMPACT_JSON.encode(value).encode()


class Wire:
    """Messages to frames and back, for one key and session."""

    def __init__(self, key: bytes, session: str) -> None:
        self.key = key
        self.session = session
        # Rewrites the four parts of each message; None: they are as the protocol has them.
        self.odd: Optional[Callable[[Message, Any, Any, Any], tuple[Any, Any, Any, Any]]] = None

    def header(self, msg_type: str) -> Message:
        now = time.time()
        date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
        return {
            "msg_id": random_id(),
            "session": self.session,
            "username": "kernel",
            "date": date,
            "msg_type": msg_type,
            "version": "5.5",
        }

    def signed(self, parts: Frames) -> Frames:
        signature = hmac.digest(self.key, b"".join(parts), "sha256").hex() if self.key else ""
        return [DELIMITER, signature.encode(), *parts]

    def frames(self, msg_type: str, content: Any, parent: Any, header: Any = None) -> Frames:
        parts = (self.header(msg_type) if header is None else header, parent, {}, content)
        if self.odd is not None:
            parts = self.odd(*parts)
        return self.signed([part if isinstance(part, bytes) else dumped(part) for part in parts])

    def parsed(self, frames: Frames) -> Message | None:
        """The message, with its peer's `identities`; None, with a line on stderr, if it is not sound."""
        try:
            at = frames.index(DELIMITER)
            signature, parts = frames[at + 1], frames[at + 2 : at + 6]
            if self.key and not hmac.compare_digest(self.signed(parts)[1], signature):
                raise ValueError("bad signature")
            header, parent, metadata, content = (json.loads(part) for part in parts)
            header["msg_type"], header["msg_id"]
        except (ValueError, IndexError, KeyError, TypeError) as error:
            print(f"faulty_kernel: message dropped: {error!r}", file=sys.stderr, flush=True)
            return None
        return {"identities": frames[:at], "header": header, "content": content}


class Kernel:
    """Sockets and threads. The main thread serves shell; control, heartbeat and iopub have one each."""

    def __init__(self, options: argparse.Namespace, fault: Optional[CellFault]) -> None:
        """`fault` serves cell `options.at`, and is given it unanswered, before its busy status."""
        self.options = options
        self.fault = fault
        with open(options.connection_file, encoding="utf-8") as file:
            self.connection: Message = json.load(file)
        self.wire = Wire(self.connection.get("key", "").encode(), random_id())
        self.context = zmq.Context()
        # Of its own, so that `term` can wait for the last control reply to leave before the process ends.
        self.control_context = zmq.Context()
        self.cells = 0
        self.execution_count = 0
        self.stranded = False
        self.flood: Iterable[Frames] = ()
        # How often each message is sent, what the last cell was answered with, and an answer put in another's place.
        self.repeat = 1
        self.last_cell: list[Frames] = []
        self.last_replies: list[Frames] = []
        self.control_answer_frames: Optional[list[Any]] = None
        self.flood_done = threading.Event()
        # What a cell writes is changed so while this is set; texts that the next cell writes first.
        self.output_fault: Optional[Callable[[list[str]], list[str]]] = None
        self.held_outputs: list[str] = []
        self.leaked = bytearray()
        # Serves a cell that sleeps; whether the next cell is to be answered with the error of an interrupt.
        self.serve_sleep: Optional[CellFault] = None
        self.interrupts_next = False
        self.wake_reader, self.wake_writer = socket.socketpair()

    # Start

    def bind(self) -> None:
        ports_wanted = 0 in self.connection.values()
        self.shell = self.bound("shell", self.context, zmq.ROUTER)
        self.stdin = self.bound("stdin", self.context, zmq.ROUTER)
        self.control = self.bound("control", self.control_context, zmq.ROUTER)
        self.heartbeat = self.bound("hb", self.context, zmq.REP)
        self.iopub = self.bound("iopub", self.context, zmq.XPUB)
        self.iopub.setsockopt(zmq.XPUB_NODROP, 1)
        self.iopub_inlet = self.context.socket(zmq.PULL)
        self.iopub_inlet.bind("inproc://iopub")
        self.outlet = self.iopub_outlet()
        if ports_wanted:
            path = self.options.connection_file
            with open(f"{path}.{os.getpid()}", "w", encoding="utf-8", opener=private_opener) as file:
                json.dump(self.connection, file)
            replace(file.name, path)

    def occupy_shell_port(self) -> None:
        """Take the shell port with another socket, so that `bind` finds it taken."""
        self.occupier = self.bound("shell", self.context, zmq.ROUTER)

    def bound(self, channel: str, context: zmq.Context, kind: int) -> zmq.Socket:
        sock = context.socket(kind)
        sock.linger = 1000
        if kind == zmq.ROUTER:
            sock.router_handover = 1
        transport, ip = self.connection.get("transport", "tcp"), self.connection["ip"]
        port = self.connection[f"{channel}_port"]
        colon = ":" if transport == "tcp" else "-"
        sock.bind(f"{transport}://{ip}{colon}{port}")
        if port == 0:
            self.connection[f"{channel}_port"] = int(sock.last_endpoint.rsplit(b":", 1)[1])
        return sock

    def iopub_outlet(self) -> zmq.Socket:
        """A way to iopub for the calling thread: sockets must not be shared between threads."""
        outlet = self.context.socket(zmq.PUSH)
        outlet.connect("inproc://iopub")
        return outlet

    def run(self) -> NoReturn:
        for serve in (self.serve_iopub, self.serve_heartbeat, self.serve_control):
            threading.Thread(target=serve, daemon=True).start()
        self.serve_shell()

    # Heartbeat and iopub threads

    def serve_heartbeat(self) -> NoReturn:
        while True:
            self.heartbeat.send(self.heartbeat.recv())

    def serve_iopub(self) -> NoReturn:
        # A real kernel is bound long before it has started, so that a front end hears of its start.
        says_starting = self.options.control_status
        poller = zmq.Poller()
        poller.register(self.iopub, zmq.POLLIN)
        poller.register(self.iopub_inlet, zmq.POLLIN)
        while True:
            for source, _ in poller.poll():
                if source is self.iopub_inlet:
                    frames = source.recv_multipart()
                    for message in self.flood if frames == [FLOOD] else (frames,):
                        self.deliver(message)
                    if frames == [FLOOD]:
                        self.flood_done.set()
                    continue
                event = source.recv()
                if event[:1] != b"\x01":
                    continue
                if self.options.welcome:
                    topic = event[1:]
                    welcome = self.wire.frames("iopub_welcome", {"subscription": topic.decode()}, {})
                    self.deliver([topic, *welcome] if topic else welcome)
                if says_starting:
                    says_starting = False
                    self.deliver(self.published("status", {"execution_state": "starting"}, {}))

    def deliver(self, frames: Frames) -> None:
        deadline = time.monotonic() + STALLED_SUBSCRIBER_S
        # What is no bytes is mapped memory of whatever size; to hand on small frames as they are costs more.
        copy = isinstance(frames[-1], bytes)
        while True:
            try:
                return self.iopub.send_multipart(frames, zmq.NOBLOCK, copy=copy)
            except zmq.Again:
                # XPUB reports POLLOUT always, so there is nothing to wait on but time.
                time.sleep(0.001)
            if time.monotonic() > deadline:
                self.iopub.setsockopt(zmq.XPUB_NODROP, 0)

    def publish(self, msg_type: str, content: Any, parent: Any, outlet: zmq.Socket | None = None) -> None:
        frames = self.published(msg_type, content, parent)
        if outlet is not None:
            outlet.send_multipart(frames)
            return
        self.last_cell.append(frames)
        for _ in range(self.repeat):
            self.send_iopub_frames(frames)

    def published(self, msg_type: str, content: Any, parent: Any) -> Frames:
        topic = f"kernel.{self.wire.session}.{msg_type}".encode()
        return [topic, *self.wire.frames(msg_type, content, parent)]

    def publish_flood(self, messages: Iterable[Frames]) -> None:
        self.flood = messages
        self.flood_done.clear()
        self.outlet.send(FLOOD)
        self.flood_done.wait()

    # Control thread

    def serve_control(self) -> NoReturn:
        outlet = self.iopub_outlet()
        while True:
            request = self.wire.parsed(self.control.recv_multipart())
            if request is None or not self.options.answers_control:
                continue
            header = request["header"]
            content = self.control_answer(header["msg_type"], request["content"])
            if self.options.control_status:
                self.publish("status", {"execution_state": "busy"}, header, outlet)
            reply_type = header["msg_type"].replace("_request", "_reply")
            reply = self.control_answer_frames or self.wire.frames(reply_type, content, header)
            self.control.send_multipart([*request["identities"], *reply], copy=False)
            if self.options.control_status:
                self.publish("status", {"execution_state": "idle"}, header, outlet)
            if reply_type == "shutdown_reply":
                self.control.close()
                self.control_context.term()
                os._exit(0)

    def control_answer(self, msg_type: str, content: Any) -> Message:
        if msg_type == "interrupt_request":
            _thread.interrupt_main()
        if msg_type == "shutdown_request":
            return {"status": "ok", "restart": content.get("restart", False)}
        if msg_type == "soak_rearm_request":
            was_stranded = self.stranded
            self.wake_writer.send(b"x")
            return {"status": "ok", "stranded": was_stranded}
        return self.plain_answer(msg_type)

    # Shell, on the main thread

    def serve_shell(self) -> NoReturn:
        poller = zmq.Poller()
        poller.register(self.shell, zmq.POLLIN)
        poller.register(self.stdin, zmq.POLLIN)
        strand_due = self.options.behaviour == "strands"
        while True:
            if strand_due and self.cells == self.options.at - 1:
                strand_due = False
                self.strand()
            for source, _ in poller.poll():
                request = self.wire.parsed(source.recv_multipart())
                if request is not None and source is self.shell:
                    self.serve(request)

    def strand(self) -> None:
        """Leave the next request unread, as a ZMQStream does whose read edge an out-of-band send has drained.

        Reading EVENTS drains the edge. From then on the same peer's messages make no new one, because its
        pipe never became empty; a new peer's connection does.
        """
        sources = [self.shell.fd, self.wake_reader]
        while not self.shell.events & zmq.POLLIN:
            if self.wake_reader in select.select(sources, [], [])[0]:
                self.wake_reader.recv(64)
        self.stranded = True
        if self.wake_reader in select.select(sources, [], [])[0]:
            self.wake_reader.recv(64)
        self.stranded = False

    def serve(self, request: Message) -> None:
        msg_type = request["header"]["msg_type"]
        if msg_type == "execute_request":
            self.cells += 1
            if self.fault is not None and self.cells == self.options.at:
                self.fault(self, request)
            else:
                self.last_cell, self.last_replies = [], []
                self.serve_cell(request)
            return
        self.status(request, "busy")
        if msg_type.endswith("_request"):
            self.reply(request, self.plain_answer(msg_type))
        self.status(request, "idle")

    def serve_cell(self, request: Message) -> None:
        if self.interrupts_next:
            self.interrupts_next = False
            self.begin(request)
            self.fail(request, "KeyboardInterrupt", "", ["KeyboardInterrupt"])
        elif self.serve_sleep is not None and request["content"].get("code", "").startswith("sleep:"):
            self.serve_sleep(self, request)
        else:
            self.begin(request)
            self.finish(request)

    def plain_answer(self, msg_type: str) -> Message:
        if msg_type == "kernel_info_request":
            return {
                "status": "ok",
                "protocol_version": "5.5" if self.options.welcome else "5.3",
                "implementation": "faulty_kernel",
                "implementation_version": "1",
                "language_info": self.language_info(),
                "banner": f"faulty_kernel: {self.options.behaviour}",
                "help_links": [],
                "supported_features": [],
                **self.demand_of_client(),
            }
        more: dict[str, Message] = {
            "comm_info_request": {"comms": {}},
            "complete_request": {"matches": [], "cursor_start": 0, "cursor_end": 0, "metadata": {}},
            "history_request": {"history": []},
            "inspect_request": {"found": False, "data": {}, "metadata": {}},
        }
        return {"status": "complete" if msg_type == "is_complete_request" else "ok", **more.get(msg_type, {})}

    def demand_of_client(self) -> Message:
        return {"stall_at": self.options.at} if self.options.behaviour == "stalls-client" else {}

    def language_info(self) -> Message:
        if self.options.behaviour != "absurd-values":
            return LANGUAGE
        return {**LANGUAGE, "version": "3" * self.options.count, "__proto__": {"polluted": True}}

    def status(self, request: Message, state: str) -> None:
        self.publish("status", {"execution_state": state}, request["header"])

    def begin(self, request: Message) -> None:
        """Everything that comes before a cell's work: busy, the count, execute_input and stream output."""
        self.status(request, "busy")
        content = request["content"]
        code = content.get("code", "")
        if not content.get("silent", False):
            self.execution_count += 1
            echo = {"code": code, "execution_count": self.execution_count}
            self.publish("execute_input", echo, request["header"])
        for text in self.outputs_of(code):
            self.publish("stream", {"name": "stdout", "text": text}, request["header"])

    def outputs_of(self, code: str) -> list[str]:
        """What the cell in turn writes, after what was held back from an earlier one."""
        own = [code[len("print:") :]] if code.startswith("print:") else []
        if self.output_fault is not None:
            return self.output_fault(own)
        held, self.held_outputs = self.held_outputs, []
        return held + own

    def finish(self, request: Message, **more: Any) -> None:
        self.reply(request, self.ok(**more))
        self.status(request, "idle")

    def ok(self, **more: Any) -> Message:
        return {
            "status": "ok",
            "execution_count": self.execution_count,
            "user_expressions": {},
            "payload": [],
            **more,
        }

    def reply_frames(self, request: Message, content: Message) -> Frames:
        header = request["header"]
        return self.wire.frames(header["msg_type"].replace("_request", "_reply"), content, header)

    def reply(self, request: Message, content: Message) -> None:
        self.send_shell(request, self.reply_frames(request, content))

    def send_shell(self, request: Message, frames: Frames) -> None:
        whole = [*request["identities"], *frames]
        self.last_replies.append(whole)
        for _ in range(self.repeat):
            self.shell.send_multipart(whole)

    def send_iopub_frames(self, frames: Frames) -> None:
        self.outlet.send_multipart(frames)

    def send_iopub(self, frames: Frames) -> None:
        self.outlet.send_multipart([b"kernel.hostile", *frames])

    def send_everywhere(self, request: Message, frames: Frames) -> None:
        self.send_shell(request, frames)
        self.send_iopub(frames)

    def fail(self, request: Message, ename: str, evalue: str, traceback: list[str]) -> None:
        error = {"ename": ename, "evalue": evalue, "traceback": traceback}
        self.publish("error", error, request["header"])
        self.reply(request, {"status": "error", "execution_count": self.execution_count, **error})
        self.status(request, "idle")
