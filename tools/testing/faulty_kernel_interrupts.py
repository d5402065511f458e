"""Cells of faulty_kernel.py that sleep until they are interrupted, and what it can do wrong then: it describes each.

An interrupt is noted by a handler and raises nothing, so that it has an effect in the sleep and nowhere else.
"""

from __future__ import annotations

import signal
import time
from typing import Callable

from faulty_kernel_server import CellFault, Kernel, Message

SLEEP = "sleep:"
SLICE_S = 0.005


def sleep_cell(kernel: Kernel, request: Message, answer: Callable[[Kernel, Message], None]) -> None:
    """Begin, sleep as long as the cell says, and answer: by `answer` if an interrupt ended the sleep."""
    code = request["content"]["code"]
    seconds = float(code[len(SLEEP) :]) if code.startswith(SLEEP) else 0.0
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    kernel.begin(request)
    end = time.monotonic() + seconds
    while not interrupts and time.monotonic() < end:
        # In slices, because `interrupt_main` ends no sleep.
        time.sleep(SLICE_S)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if interrupts:
        answer(kernel, request)
    else:
        kernel.finish(request)


def raise_interrupt(kernel: Kernel, request: Message) -> None:
    kernel.fail(request, "KeyboardInterrupt", "", ["KeyboardInterrupt"])


def when_interrupted(answer: Callable[[Kernel, Message], None]) -> CellFault:
    return lambda kernel, request: sleep_cell(kernel, request, answer)


def lose_reply(kernel: Kernel, request: Message) -> None:
    kernel.status(request, "idle")


def delay_reply(kernel: Kernel, request: Message) -> None:
    time.sleep(kernel.options.delay)
    raise_interrupt(kernel, request)


def pass_on(kernel: Kernel, request: Message) -> None:
    kernel.interrupts_next = True
    kernel.finish(request)


def ignore(kernel: Kernel, request: Message) -> None:
    time.sleep(kernel.options.delay)
    kernel.finish(request)


INTERRUPT_FAULTS: dict[str, CellFault] = {
    "loses-interrupted": when_interrupted(lose_reply),
    "delays-interrupted": when_interrupted(delay_reply),
    "passes-interrupt-on": when_interrupted(pass_on),
    "ignores-interrupt": when_interrupted(ignore),
}
