"""A client that files every output under the cell whose request it names as its parent, whenever it comes.

    python by_parent.py NOTEBOOK CONNECTION_FILE OUTPUT [--settle SECONDS]

nbclient ignores what comes after its cell's idle status. This client does not: a line that a kernel publishes late is in the
notebook under the cell that the kernel said, so that the two ways to lose a line can be told apart. A cell has ended when its
reply and its idle status are there. After the last one, the client listens for ``--settle`` seconds more.
"""

import argparse
import queue
import time

import nbformat
from jupyter_client import BlockingKernelClient

SHOWN = {"stream", "display_data", "execute_result", "error"}

parser = argparse.ArgumentParser()
parser.add_argument("notebook")
parser.add_argument("connection_file")
parser.add_argument("output")
parser.add_argument("--settle", type=float, default=1.0)
given = parser.parse_args()

notebook = nbformat.read(given.notebook, as_version=4)
cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
client = BlockingKernelClient(connection_file=given.connection_file)
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=60)
by_request = {}
idle = set()


def hear(timeout):
    """Take one message in; False where none came."""
    try:
        message = client.get_iopub_msg(timeout=timeout)
    except queue.Empty:
        return False
    kind, parent = message["header"]["msg_type"], message["parent_header"].get("msg_id")
    if kind == "status" and message["content"]["execution_state"] == "idle":
        idle.add(parent)
    elif kind in SHOWN and parent in by_request:
        by_request[parent].outputs.append(nbformat.v4.output_from_msg(message))
    return True


for cell in cells:
    cell.outputs = []
    request = client.execute(cell.source)
    by_request[request] = cell
    while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
        pass
    while request not in idle:
        if not hear(60):
            raise SystemExit("no idle status came within 60 s")
until = time.monotonic() + given.settle
while (left := until - time.monotonic()) > 0:
    hear(left)
nbformat.write(notebook, given.output)
