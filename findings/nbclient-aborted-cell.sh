#!/usr/bin/env bash
# nbclient takes a cell that the kernel aborted for one that was executed.
#
# A person would expect, from nbclient's documentation (an execution that does not succeed raises) and from
# the statuses of jupyter_client's messaging document (ok, error, aborted): an aborted cell stops the notebook.
# What happens: where another client's cell fails while nbclient's cell is queued, the kernel answers that
# cell "aborted". nbclient looks for "error" only: it gives the cell its execution count, leaves it without
# output, runs the cells after it and raises nothing.
# Seen with nbclient 0.11.0 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: a notebook that shares its kernel, with a person's JupyterLab for one, can lack a cell
# and count as completed. The saved notebook looks the same as if its output had been lost.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import asyncio, sys
from jupyter_client import AsyncKernelManager
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

async def connect(manager):
    # A session of its own: clients that share the manager's take each other's replies.
    client = manager.client(session=Session(key=manager.session.key))
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    return client

async def look():
    manager = AsyncKernelManager(kernel_name="python3")
    await manager.start_kernel()
    try:
        other, own = await connect(manager), await connect(manager)
        sources = ["x = 1", "y = 2; print('the second cell ran')", "print('y' in globals())"]
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        client = NotebookClient(notebook, km=manager, timeout=60)
        client.kc = own

        async def another_cell_fails_first(cell, cell_index):
            if cell_index == 1:
                other.execute("import time; time.sleep(4); 1/0")
                await asyncio.sleep(1)

        client.on_cell_start = another_cell_fails_first
        statuses = []
        client.on_cell_executed = lambda cell, cell_index, execute_reply: statuses.append(
            execute_reply["content"]["status"])
        await client.async_execute()
        other.stop_channels()
        own.stop_channels()
        return statuses, [(cell.execution_count, "".join(o.text for o in cell.outputs)) for cell in notebook.cells]
    finally:
        await manager.shutdown_kernel(now=True)

try:
    seen = asyncio.run(look())
except Exception as error:
    sys.exit(f"changed: nbclient raised {error!r}; it raised nothing before")
expected = (["ok", "aborted", "ok"], [(1, ""), (2, ""), (3, "False\n")])
print("no error; statuses, counts and outputs:", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
