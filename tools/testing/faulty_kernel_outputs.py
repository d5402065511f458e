"""What faulty_kernel.py does to a cell's output, and to memory: it describes each.

Each is given the request unanswered, before its busy status.
"""

from __future__ import annotations

import time
from typing import Callable

from faulty_kernel_server import CellFault, Kernel, Message

Texts = list[str]
# Memory that was never written to is not resident: a byte in each page is.
PAGE_BYTES = 4096


def with_outputs(changed: Callable[[Kernel, Texts], Texts]) -> CellFault:
    def fault(kernel: Kernel, request: Message) -> None:
        kernel.output_fault = lambda texts: changed(kernel, texts)
        kernel.begin(request)
        kernel.output_fault = None
        kernel.finish(request)

    return fault


def held_back(kernel: Kernel, texts: Texts) -> Texts:
    kernel.held_outputs = texts
    return []


def leaks(kernel: Kernel, request: Message) -> None:
    kernel.begin(request)
    kernel.leaked = bytearray(kernel.options.count)
    for at in range(0, kernel.options.count, PAGE_BYTES):
        kernel.leaked[at] = 1
    time.sleep(kernel.options.delay)
    kernel.finish(request)


OUTPUT_FAULTS: dict[str, CellFault] = {
    "drops-output": with_outputs(lambda kernel, texts: []),
    "doubles-output": with_outputs(lambda kernel, texts: texts + texts),
    "moves-output": with_outputs(held_back),
    "cuts-output": with_outputs(lambda kernel, texts: [text[: len(text) // 2] for text in texts]),
    "leaks": leaks,
}
