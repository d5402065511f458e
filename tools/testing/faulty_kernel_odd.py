"""What is odd about some kernels and no fault: faulty_kernel.py describes each.

`ODD_MESSAGES` are ways of writing messages that jupyter_client takes; `ODD_FAULTS` are what kernels do with a cell that
raises and with those behind it, each given the request unanswered, before its busy status.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Callable

from faulty_kernel_server import CellFault, Kernel, Message

Parts = tuple[Any, Any, Any, Any]
OddMessage = Callable[[Message, Any, Any, Any], Parts]


def without(header: Message, *fields: str) -> Message:
    return {field: value for field, value in header.items() if field not in fields}


def odd_header(changed: Callable[[Message], Any]) -> OddMessage:
    return lambda header, parent, metadata, content: (changed(header), parent, metadata, content)


ODD_MESSAGES: dict[str, OddMessage] = {
    "null-metadata": lambda header, parent, metadata, content: (header, parent, None, content),
    "nan-metadata": lambda header, parent, metadata, content: (header, parent, {"cost": float("nan")}, content),
    "null-no-parent": lambda header, parent, metadata, content: (header, parent or None, metadata, content),
    "text-count": lambda header, parent, metadata, content: (
        header,
        parent,
        metadata,
        {key: str(value) if key == "execution_count" else value for key, value in content.items()},
    ),
    "bare-header": odd_header(lambda header: without(header, "date", "session", "username", "version")),
    "zoneless-date": odd_header(lambda header: {**header, "date": header["date"].rstrip("Z")}),
    "number-id": odd_header(lambda header: {**header, "msg_id": int(header["msg_id"], 16) % 10**9}),
    # Not taken by anybody.
    "list-header": odd_header(lambda header: [header]),
}


def fails(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    time.sleep(kernel.options.delay)
    kernel.fail(request, "ZeroDivisionError", "division by zero", ["ZeroDivisionError: division by zero"])


def queued_executes(kernel: Kernel, wait_ms: int) -> list[Message]:
    """The execute requests that have come, or come within so long; others are served."""
    queued = []
    while kernel.shell.poll(wait_ms):
        request = kernel.wire.parsed(kernel.shell.recv_multipart())
        if request is not None and request["header"]["msg_type"] == "execute_request":
            kernel.cells += 1
            queued.append(request)
        elif request is not None:
            kernel.serve(request)
    return queued


def aborts_next(kernel: Kernel, request: Message) -> None:
    fails(kernel, request)
    until = time.monotonic() + kernel.options.delay
    while (left := until - time.monotonic()) > 0:
        if not kernel.shell.poll(int(left * 1000) + 1):
            return
        for queued in queued_executes(kernel, 0):
            kernel.reply(queued, {"status": "abort"})


def infects(kernel: Kernel, request: Message) -> None:
    fails(kernel, request)
    for queued in queued_executes(kernel, 0):
        kernel.begin(queued)
        kernel.fail(queued, "ZeroDivisionError", "division by zero", ["ZeroDivisionError: division by zero"])


def aborts_as_error(kernel: Kernel, request: Message) -> None:
    fails(kernel, request)
    for queued in queued_executes(kernel, 0):
        kernel.status(queued, "busy")
        error = {"ename": "RuntimeError", "evalue": "Aborting due to prior exception", "traceback": []}
        kernel.reply(queued, {"status": "error", "execution_count": kernel.execution_count, **error})
        # The reply may well be there before all that was published.
        time.sleep(0.05)
        kernel.status(queued, "idle")


def nameless_error(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.reply(request, {"status": "error", "execution_count": kernel.execution_count})
    # The reply may well be there before what says why.
    time.sleep(0.05)
    kernel.publish("stream", {"name": "stderr", "text": "Error: boom\n    at <anonymous>"}, request["header"])
    kernel.status(request, "idle")


def published_error(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.reply(request, {"status": "error", "execution_count": kernel.execution_count})
    time.sleep(0.05)
    kernel.publish("error", {"ename": "Boom", "evalue": "it went", "traceback": []}, request["header"])
    kernel.status(request, "idle")


def exits_saying_so(kernel: Kernel, request: Message) -> None:
    import os

    kernel.begin(request)
    print("lua: not enough memory", flush=True)
    time.sleep(kernel.options.delay)
    sys.stdout.flush()
    os._exit(3)


ODD_FAULTS: dict[str, CellFault] = {
    "aborts-next": aborts_next,
    "infects": infects,
    "aborts-as-error": aborts_as_error,
    "nameless-error": nameless_error,
    "published-error": published_error,
    "exits-saying-so": exits_saying_so,
}
