#!/usr/bin/env bash
# jupyter_server_documents adds an updated display to a cell's outputs, and leaves the old one as it was.
#
# A person would expect, from jupyter_client's messaging document: "Within the jupyter and nteract notebooks, all displays
# that match the display_id are updated". (The document lets a front end choose, and names these two as examples.)
# What happens: the server executes the cells of a shared document itself. The cell that made the display keeps "old",
# and the cell that updated it gets an output of its own, "new". The saved notebook has both.
# Seen with jupyter_server_documents 0.3.3, jupyter_server 2.21.1 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on
# 2026-11-29.
# Why it matters here: a notebook with a progress bar has more outputs by --via rest than by any other path. The
# additional ones are no output that was doubled on the way.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile jupyter_server_documents==0.3.3 jupyter_server==2.21.1 jupyter_server_fileid==0.9.3 jupyter_ydoc==4.2.1 ipykernel==7.4.0 jupyter_client==8.10.0
HOME=$work timeout 300 env/bin/python - <<'PY'
import json, os, socket, subprocess, sys, time, urllib.error, urllib.parse, urllib.request

from jupyter_server_documents.rooms.ynotebook_room import _source_hash

SOURCES = ['shown = display("old", display_id=True)', 'shown.update("new")']
os.makedirs("root")
cells = [
    {"id": f"c{at}", "cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    for at, source in enumerate(SOURCES)
]
with open("root/n.ipynb", "w") as file:
    json.dump({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}, file)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
root = os.path.abspath("root")
options = {"ip": "127.0.0.1", "port": port, "root_dir": root, "open_browser": False, "allow_root": True}
server = subprocess.Popen(
    [sys.executable, "-m", "jupyter_server", "--IdentityProvider.token=t"]
    + [f"--ServerApp.{name}={value}" for name, value in options.items()],
    stderr=subprocess.DEVNULL,
)


def ask(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{port}/api/{path}"
    request = urllib.request.Request(url, data, {"Authorization": "token t"}, method=method)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read() or "null")


def until(what, found, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            seen = found()
        except urllib.error.URLError:
            seen = None
        if seen:
            return seen
        time.sleep(0.2)
    sys.exit(f"{what} did not come within {seconds} s")


def saved():
    cells = ask("contents/n.ipynb")["content"]["cells"]
    return cells if all(cell["execution_count"] for cell in cells) else None


try:
    until("the server", lambda: ask("status"))
    file = ask("fileid/index?" + urllib.parse.urlencode({"path": "n.ipynb"}), method="POST")
    wanted = {"path": "n.ipynb", "name": "n.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    session = ask("sessions", wanted)
    posted = [{"cell_id": f"c{at}", "source_hash": _source_hash(source)} for at, source in enumerate(SOURCES)]
    document = f"json:notebook:{file['id']}"
    ask(f"kernels/{session['kernel']['id']}/execute", {"document_id": document, "cells": posted})
    executed = until("the saved notebook", saved)
    outputs = [[output["data"]["text/plain"] for output in cell["outputs"]] for cell in executed]
    ask(f"sessions/{session['id']}", method="DELETE")
finally:
    server.terminate()
    server.wait(30)
expected = [["'old'"], ["'new'"]]
print(f"outputs of the two cells: {outputs}")
if outputs != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
