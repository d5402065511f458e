"""End what the harness launched once the harness is gone, however it went.

Reads lines from standard input: ``+ PID FOLDER`` (a process group leader to end and a private folder to
remove, JSON-encoded) and ``- PID``; a folder alone is one whose process is not there yet. When standard
input closes, every process still listed is killed with all of its group, on Linux also whatever else has a
listed folder as its mark in the environment, and every folder still listed is removed. It runs in a session
of its own, so that a Ctrl-C at the terminal or a kill of the harness's group leaves it alive for just long enough.
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
# A process that keeps forking is caught in some round.
KILL_TIMEOUT_S = 5.0
RUN_VARIABLE = b"KERNEL_SOAK_RUN="


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


def marked(marks):
    """Processes of the runs of these folders, wherever they are in the tree (harness/kernel/marked-processes.ts)."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                variables = file.read().split(b"\0")
        except OSError:
            continue  # another user's, or gone
        for variable in variables:
            if variable.startswith(RUN_VARIABLE) and any(
                variable == mark or variable.startswith(mark + b"/") for mark in marks
            ):
                yield int(name)
                break


def kill_marked(folders):
    if sys.platform != "linux":
        return
    marks = [RUN_VARIABLE + os.fsencode(folder) for folder in folders]
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while marks and time.monotonic() < deadline:
        left = list(marked(marks))
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.005)


def make_removable(folder):
    """Give back the rights that a notebook took away from folders of its own."""
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)


def remove_folder(folder):
    deadline = time.monotonic() + REMOVE_TIMEOUT_S
    if os.path.islink(folder):
        os.unlink(folder)  # put in its place: what it points to is not ours
        return
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder) or time.monotonic() > deadline:
            return
        try:
            os.chmod(folder, 0o700)
            make_removable(folder)
        except OSError:
            pass
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
    kill_marked([*held.values(), *early])
    for folder in (*held.values(), *early):
        remove_folder(folder)


if __name__ == "__main__":
    main()
