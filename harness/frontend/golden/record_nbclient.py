"""Record what nbclient receives, what it answers and what it makes of it.

    python record_nbclient.py [NOTEBOOK.ipynb] OUT.json

The notebook defaults to the cells below, which hold what is easily got wrong. The recording holds the notebook
as it was, nbclient's executed notebook (no timings), and in order: the id of each cell's
request, every iopub message that nbclient read, and every comm_msg that it sent. Needs nbclient, ipykernel 7.4
or later and ipywidgets.
"""

import base64
import json
import sys

import nbformat
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CELLS = [
    "import sys, time\nimport ipywidgets as widgets\nfrom IPython.display import HTML, clear_output, display",
    # Streams: in their order, carriage returns and backspaces kept.
    "print('err', file=sys.stderr, flush=True)\nprint('out', flush=True)\n"
    "display('between')\nprint('err again', file=sys.stderr, flush=True)\nprint('out again')",
    "for i in range(3):\n    print(f'\\rstep {i}', end='', flush=True)\nprint('\\nab\\b\\bc\\r\\nlast\\r', flush=True)",
    # Display ids: updated by a later cell, by a second display of the same id, and lost to a clear.
    "handle = display('first', display_id='a')\ndisplay('first too', display_id='a')",
    "handle.update(HTML('<b>second</b>'), metadata={'text/html': {'isolated': True}})\nhandle",
    "display('cleared', display_id='c')\nclear_output()\nprint('kept')\nshown = display('d', display_id='d')",
    "from IPython.display import update_display\nupdate_display('never shown', display_id='c')\n"
    "update_display('d2', display_id='d')\nupdate_display('nobody', display_id='z')",
    # clear_output that waits, and one that waits in vain.
    "print('one')\nclear_output(wait=True)\nprint('two')\nclear_output(wait=True)",
    "print('not cleared by the cell before')",
    # Results and errors.
    "class Rich:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
    "        return {'text/plain': 'rich', 'application/json': {'a': [1, None]}}, {'application/json': {'x': 1}}\nRich()",
    ("1 / 0", ["raises-exception"]),
    # Output widgets.
    "out = widgets.Output()\ndisplay(out)\nwith out:\n    print('one')\n    print('two', flush=True)\n"
    "    print('err', file=sys.stderr, flush=True)\n    display('three')",
    "with out:\n    print('later')\nprint('not caught')",
    "with out:\n    clear_output(wait=True)\n    print('replaced')\nout.clear_output()",
    "outer, inner = widgets.Output(), widgets.Output()\nwith outer:\n    print('outer')\n    with inner:\n"
    "        print('inner')\n    print('outer again')\ndisplay(outer, inner)",
    "with inner:\n    handle.update('third')\n    display('caught', display_id='a')\n    1 / 0",
    "out.append_stdout('appended')\nout.append_display_data(HTML('<i>x</i>'))",
    "with out:\n    print('after append')",
    "@widgets.interact(x=(0, 4))\ndef f(x=2):\n    print('x', x)\n    return x",
    "@out.capture(clear_output=True, wait=True)\ndef g(change):\n    print(change['new'])\n"
    "s = widgets.IntSlider()\ns.observe(g, 'value')\ns.value = 3\ns.value = 4",
    # Binary state.
    "image = widgets.Image(value=bytes(range(16)), format='png')\ndisplay(image)\nimage.value = bytes(8)",
    "out.close()\ns.close()",
    # Printed by a thread, after the idle status.
    "import threading\nthreading.Timer(0.05, lambda: print('late')).start()",
    "time.sleep(0.2)\nprint('end')",
    ("print('skipped')", ["skip-execution"]),
    "  \n",
]


def default_notebook():
    cells = [new_markdown_cell("# Recorded", id="title")]
    for i, cell in enumerate(CELLS):
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        cells.append(new_code_cell(source, id=f"cell-{i}", metadata={"tags": tags} if tags else {}))
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def message(msg):
    # A copy: nbclient goes on to change the lists of outputs that came with a message.
    content = json.loads(json.dumps(msg["content"]))
    return {
        "header": {"msg_type": msg["header"]["msg_type"]},
        "parent_header": {key: msg["parent_header"][key] for key in ("msg_id", "msg_type") if key in msg["parent_header"]},
        "content": content,
        "buffers": [base64.b64encode(buffer).decode() for buffer in msg["buffers"]],
    }


def main():
    *notebook, out = sys.argv[1:]
    nb = nbformat.read(notebook[0], 4) if notebook else default_notebook()
    events = []
    get_msg, send = AsyncZMQSocketChannel.get_msg, AsyncZMQSocketChannel.send

    async def noted_get(self, timeout=None):
        msg = await get_msg(self, timeout)
        if self is client.kc.iopub_channel:
            events.append({"type": "iopub", "message": message(msg)})
        return msg

    def noted_send(self, msg):
        if msg["msg_type"] == "comm_msg":
            # A copy: nbclient goes on to change the outputs that it sent.
            content = json.loads(json.dumps(msg["content"]))
            events.append({"type": "sent", "content": content, "parent": msg["parent_header"]["msg_id"]})
        send(self, msg)
        self.socket._schedule_remaining_events()  # else the reply may strand: jupyter/nbclient#312

    begun = []

    def on_execute(cell, cell_index):
        begun.append(cell_index)

    AsyncZMQSocketChannel.get_msg, AsyncZMQSocketChannel.send = noted_get, noted_send
    original = json.loads(nbformat.writes(nb))
    client = NotebookClient(nb, record_timing=False, on_cell_execute=on_execute, timeout=60)
    executed = client.execute()
    # The cells' requests, in the order of their first message.
    requests = []
    for event in events:
        parent = event.get("message", {}).get("parent_header", {})
        if parent.get("msg_type") == "execute_request" and parent["msg_id"] not in requests:
            requests.append(parent["msg_id"])
    recording = {
        "notebook": original,
        "cells": [{"index": index, "msgId": msg_id} for index, msg_id in zip(begun, requests, strict=True)],
        "events": events,
        "executed": json.loads(nbformat.writes(executed)),
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(recording, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
