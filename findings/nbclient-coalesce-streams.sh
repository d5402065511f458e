#!/usr/bin/env bash
# nbclient's coalesce_streams leaves backspaces in, and moves text across a display.
#
# A person would expect, from the option's documentation (streams of one name are merged) and the code's own
# comment (carriage returns and backspaces are processed): the text as a terminal would show it, and text that
# was printed after a display stays after it.
# What happens: carriage returns are resolved and backspaces are not, since the loop that removes them ends
# before its first turn. All text of one stream is put where its first piece was, before the display.
# Seen with nbclient 0.11.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: a notebook saved this way, taken as the expected outputs, differs in order and text
# from what the kernel published, and a run that lost nothing is said to have lost or moved output.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import sys
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

source = r"""
print('10 %\r100 %')
print('ab\bc')
display('the display')
print('after the display')
"""
notebook = new_notebook(cells=[new_code_cell(source)])
NotebookClient(notebook, kernel_name="python3", timeout=60, coalesce_streams=True).execute()
seen = [output.get("text") or output["data"]["text/plain"] for output in notebook.cells[0].outputs]
expected = ["100 %\nab\bc\nafter the display\n", "'the display'"]
print("seen:", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
