#!/usr/bin/env bash
# An interrupt that strikes just before or just after the code of a cell costs the cell its reply.
#
# A person would expect, from jupyter_client's messaging.rst: every request has exactly one reply, and the
# reply to a cell that was interrupted has the status "error".
# What happens: the kernel publishes idle for the cell and never sends its execute_reply. The next cell is
# answered. A client that waits for the reply waits for ever, or until its own time-out.
# Why: Kernel.dispatch_shell has SIGINT raise KeyboardInterrupt for as long as the handler of a request runs,
# from before execute_input is published until after the reply was sent. IPython answers for what it raises
# in the code of the cell. What it raises beside that code ends the handler, and dispatch_shell logs
# "KeyboardInterrupt caught in kernel." and goes on to idle. The arm `interrupt-fix` lets SIGINT raise in
# do_execute alone, and answers for what it raises there.
# Seen with ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-29; 7.3.0 does the same.
# Why it matters here: idle without a reply is `lost-reply`, which would else be the client's or the wire's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 600 env/bin/python - <<'PY'
import queue, random, sys, time
from jupyter_client import KernelManager

CELL = "sum(number * number for number in range(20_000))"
SECONDS = 3
draw = random.Random(1).uniform
manager = KernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()


def answers(cell, wanted):
    """Which of idle and the reply came for a cell, waiting for those wanted."""
    seen = set()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not wanted <= seen:
        for get in (client.get_shell_msg, client.get_iopub_msg):
            try:
                message = get(timeout=0.01)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") == cell:
                seen.add(message["content"].get("execution_state", message["msg_type"]))
    return seen & {"idle", "execute_reply"}


lost = 0
sent = 0
try:
    client.wait_for_ready(timeout=60)
    both = {"idle", "execute_reply"}
    while sent < 400 and lost < 3:
        cell = client.execute(CELL, stop_on_error=False)
        time.sleep(draw(0, 0.01))
        manager.interrupt_kernel()
        sent += 1
        if answers(cell, both) == {"idle"}:
            if answers(client.execute("1"), both) != both:
                sys.exit("changed: the next cell was not answered either")
            lost += 1
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(f"{sent} interrupts, {lost} cells idle without a reply, and the next cell was answered each time")
if lost == 0:
    sys.exit("changed: every interrupted cell had its reply")
PY
