#!/usr/bin/env bash
# forth-kernel has no package forth_kernel, so that neither its installation nor its kernelspec works.
#
# A person would expect, from its README on PyPI: after `pip install forth_kernel`, the command
# `python -m forth_kernel.self_install` registers the kernel, which then starts as `python -m forth_kernel`.
# What happens: the wheel puts the files of the package at the top of site-packages (`__init__.py`, `__main__.py`,
# `iforth.py`, `self_install.py`), and there is no module forth_kernel. The one module that can be imported needs
# typing.override, which Python has from 3.12 on, while the metadata allows 3.11.
# Seen with forth-kernel 0.4.2 on Linux x86_64, CPython 3.11, on 2026-11-29.
# Why it matters here: a kernel that ends at its start for this reason is `start-failed`, on every machine. The last
# line that it writes says why.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile forth-kernel==0.4.2
HOME=$work timeout 120 env/bin/python - <<'PY'
import importlib.metadata as metadata
import subprocess, sys

def last_line(*words):
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60)
    line = (done.stderr.strip().splitlines() or [""])[-1]
    # Without the path of the interpreter before it.
    return done.returncode, line[line.find("No module named") :].rstrip(")") if "No module named" in line else line

files = sorted(str(file) for file in metadata.files("forth-kernel") if str(file).endswith(".py"))
seen = {
    "files": files,
    "python -m forth_kernel.self_install": last_line("-m", "forth_kernel.self_install"),
    "python -m forth_kernel": last_line("-m", "forth_kernel", "-f", "none.json"),
}
expected = {
    "files": ["__init__.py", "__main__.py", "iforth.py", "self_install.py"],
    "python -m forth_kernel.self_install": (1, "No module named 'forth_kernel'"),
    "python -m forth_kernel": (1, "No module named forth_kernel"),
}
if sys.version_info < (3, 12):
    code, line = last_line("-c", "import iforth")
    seen["import iforth"] = (code, line.partition(" (")[0])
    expected["import iforth"] = (1, "ImportError: cannot import name 'override' from 'typing'")
for what, value in seen.items():
    print(f"{what}: {value}")
print("its metadata asks for Python", metadata.metadata("forth-kernel")["Requires-Python"])
if seen != expected or metadata.metadata("forth-kernel")["Requires-Python"] != ">=3.11":
    sys.exit(f"changed: {expected} was seen before")
PY
