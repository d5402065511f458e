"""What faulty_kernel.py does at the chosen cell, a function a behaviour; it describes each.

Each is given the request unanswered, before its busy status.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Callable, Iterator

from faulty_kernel_server import DELIMITER, CellFault, Frames, Kernel, Message, Wire, dumped, random_id


def never_replies(kernel: Kernel, request: Message) -> None:
    pass


def reply_without_idle(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.reply(request, kernel.ok())


def idle_without_reply(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.status(request, "idle")


def late(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    time.sleep(kernel.options.delay)
    kernel.finish(request)


def wrong_parent(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    stranger = {**request["header"], "msg_id": random_id()}
    kernel.send_shell(request, kernel.wire.frames("execute_reply", kernel.ok(), stranger))
    kernel.status(request, "idle")


def wrong_parents(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    stranger = {**request["header"], "msg_id": random_id()}
    kernel.send_shell(request, kernel.wire.frames("execute_reply", kernel.ok(), stranger))
    kernel.status({**request, "header": stranger}, "idle")


def computes_first(kernel: Kernel, request: Message) -> None:
    end = time.monotonic() + kernel.options.delay
    while time.monotonic() < end:
        pass
    kernel.begin(request)
    kernel.finish(request)


def sleeps_first(kernel: Kernel, request: Message) -> None:
    time.sleep(kernel.options.delay)
    kernel.begin(request)
    kernel.finish(request)


def with_signature(changed: Callable[[bytes], bytes]) -> CellFault:
    def fault(kernel: Kernel, request: Message) -> None:
        kernel.begin(request)
        delimiter, signature, *parts = kernel.reply_frames(request, kernel.ok())
        kernel.send_shell(request, [delimiter, changed(signature), *parts])
        kernel.status(request, "idle")

    return fault


def one_digit_off(signature: bytes) -> bytes:
    return signature[:-1] + (b"0" if signature[-1:] != b"0" else b"1")


def replies_twice(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.reply(request, kernel.ok())
    kernel.finish(request)


def cell_error(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    traceback = [
        "\x1b[31m---------------------------------------------------------------------------\x1b[39m",
        "\x1b[31mZeroDivisionError\x1b[39m                         Traceback (most recent call last)",
        "\x1b]0;title set by a traceback\x07\x1b[2J\x1b[1;1H<script>alert(1)</script> | `cell` |",
        "\x1b[31mZeroDivisionError\x1b[39m: division by zero",
    ]
    kernel.fail(request, "ZeroDivisionError", "division by zero", traceback)


def aborted(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    time.sleep(kernel.options.delay)
    kernel.fail(request, "ZeroDivisionError", "division by zero", ["ZeroDivisionError: division by zero"])
    while kernel.shell.poll(0):
        queued = kernel.wire.parsed(kernel.shell.recv_multipart())
        if queued is None:
            continue
        if queued["header"]["msg_type"] != "execute_request":
            kernel.serve(queued)
            continue
        kernel.cells += 1
        kernel.status(queued, "busy")
        kernel.reply(queued, {"status": "aborted"})
        kernel.status(queued, "idle")


def interruptible(work: Callable[[], None]) -> CellFault:
    def fault(kernel: Kernel, request: Message) -> None:
        kernel.begin(request)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            work()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            kernel.fail(request, "KeyboardInterrupt", "", ["KeyboardInterrupt"])

    return fault


def spin() -> None:
    while True:
        pass


def wait_for_ever() -> None:
    # In slices, because on Windows no signal and anywhere no `interrupt_main` ends a wait.
    while True:
        time.sleep(0.25)


def dying(die: Callable[[], None]) -> CellFault:
    def fault(kernel: Kernel, request: Message) -> None:
        kernel.begin(request)
        # The busy status has two threads to cross before it is out.
        time.sleep(kernel.options.delay)
        die()

    return fault


def kill_itself() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def abort_with_message() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:
        pass  # Windows writes no core file
    print("Fatal Python error: Aborted (faulty_kernel: aborts)", file=sys.stderr, flush=True)
    os.abort()


def closes_shell(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.shell.close(linger=0)
    wait_for_ever()


def stream_flood(kernel: Kernel, request: Message) -> Iterator[Frames]:
    """Numbered stream messages. From a template, because the flood should be as fast as it can."""
    header = kernel.wire.header("stream")
    before, after = dumped(header).split(header["msg_id"].encode())
    parent = dumped(request["header"])
    for index in range(kernel.options.count):
        numbered = b"%b%032x%b" % (before, index, after)
        text = b'{"name":"stdout","text":"%d\\n"}' % index
        yield [b"kernel.stream", *kernel.wire.signed([numbered, parent, b"{}", text])]


def floods_iopub(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.publish_flood(stream_flood(kernel, request))
    kernel.finish(request)


def floods_stdout(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    chunk = (b"x" * 1023 + b"\n") * 64
    left = {1: kernel.options.count, 2: kernel.options.count}
    while any(left.values()):
        for descriptor in left:
            if left[descriptor]:
                left[descriptor] -= os.write(descriptor, chunk[: left[descriptor]])
    kernel.finish(request)


def forged(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    idle = {"execution_state": "idle"}
    thief = Wire(b"not the key", kernel.wire.session)
    stranger = Wire(kernel.wire.key, random_id())
    unknown = {**request["header"], "msg_id": random_id(), "session": random_id()}
    for wire, parent in ((thief, request["header"]), (stranger, unknown), (stranger, {})):
        kernel.send_shell(request, wire.frames("execute_reply", kernel.ok(execution_count=-1), parent))
        kernel.send_iopub(wire.frames("stream", {"name": "stdout", "text": "forged"}, parent))
        kernel.send_iopub(wire.frames("status", idle, parent))
    kernel.finish(request)


def deep_json(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    depth = kernel.options.count
    nested = b"[" * depth + b"]" * depth
    data = b'{"data":{"application/json":' + nested + b'},"metadata":{}}'
    kernel.send_iopub(kernel.wire.frames("display_data", data, request["header"]))
    kernel.send_shell(request, kernel.wire.frames("execute_reply", b'{"payload":' + nested + b"}", {}))
    kernel.finish(request)


def huge_frame(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.publish("stream", {"name": "stdout", "text": "x" * kernel.options.count}, request["header"])
    kernel.finish(request)


def invalid_utf8(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    broken = b'{"name":"stdout","text":"\xff\xfe\xc0\x80"}'
    kernel.send_everywhere(request, kernel.wire.frames("stream", broken, request["header"]))
    kernel.send_everywhere(request, kernel.wire.frames("", {}, request["header"], b'{"msg_type":"\xff"}'))
    kernel.finish(request)


def proto_keys(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    polluting = {
        "__proto__": {"polluted": True},
        "constructor": {"prototype": {"polluted": True}},
        "prototype": {"polluted": True},
    }
    bundle = {"data": {"text/plain": "x", **polluting}, "metadata": polluting, "transient": polluting}
    kernel.publish("display_data", {**bundle, **polluting}, request["header"])
    kernel.finish(request, user_expressions=polluting, **polluting)


def wrong_header_type(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    sound = kernel.wire.header("status")
    mistyped = ({**sound, "msg_type": 7}, {**sound, "msg_id": None}, {**sound, "msg_type": ["status"]})
    for header in ([], 7, "header", b"null", True, {}, b"", b"{", *mistyped):
        kernel.send_everywhere(request, kernel.wire.frames("status", {}, request["header"], header))
    for parent in ([], "parent", b"null", {"msg_id": 7}, {"msg_id": {}}):
        kernel.send_everywhere(request, kernel.wire.frames("status", {"execution_state": "idle"}, parent))
    for content in ([], b"null", {"execution_state": {}}):
        kernel.send_everywhere(request, kernel.wire.frames("status", content, request["header"]))
    whole = kernel.reply_frames(request, kernel.ok())
    for few in ([DELIMITER], whole[:2], whole[:4], kernel.wire.signed(whole[2:5]), whole[1:], [b""]):
        kernel.send_everywhere(request, few)
    kernel.finish(request)


CELL_FAULTS: dict[str, CellFault] = {
    "never-replies": never_replies,
    "reply-without-idle": reply_without_idle,
    "idle-without-reply": idle_without_reply,
    "late": late,
    "wrong-parent": wrong_parent,
    "wrong-parents": wrong_parents,
    "computes-first": computes_first,
    "sleeps-first": sleeps_first,
    "bad-signature": with_signature(one_digit_off),
    "unsigned": with_signature(lambda signature: b""),
    "replies-twice": replies_twice,
    "cell-error": cell_error,
    "aborted": aborted,
    "busy-for-ever": interruptible(spin),
    "sleeps-for-ever": interruptible(wait_for_ever),
    "exits": dying(lambda: os._exit(3)),
    "killed": dying(kill_itself),
    "aborts": dying(abort_with_message),
    "closes-shell": closes_shell,
    "floods-iopub": floods_iopub,
    "floods-stdout": floods_stdout,
    "forged": forged,
    "deep-json": deep_json,
    "huge-frame": huge_frame,
    "invalid-utf8": invalid_utf8,
    "proto-keys": proto_keys,
    "wrong-header-type": wrong_header_type,
}
