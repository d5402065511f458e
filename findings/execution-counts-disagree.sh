#!/usr/bin/env bash
# One execution has two execution counts in ipykernel when the cell is empty or not stored.
#
# A person would expect, from jupyter_client's messaging document (one counter, incremented by each
# stored request): execute_input, execute_result and execute_reply of one request name the same count.
# What happens: with store_history=false, and for an empty cell, execute_input names one more than the
# execute_result and the execute_reply do, and the next stored cell then gets that number again.
# Seen with ipykernel 7.4.0 and IPython 9.18.1 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: who pairs replies and outputs by execution_count pairs the wrong ones. The
# parent's msg_id is the only safe key, and a repeated number does not say that a cell ran twice.
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

    def counts(code, **options):
        """The count in execute_input, execute_result and execute_reply; None where there is none."""
        request, found = client.execute(code, **options), {}
        idle, deadline = False, time.monotonic() + 20
        while time.monotonic() < deadline and not (idle and "execute_reply" in found):
            for get in (client.get_shell_msg, client.get_iopub_msg):
                try:
                    message = get(timeout=0.1)
                except queue.Empty:
                    continue
                if message["parent_header"].get("msg_id") == request:
                    idle |= message["content"].get("execution_state") == "idle"
                    if "execution_count" in message["content"]:
                        found[message["msg_type"]] = message["content"]["execution_count"]
        return [found.get(kind) for kind in ("execute_input", "execute_result", "execute_reply")]

    seen = {
        "stored": counts("1"),
        "not stored": counts("2", store_history=False),
        "empty": counts(""),
        "stored again": counts("3"),
    }
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
expected = {"stored": [1, 1, 1], "not stored": [2, 1, 1], "empty": [2, None, 1], "stored again": [2, 2, 2]}
print("seen (execute_input, execute_result, execute_reply):", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
