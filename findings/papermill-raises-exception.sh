#!/usr/bin/env bash
# papermill runs on after a cell that is tagged raises-exception, and fails at the end because of it.
#
# A person would expect, from nbclient's documentation of the tag (the cell may raise, and the execution goes
# on) and papermill's (its engine is nbclient): a notebook whose only error is in such a cell succeeds.
# What happens: every cell is executed, then the outputs are searched for errors whatever the tags, and
# papermill raises. The saved notebook has two cells more than the original, and its metadata has
# "exception": null, so that by the metadata nothing failed. nbclient raises nothing.
# Seen with papermill 2.7.0, nbclient 0.11.0 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: one notebook is a cell-error by one client and completed by the other, the kernel
# having done the same, and every cell's index in the saved notebook has moved.
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
from nbformat.v4 import new_code_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
cells = [new_code_cell("1/0", metadata={"tags": ["raises-exception"]}), new_code_cell("2")]
notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
nbformat.write(notebook, "in.ipynb")
try:
    papermill.execute_notebook("in.ipynb", "out.ipynb", progress_bar=False)
    error = None
except PapermillExecutionError as raised:
    error = raised.ename
done = nbformat.read("out.ipynb", 4)
seen = {
    "papermill raises": error,
    "cells": [cell.cell_type for cell in done.cells],
    "execution counts": [cell.execution_count for cell in done.cells if cell.cell_type == "code"],
    "exception in the metadata": done.metadata.papermill.exception,
}
NotebookClient(notebook, timeout=60).execute()
print("nbclient raises nothing")
expected = {
    "papermill raises": "ZeroDivisionError",
    "cells": ["markdown", "markdown", "code", "code"],
    "execution counts": [1, 2],
    "exception in the metadata": None,
}
for what, result in seen.items():
    print(f"{what}: {result}")
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
