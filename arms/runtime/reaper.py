"""End what the harness launched once the harness is gone, however it went.

Reads lines from standard input: ``+ PID FOLDER`` (a process group leader to end and a private
folder to remove, JSON-encoded) and ``- PID``; a folder alone is one whose process is not there yet. When standard input closes, every process still
listed is killed with all of its group, and every folder still listed is removed. It runs in a
session of its own, so that a Ctrl-C at the terminal or a kill of the harness's group leaves it
alive for just long enough.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

# A killed process may still be writing to its folder for a moment.
REMOVE_TIMEOUT_S = 5.0


def kill_tree(pid):
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/PID", str(pid), "/T", "/F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # already gone


def remove_folder(folder):
    deadline = time.monotonic() + REMOVE_TIMEOUT_S
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder) or time.monotonic() > deadline:
            return
        time.sleep(0.05)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held = {}
    early = set()  # folders whose process is not there yet
    # Bytes, since the harness writes UTF-8 whatever this platform's text encoding is.
    for line in sys.stdin.buffer:
        sign, _, rest = line.partition(b" ")
        try:
            entry = json.loads(rest)
        except ValueError:
            continue  # cut short, as the harness was killed while it wrote
        folder = entry.get("folder")
        if "pid" not in entry:
            (early.add if sign == b"+" else early.discard)(folder)
        elif sign == b"+":
            held[entry["pid"]] = folder
            early.discard(folder)
        else:
            held.pop(entry["pid"], None)
    for pid in held:
        kill_tree(pid)
    for folder in (*held.values(), *early):
        remove_folder(folder)


if __name__ == "__main__":
    main()
