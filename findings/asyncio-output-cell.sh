#!/usr/bin/env bash
# Where the output of code that outlives its cell goes depends on how asyncio started it.
#
# A person would expect, from asyncio's documentation (both run a function in the default thread pool):
# asyncio.to_thread and loop.run_in_executor differ in convenience, and output of both is published alike.
# What happens: tasks, call_later and to_thread carry the context variables of the cell that made them,
# so that their output goes under that cell, after its idle status. run_in_executor and threading.Thread
# carry none, so that their output goes under whatever cell runs at the time. All four may come from one cell.
# Seen with ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: a lost-output check that stops at a cell's idle status calls the first kind lost,
# and one that compares cell by cell finds the second kind under another cell. Neither is lost.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import queue, sys, time
from jupyter_client import KernelManager

CODE = """
import asyncio, threading, time
loop = asyncio.get_running_loop()
async def background():
    await asyncio.sleep(1.5)
    print('task')
    await asyncio.to_thread(print, 'to_thread')
    await loop.run_in_executor(None, print, 'run_in_executor')
    thread = threading.Thread(target=print, args=('Thread',))
    thread.start()
task = asyncio.ensure_future(background())
handle = loop.call_later(1.5, print, 'call_later')
"""
manager = KernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)
    maker = client.execute(CODE)
    while client.get_shell_msg(timeout=20)["parent_header"].get("msg_id") != maker:
        pass
    later = client.execute("await asyncio.sleep(5)")
    names, seen, idle_of_maker = {maker: "its own cell", later: "the next cell"}, {}, False
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        parent, content = message["parent_header"].get("msg_id"), message["content"]
        if content.get("execution_state") == "idle":
            idle_of_maker |= parent == maker
            if parent == later:
                break
        if message["msg_type"] == "stream":
            for word in content["text"].split():
                seen[word] = names[parent] + (", after its idle" if parent == maker and idle_of_maker else "")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
own, other = "its own cell, after its idle", "the next cell"
expected = {"task": own, "call_later": own, "to_thread": own, "run_in_executor": other, "Thread": other}
for word in expected:
    print(f"{word}: {seen.get(word)}")
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
