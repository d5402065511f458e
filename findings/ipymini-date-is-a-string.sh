#!/usr/bin/env bash
# A client of jupyter_client gets the dates of ipymini's headers as text, not as datetime.
#
# A person would expect, from jupyter_client's messaging document (the date of a header is ISO 8601, and the
# library makes a datetime of it): `reply["header"]["date"]` is a datetime, as of every kernel.
# What happens: ipymini writes nine digits of a second. jupyter_client looks for at most six, takes the text for no
# date, and hands it on as it is. Arithmetic with it raises TypeError in the client, although the reply is sound.
# Seen with ipymini 0.1.25 and jupyter_client 8.10.0 on Linux x86_64, CPython 3.11, on 2026-11-29.
# Why it matters here: a client that measures by these dates fails on its own, and looks like a kernel that does not
# answer. Such messages are taken, and the evidence counts them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile ipymini==0.1.25 jupyter_client==8.10.0 pyzmq==27.3.0 ipython==9.18.1
HOME=$work timeout 200 env/bin/python - <<'PY'
import re, sys
from jupyter_client import KernelManager

manager = KernelManager(kernel_name="py")
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=90)
    date = client.execute("1", reply=True, timeout=60)["header"]["date"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
seen = (type(date).__name__, re.sub(r"\d", "0", str(date)))
expected = ("str", "0000-00-00T00:00:00.000000000+00:00")
print("the date of a reply:", *seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
