#!/usr/bin/env bash
# The first message of a xeus kernel has null for its parent header and its metadata.
#
# A person would expect, from jupyter_client's messaging document (both are dicts, and a message without a
# parent has an empty one; the example of iopub_welcome has {} for each): `message["parent_header"].get(...)`
# works for every message.
# What happens: the iopub_welcome of xeus-python has null in both places. jupyter_client hands on None, so that
# the usual look for the parent raises AttributeError, at the first message of the kernel.
# Seen with xeus-python 0.19.0 and jupyter_client 8.10.0 on Linux x86_64, CPython 3.11, on 2026-11-29.
# Why it matters here: a client that sorts messages by parent ends at the start, and the kernel is not at fault.
# The message is taken as it came, and the evidence counts it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile xeus-python==0.19.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 200 env/bin/python - <<'PY'
import queue, subprocess, sys
from jupyter_client import KernelManager

manager = KernelManager(kernel_name="xpython")
manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
client = manager.client()
client.start_channels()
seen, states = {}, []
try:
    client.kernel_info(reply=True, timeout=90)
    try:
        while True:
            message = client.get_iopub_msg(timeout=5)
            states.append(message["msg_type"])
            seen.setdefault(message["msg_type"], (message["parent_header"], message["metadata"]))
    except queue.Empty:
        pass
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print("iopub_welcome has for its parent header and metadata:", seen.get("iopub_welcome"))
print("messages on iopub:", states)
if seen.get("iopub_welcome") != (None, None):
    sys.exit("changed: (None, None) was seen before")
PY
