#!/usr/bin/env bash
# akernel, installed without its extra, brings a kernelspec whose kernel cannot start.
#
# A person would expect, from jupyter_client's document of kernelspecs (argv is the command that starts the
# kernel): where a package registers a kernelspec, that command runs.
# What happens: `pip install akernel` registers the kernel and installs its program. The program imports zmq at
# once, which only the extra `subprocess` brings, and ends before it reads the connection file. The README names
# the extra, but nothing else does. `jupyter kernelspec list` shows the kernel.
# Seen with akernel 0.4.2 on Linux x86_64, CPython 3.11, on 2026-11-29.
# Why it matters here: a kernel that is listed may be `start-failed` in every run. What it wrote last says why.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile akernel==0.4.2
HOME=$work timeout 120 env/bin/python - <<'PY'
import json, pathlib, subprocess, sys

spec = json.loads((pathlib.Path(sys.prefix) / "share/jupyter/kernels/akernel/kernel.json").read_text())
program = pathlib.Path(sys.prefix) / "bin" / spec["argv"][0]
done = subprocess.run([program, *spec["argv"][1:]], capture_output=True, text=True, timeout=60)
seen = (spec["argv"][:2], done.returncode, (done.stderr.strip().splitlines() or [""])[-1])
expected = (["akernel", "launch"], 1, "ModuleNotFoundError: No module named 'zmq'")
print("its kernelspec's command:", *seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
