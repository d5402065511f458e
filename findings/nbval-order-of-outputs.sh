#!/usr/bin/env bash
# nbval passes a cell whose outputs come in another order than the saved ones, if their kinds differ.
#
# A person would expect, from nbval's documentation (the outputs of the executed cell are compared with those
# in the notebook): a display that moved from before a text to after it fails.
# What happens: outputs are collected by kind before they are compared, so that the order between two kinds is
# lost. A swapped display and stream pass, and so does text that was printed on both sides of a display and is
# saved in one piece. Two displays of one kind in the other order fail, and so does a doubled one.
# Seen with nbval 0.11.0 and ipykernel 7.4.0 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: "nbval passes" is no evidence that no output was misplaced. lost-output compares
# the order, so that both can be right about one run.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile nbval==0.11.0 pytest==9.2.0 nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import subprocess, sys
import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
text = lambda value: new_output("stream", name="stdout", text=value)
display = lambda value: new_output("display_data", data={"text/plain": value})
cases = {
    "order of display and text": ("display('D'); print('T')", [text("T\n"), display("'D'")]),
    "text on both sides": ("print('T'); display('D'); print('U')", [text("T\nU\n"), display("'D'")]),
    "order of two displays": ("display('D'); display('E')", [display("'E'"), display("'D'")]),
    "display saved twice": ("display('D')", [display("'D'"), display("'D'")]),
}
seen = {}
for name, (source, outputs) in cases.items():
    cell = new_code_cell(source, outputs=outputs, execution_count=1)
    nbformat.write(new_notebook(cells=[cell], metadata={"kernelspec": kernel}), "case.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--quiet", "-p", "no:cacheprovider", "case.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1):
        sys.exit(f"pytest could not run: {done.stdout}{done.stderr}")
    seen[name] = "passed" if done.returncode == 0 else "failed"
    print(f"{name}: {seen[name]}")
expected = dict(zip(cases, ["passed", "passed", "failed", "failed"]))
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
