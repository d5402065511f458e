#!/usr/bin/env bash
# A second client of one KernelManager makes the first one deaf and mute.
#
# A person would expect, from jupyter_client's API documentation (KernelManager.client() creates a client
# that is configured to connect to the kernel): each call gives a client of its own, as the messaging
# document allows many front ends on one kernel.
# What happens: both clients have the same session id, which is also the identity of their shell sockets, and
# the kernel's ROUTER hands an identity over to its latest peer. Once the second client has connected, no
# request of the first reaches the kernel any more: no reply, no busy, nothing. Its iopub goes on, so that it
# sees all that the second one does. Two clients made from the connection file are independent.
# Seen with jupyter_client 8.10.0 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28. If the
# request is sent just before the second client connects, it is executed, and the second gets the reply.
# Why it matters here: to the first client this is a wedged kernel, idle and with a request that was never
# begun, and the watcher's own second client made it. A watcher beside a client needs a session of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import queue, sys, time
from jupyter_client import BlockingKernelClient, KernelManager

def from_file():
    client = BlockingKernelClient()
    client.load_connection_file(manager.connection_file)
    return client

def answers(make):
    """What two clients receive on each client's request: kinds of message by client that sent it."""
    clients = {"first": make(), "second": make()}
    for client in clients.values():
        client.start_channels()
        client.wait_for_ready(timeout=90)
    received = {}
    for sender, client in clients.items():
        request, kinds, deadline = client.execute("1"), set(), time.monotonic() + 10
        while time.monotonic() < deadline and not {"execute_reply", "idle"} <= kinds:
            for get in (client.get_shell_msg, client.get_iopub_msg):
                try:
                    message = get(timeout=0.2)
                except queue.Empty:
                    continue
                if message["parent_header"].get("msg_id") == request:
                    kinds.add(message["content"].get("execution_state", message["msg_type"]))
        received[sender] = "answered" if {"execute_reply", "idle"} <= kinds else sorted(kinds)
    for client in clients.values():
        client.stop_channels()
    return received

manager = KernelManager(kernel_name="python3")
manager.start_kernel()
try:
    seen = {"manager.client()": answers(manager.client), "connection file": answers(from_file)}
finally:
    manager.shutdown_kernel(now=True)
expected = {
    "manager.client()": {"first": [], "second": "answered"},
    "connection file": {"first": "answered", "second": "answered"},
}
for how, received in seen.items():
    print(f"two clients by {how}: {received}")
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
