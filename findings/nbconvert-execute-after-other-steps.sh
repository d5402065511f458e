#!/usr/bin/env bash
# nbconvert --execute executes after it has removed cells and merged streams, not before.
#
# A person would expect, from nbconvert's documentation of the two (cells with a tag are removed from the
# output; streams are merged into single outputs): both work on what the execution produced.
# What happens: the cells are removed first, so that the notebook is executed without them and a cell that
# uses their variables fails. The streams are merged first too: those which the execution makes stay in pieces,
# and it takes a second conversion, without --execute, to merge them.
# Seen with nbconvert 7.17.2 and nbclient 0.11.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: a notebook that hides its set-up cells raises NameError under this client and under no
# other, and outputs saved by it differ in their number from run to run, as the kernel happens to split them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile nbconvert==7.17.2 nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import subprocess, sys
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

def write(name, cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), name)

def convert(name, *options):
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--output", f"done-{name}"]
    done = subprocess.run([*command, *options, name], capture_output=True, text=True, timeout=200)
    return done.returncode, done.stderr

twice = "import time\nprint('a', flush=True)\ntime.sleep(1)\nprint('b', flush=True)"
hidden = new_code_cell("x = 5", metadata={"tags": ["hidden"]})
write("merge.ipynb", [new_code_cell(twice)])
write("remove.ipynb", [hidden, new_code_cell("x")])

def streams_after(name, *options):
    code, errors = convert(name, "--coalesce-streams", *options)
    if code:
        sys.exit(f"changed: nbconvert ended with {code}; it ended with 0 before\n{errors}")
    return [output.text for output in nbformat.read(f"done-{name}", 4).cells[0].outputs]

merged = {"executed": streams_after("merge.ipynb", "--execute"), "converted again": streams_after("done-merge.ipynb")}
code, errors = convert("remove.ipynb", "--execute", "--TagRemovePreprocessor.enabled=True",
                       "--TagRemovePreprocessor.remove_cell_tags=hidden")
removed = code, "NameError" in errors
print("streams with --coalesce-streams:", merged)
print("with the set-up cell removed: exit code and NameError:", removed)
if merged != {"executed": ["a\n", "b\n"], "converted again": ["a\nb\n"]} or removed != (1, True):
    sys.exit("changed: two streams, then one, and exit code 1 with a NameError were seen before")
PY
