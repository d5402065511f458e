"""End what the harness launched once the harness is gone, however it went.

Reads lines from standard input: ``+ PID FOLDER`` (a process group leader to end and a private
folder to remove, JSON-encoded) and ``- PID``. When standard input closes, every process still
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


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held = {}
    for line in sys.stdin:
        sign, _, rest = line.partition(" ")
        entry = json.loads(rest)
        if sign == "+":
            held[entry["pid"]] = entry["folder"]
        else:
            held.pop(entry["pid"], None)
    for pid, folder in held.items():
        kill_tree(pid)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
