#!/usr/bin/env bash
# A silent execute_request is not silent in ipykernel, and its failure aborts nothing.
#
# A person would expect, from the description of execute_request in jupyter_client's messaging
# document: with silent=true nothing is broadcast on iopub, and with stop_on_error=true (also the
# default) a failure empties the queue.
# What happens: streams, displays and the error are published under the silent request. Only
# execute_input and execute_result are missing. After the failure the queued cell runs as if nothing
# had happened; after the same failure without silent it is aborted.
# Seen with ipykernel 7.4.0 and jupyter_client 8.10.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: a probe that a client sends silently adds output that a lost-output check
# finds under no cell, and a failing silent request must not be taken for a reason why cells are aborted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import queue, sys, time
from jupyter_client import KernelManager

manager = KernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)

    def published(parent, seconds=20):
        """Types published on iopub under one request, until its idle status."""
        types, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                message = client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != parent:
                continue
            if message["msg_type"] != "status":
                types.append(message["msg_type"])
            elif message["content"]["execution_state"] == "idle":
                return types
        sys.exit("changed: no idle status within 20 s")

    def status(request, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                reply = client.get_shell_msg(timeout=1)
            except queue.Empty:
                continue
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]["status"]
        sys.exit("changed: no reply within 20 s")

    def failure_then_queued(silent):
        # The sleep makes sure that the second request is queued when the first one fails.
        first = client.execute("import time; time.sleep(1); 1/0", silent=silent, stop_on_error=True)
        second = client.execute("2")
        return [status(first), status(second)]

    seen = {
        "published": published(client.execute("print('shown')\ndisplay('shown too')\n42", silent=True)),
        "failure, silent": failure_then_queued(True),
        "failure, not silent": failure_then_queued(False),
    }
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
expected = {
    "published": ["stream", "display_data"],
    "failure, silent": ["error", "ok"],
    "failure, not silent": ["error", "aborted"],
}
print("seen:", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
