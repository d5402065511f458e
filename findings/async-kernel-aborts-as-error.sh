#!/usr/bin/env bash
# async-kernel answers an aborted cell with "error", under an exception that no cell raised.
#
# A person would expect, from jupyter_client's messaging document: a cell that is not executed because one
# before it failed is answered with status "aborted".
# What happens: the queued cells are answered "error" with the RuntimeError "Aborting due to prior exception".
# They have busy and idle, but neither execute_input nor an error on iopub.
# Seen with async-kernel 0.23.1 and jupyter_client 8.10.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: under pipelined traffic one failing cell counts as many, each with an exception that
# is not the notebook's. What tells them apart is that execute_input is missing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile async-kernel==0.23.1 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import queue, sys, time
from jupyter_client import KernelManager

manager = KernelManager(kernel_name="async")
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=90)
    sources = {"the failing cell": "import time; time.sleep(2); 1/0", "the queued cell": "2"}
    requests = {client.execute(source): name for name, source in sources.items()}
    replies, published, deadline = {}, {name: [] for name in sources}, time.monotonic() + 60
    idle = lambda: all("idle" in kinds for kinds in published.values())
    while time.monotonic() < deadline and not (len(replies) == 2 and idle()):
        for get in (client.get_shell_msg, client.get_iopub_msg):
            try:
                message = get(timeout=0.2)
            except queue.Empty:
                continue
            name, content = requests.get(message["parent_header"].get("msg_id")), message["content"]
            if name and message["msg_type"] == "execute_reply":
                replies[name] = (content["status"], content.get("ename"), content.get("evalue"))
            elif name:
                published[name].append(content.get("execution_state", message["msg_type"]))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
expected_replies = {
    "the failing cell": ("error", "ZeroDivisionError", "division by zero"),
    "the queued cell": ("error", "RuntimeError", "Aborting due to prior exception"),
}
expected_published = {
    "the failing cell": ["busy", "execute_input", "error", "idle"],
    "the queued cell": ["busy", "idle"],
}
for name in sources:
    print(f"{name}: {replies.get(name)}, published {published[name]}")
if (replies, published) != (expected_replies, expected_published):
    sys.exit(f"changed: {expected_replies} and {expected_published} were seen before")
PY
