#!/usr/bin/env bash
# papermill succeeds on a notebook that calls sys.exit(0), without the cells after it.
#
# A person would expect, from papermill's documentation (an error in a cell fails the notebook) and from the
# other clients: SystemExit in a cell is an error, or the cell is passed over and the others run.
# What happens: papermill stops at the cell, executes none of those after it and exits 0. The saved notebook
# has the error in that cell and says "exception": true in its metadata. sys.exit(1) makes it exit 1.
# nbclient raises an error for both.
# Seen with papermill 2.7.0, nbclient 0.11.0 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: with papermill as the client, exit code 0 does not say that every cell ran. The cells
# that never ran have no execution count, which is what to look at.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile papermill==2.7.0 nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import sys
import nbformat, papermill
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}

def notebook(code):
    sources = ["1", f"import sys; sys.exit({code})", "3"]
    return new_notebook(cells=[new_code_cell(source) for source in sources], metadata={"kernelspec": kernel})

def by_papermill(code):
    nbformat.write(notebook(code), "in.ipynb")
    try:
        papermill.execute_notebook("in.ipynb", "out.ipynb", progress_bar=False)
        error = None
    except PapermillExecutionError as raised:
        error = raised.ename
    done = nbformat.read("out.ipynb", 4)
    counts = [cell.execution_count for cell in done.cells if cell.cell_type == "code"]
    return error, counts, done.metadata.papermill.exception

def by_nbclient(code):
    try:
        NotebookClient(notebook(code), timeout=60).execute()
    except CellExecutionError as raised:
        return raised.ename

seen = {
    "papermill, 0": by_papermill(0), "papermill, 1": by_papermill(1),
    "nbclient, 0": by_nbclient(0), "nbclient, 1": by_nbclient(1),
}
expected = {
    "papermill, 0": (None, [1, 2, None], True), "papermill, 1": ("SystemExit", [1, 2, None], True),
    "nbclient, 0": "SystemExit", "nbclient, 1": "SystemExit",
}
for what, result in seen.items():
    print(f"{what}: {result}")
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
