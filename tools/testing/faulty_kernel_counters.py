"""The account that a run under a client needs of its kernel: counters in a mapped file, and a PID.

As arms/runtime has them. Everything is counted by the one thread that serves shell.
"""

from __future__ import annotations

import os
import sys

from faulty_kernel_server import Frames, Kernel, Message

RUNTIME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "arms", "runtime")


def count_requests(kernel: Kernel, counters_path: str, identity_path: str) -> None:
    sys.path.append(RUNTIME)
    import soak_counters
    import soak_identity

    soak_identity.write_json(f"{identity_path}.pid", os.getpid())
    counters = soak_counters.Counters(counters_path)
    serve, send_shell = kernel.serve, kernel.send_shell

    def serve_counted(request: Message) -> None:
        counters.add(soak_counters.DELIVERED)
        counters.add(soak_counters.BEGUN)
        serve(request)
        counters.add(soak_counters.ENDED)

    def send_shell_counted(request: Message, frames: Frames) -> None:
        send_shell(request, frames)
        counters.add(soak_counters.REPLIES)

    kernel.serve, kernel.send_shell = serve_counted, send_shell_counted
