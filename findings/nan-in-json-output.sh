#!/usr/bin/env bash
# A NaN in a JSON output becomes the text "nan" plus a warning in the cell, or null if orjson is installed.
#
# A person would expect, from jupyter_client's documentation of Session.packer (messages are JSON):
# one of an error, NaN or null, in any environment alike, and no output that the cell did not make.
# What happens: the strict JSON encoder refuses the NaN, so that Session warns and replaces it by the string
# "nan". The warning goes to the cell's own stderr, with a path of the installation in it. With orjson in the
# environment, which Session then uses unasked, the value is null and there is no warning.
# Seen with ipykernel 7.4.0, jupyter_client 8.10.0 and orjson 3.13.0 on Linux x86_64, CPython 3.11, 2026-11-28.
# Why it matters here: two environments that differ in a package that nobody imports differ in their outputs,
# and a comparison with saved outputs finds an additional stream whose text differs between machines.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
cat >look.py <<'PY'
import queue, sys, time
from jupyter_client import KernelManager

def outputs():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        request = client.execute("display({'application/json': {'x': float('nan')}}, raw=True)")
        found, deadline = [], time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                message = client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            content = message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if content.get("execution_state") == "idle":
                return found
            if message["msg_type"] == "display_data":
                found.append(content["data"]["application/json"]["x"])
            if message["msg_type"] == "stream":
                found.append((content["name"], "Message serialization failed" in content["text"]))
        sys.exit("changed: no idle status within 20 s")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

expected = {"without": ["nan", ("stderr", True)], "with": [None]}[sys.argv[1]]
seen = outputs()
print(sys.argv[1], "orjson:", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
HOME=$work timeout 400 env/bin/python look.py without
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile orjson==3.13.0
HOME=$work timeout 400 env/bin/python look.py with
