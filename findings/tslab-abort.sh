#!/usr/bin/env bash
# tslab answers cells that it aborts with the status "abort", which the protocol does not have.
#
# A person would expect, from jupyter_client's messaging document (the status of a reply is "ok", "error" or
# "aborted"): a cell that is not executed because one before it failed is answered "aborted".
# What happens: it is answered "abort". A program that asks for "aborted" or for "error" finds neither.
# Seen with tslab 1.0.22 on Linux x86_64, Node 20, jupyter_client 8.10.0, CPython 3.11, on 2026-11-29.
# Why it matters here: taken for executed, such cells make a notebook pass of which most never ran. Here every
# status but "ok" and "error" is `aborted`, and the reason quotes the word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true}' >package.json
timeout 900 npm install --silent --no-audit --no-fund --ignore-scripts tslab@1.0.22 @types/node@20
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile jupyter_client==8.10.0 pyzmq==27.3.0
HOME=$work timeout 200 env/bin/python - <<'PY'
import sys
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

manager = KernelManager()
argv = ["node_modules/.bin/tslab", "kernel", "--config-path", "{connection_file}", "--js"]
manager._kernel_spec = KernelSpec(argv=argv, display_name="tslab", language="javascript")
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=90)
    cells = ["await new Promise((done) => setTimeout(done, 1000)); throw new Error('boom')", "1", "2"]
    requests = [client.execute(cell) for cell in cells]
    statuses = [client._recv_reply(request, timeout=60)["content"]["status"] for request in requests]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
expected = ["error", "abort", "abort"]
print("a failing cell and two behind it:", statuses)
if statuses != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
