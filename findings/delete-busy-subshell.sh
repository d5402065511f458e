#!/usr/bin/env bash
# Deleting a subshell that is executing holds up the control channel and a finished cell's reply.
#
# A person would expect, from Jupyter's enhancement proposal 91 and ipykernel's changelog (control and
# shell requests are read by threads of their own): delete_subshell_request is answered at once or
# refused, and the main shell goes on.
# What happens: until the subshell's cell ends, control answers nothing, not even a kernel_info_request.
# A cell in the main shell runs meanwhile and publishes its output and its idle status, but its
# execute_reply comes only when the subshell's cell has ended.
# Seen with ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28: 3.6 s late for a cell of 4 s.
# Why it matters here: an idle without a reply and a silent control channel look like a lost reply in a
# kernel that is stuck. It only waits, for as long as somebody else's cell takes.
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
    send = lambda channel, message: channel.send(message) or message["header"]["msg_id"]
    arrived = {}

    def read(done, seconds):
        """Reads all three channels; notes when each message came, by parent and type."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not done():
            for get in (client.get_control_msg, client.get_shell_msg, client.get_iopub_msg):
                try:
                    message = get(timeout=0.05)
                except queue.Empty:
                    continue
                kind = message["content"].get("execution_state", message["msg_type"])
                arrived[message["parent_header"].get("msg_id"), kind] = (time.monotonic(), message["content"])

    create = send(client.control_channel, client.session.msg("create_subshell_request", {}))
    read(lambda: (create, "create_subshell_reply") in arrived, 20)
    subshell = arrived[create, "create_subshell_reply"][1]["subshell_id"]

    cell = client.session.msg("execute_request", {
        "code": "import time; time.sleep(10); 1", "silent": False, "store_history": True,
        "user_expressions": {}, "allow_stdin": False, "stop_on_error": True,
    })
    cell["header"]["subshell_id"] = subshell
    slow = send(client.shell_channel, cell)
    read(lambda: (slow, "execute_input") in arrived, 20)
    time.sleep(1)
    start = time.monotonic()
    delete = send(client.control_channel, client.session.msg("delete_subshell_request", {"subshell_id": subshell}))
    info = send(client.control_channel, client.session.msg("kernel_info_request", {}))
    main = client.execute("1")
    wanted = {(main, "idle"), (main, "execute_reply"), (delete, "delete_subshell_reply"), (info, "kernel_info_reply")}
    read(lambda: wanted <= set(arrived), 40)
    if not wanted <= set(arrived):
        sys.exit("changed: a reply or the idle status did not come within 40 s")
    after = lambda *key: round(arrived[key][0] - start, 1)
    seen = {
        "main shell: idle": after(main, "idle"),
        "main shell: execute_reply": after(main, "execute_reply"),
        "control: delete_subshell_reply": after(delete, "delete_subshell_reply"),
        "control: kernel_info_reply": after(info, "kernel_info_reply"),
    }
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
for what, seconds in seen.items():
    print(f"{what} after {seconds} s")
late = {what for what, seconds in seen.items() if seconds > 5}
if late != set(seen) - {"main shell: idle"}:
    sys.exit("changed: all but the idle status came more than 5 s late before")
PY
