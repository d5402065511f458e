"""A client of another kind: it executes a notebook in a kernel that runs already.

    python connecting_client.py NOTEBOOK CONNECTION_FILE [--output FILE] [--only N] [--overlap] [--wait SECONDS] [--pause SECONDS]

It knows nothing of kernel-soak. ``--only``: the first N cells alone. ``--overlap``: a kernel_info_request is sent up to
4 ms after each cell, as a busy front end does. ``--wait``: its own time-out of a cell (default: none). ``--pause``:
it does nothing for so long after the last cell.
"""

import argparse
import random
import sys
import time

import nbformat
from jupyter_client import BlockingKernelClient

parser = argparse.ArgumentParser()
parser.add_argument("notebook")
parser.add_argument("connection_file")
parser.add_argument("--output")
parser.add_argument("--only", type=int)
parser.add_argument("--overlap", action="store_true")
parser.add_argument("--wait", type=float)
parser.add_argument("--pause", type=float, default=0)
given = parser.parse_args()

notebook = nbformat.read(given.notebook, as_version=4)
cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
client = BlockingKernelClient(connection_file=given.connection_file)
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=60)
for cell in cells[: given.only]:
    cell.outputs = []
    if given.overlap:
        ids = [client.execute(cell.source)]
        time.sleep(random.uniform(0, 0.004))
        ids.append(client.kernel_info())
        for each in ids:
            reply = client._recv_reply(each, timeout=given.wait)
    else:
        reply = client.execute_interactive(
            cell.source,
            timeout=given.wait,
            output_hook=lambda message: cell.outputs.append(nbformat.v4.output_from_msg(message))
            if message["header"]["msg_type"] in ("stream", "display_data", "execute_result", "error")
            else None,
        )
    if reply["content"]["status"] != "ok":
        sys.exit(f"{reply['content'].get('ename')} in a cell")
time.sleep(given.pause)
if given.output:
    nbformat.write(notebook, given.output)
