"""Attacks of faulty_kernel.py on whoever listens, a function a behaviour; it describes each.

Each is given the request unanswered, before its busy status.
"""

from __future__ import annotations

import mmap
from typing import Any

from faulty_kernel_server import DELIMITER, CellFault, Kernel, Message, random_id


def replays(kernel: Kernel, request: Message) -> None:
    kernel.repeat = 2
    kernel.begin(request)
    kernel.finish(request)
    kernel.repeat = 1


def replays_old(kernel: Kernel, request: Message) -> None:
    """Everything that the cell before was answered with, again and again, and nothing for this one."""
    for _ in range(kernel.options.count):
        for frames in kernel.last_cell:
            kernel.send_iopub_frames(frames)
        for frames in kernel.last_replies:
            kernel.shell.send_multipart(frames)


def foreign_session(kernel: Kernel, request: Message) -> None:
    stolen = {**request["header"], "session": random_id()}
    impostor: Message = {**request, "header": stolen}
    kernel.status(impostor, "busy")
    kernel.reply(impostor, kernel.ok(execution_count=-1))
    kernel.status(impostor, "idle")
    kernel.begin(request)
    kernel.finish(request)


def oversized(channel: str) -> CellFault:
    """One frame of N bytes. Of zero pages that nobody has touched: this process needs no memory for it."""

    def fault(kernel: Kernel, request: Message) -> None:
        kernel.begin(request)
        header = kernel.wire.frames("stream", {}, request["header"])[2:5]
        message: list[Any] = [DELIMITER, b"0" * 64, *header, mmap.mmap(-1, kernel.options.count)]
        if channel == "control":
            kernel.control_answer_frames = message  # in the place of the next answer there
        elif channel == "shell":
            kernel.shell.send_multipart([*request["identities"], *message], copy=False)
            kernel.status(request, "idle")
        else:
            kernel.publish_flood([[b"kernel.stream", *message]])
            kernel.finish(request)

    return fault


def many_frames(kernel: Kernel, request: Message) -> None:
    """N messages of 200 MiB each, below any limit of one."""
    kernel.begin(request)
    header = kernel.wire.frames("stream", {}, request["header"])[2:5]
    body = mmap.mmap(-1, 200 * 1024 * 1024)
    message: list[Any] = [b"kernel.stream", DELIMITER, b"0" * 64, *header, body]
    kernel.publish_flood(message for _ in range(kernel.options.count))
    kernel.finish(request)


def wide_json(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    wide = b"[" + b"{}," * kernel.options.count + b"0]"
    data = b'{"data":{"application/json":' + wide + b'},"metadata":{}}'
    kernel.send_iopub(kernel.wire.frames("display_data", data, request["header"]))
    kernel.finish(request)


def absurd_values(kernel: Kernel, request: Message) -> None:
    huge = "\x1b[31m<b>" + "x" * kernel.options.count
    kernel.status(request, huge)
    kernel.publish(huge, {"execution_state": {}}, request["header"])
    kernel.execution_count = 10**300
    kernel.begin(request)
    kernel.publish("execute_input", {"code": huge, "execution_count": -1e308}, request["header"])
    error = {"ename": huge, "evalue": {"__proto__": [huge]}, "traceback": huge}
    kernel.publish("error", error, request["header"])
    kernel.reply(request, {"status": "error", "execution_count": huge, **error})
    kernel.status(request, "idle")


HOSTILE_FAULTS: dict[str, CellFault] = {
    "replays": replays,
    "replays-old": replays_old,
    "foreign-session": foreign_session,
    "oversized-iopub": oversized("iopub"),
    "oversized-shell": oversized("shell"),
    "oversized-control": oversized("control"),
    "many-frames": many_frames,
    "wide-json": wide_json,
    "absurd-values": absurd_values,
}
