"""Beside the harness: end what it launched once it is gone, however it went, and look at processes for it.

Reads lines from standard input: ``+ PID FOLDER`` (a process group leader to end and a private folder to
remove, JSON-encoded) and ``- PID``; a folder alone is one whose process is not there yet. When standard
input closes, every process still listed is killed with all of its group, on Linux also whatever else has a
listed folder as its mark in the environment, and every folder still listed is removed. It runs in a session
of its own, so that a Ctrl-C at the terminal or a kill of the harness's group leaves it alive for just long enough.

On Windows a listed process is put into a job object with what it starts: all of it ends when the process is taken
off the list, when the harness ends, and also when this process is ended itself.

``? {"id": N, "sample": [PID, …]}`` is answered on standard output by ``{"id": N, "samples": […]}``
(``process_account``), ``? {"id": N, "tree": PID}`` by the samples of a process and all below it, and
``? {"id": N, "end": PID}``, once a process and all below it were told to end, by ``{"id": N}``.
"""

import json
import os
import shutil
import signal
import sys
import time

# Isolated (-I), Python leaves this script's folder out of its path.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import process_account  # noqa: E402

if sys.platform == "win32":
    import windows_jobs

# A killed process may still be writing to its folder for a moment.
REMOVE_TIMEOUT_S = 5.0
# A process that keeps forking is caught in some round.
KILL_TIMEOUT_S = 5.0
RUN_VARIABLE = b"KERNEL_SOAK_RUN="


def kill_tree(pid):
    if sys.platform == "win32":
        for each in (pid, *process_account.descendants(pid)):
            windows_jobs.end_process(each)
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


class Held:
    """What is listed: folders, and processes with theirs."""

    def __init__(self):
        self.folders = {}
        self.early = set()  # folders whose process is not there yet
        self._jobs = {}

    def add(self, pid, folder):
        self.folders[pid] = folder
        self.early.discard(folder)
        if sys.platform == "win32" and pid not in self._jobs:
            self._jobs[pid] = windows_jobs.JobTree(pid)

    def drop(self, pid):
        self.folders.pop(pid, None)
        job = self._jobs.pop(pid, None)
        if job is not None:
            job.close()

    def end(self, pid):
        """End a process and what is below it; on Windows whatever came to be in its job."""
        job = self._jobs.get(pid)
        if job is not None:
            job.end()
        kill_tree(pid)


def answer(request, held):
    """What is written back for a request."""
    answered = {"id": request["id"]}
    if "sample" in request:
        answered["samples"] = process_account.sample(request["sample"])
    elif "tree" in request:
        pid = request["tree"]
        answered["samples"] = process_account.sample([pid, *process_account.descendants(pid)])
    else:
        held.end(request["end"])
    return answered


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held = Held()
    # Bytes, since the harness writes UTF-8 whatever this platform's text encoding is.
    for line in sys.stdin.buffer:
        sign, _, rest = line.partition(b" ")
        try:
            entry = json.loads(rest)
        except ValueError:
            continue  # cut short, as the harness was killed while it wrote
        folder = entry.get("folder")
        if sign == b"?":
            try:
                answered = answer(entry, held)
            except Exception as error:  # what is asked must never end what has to clean up
                answered = {"id": entry.get("id"), "error": f"{type(error).__name__}: {error}"}
            try:
                os.write(1, json.dumps(answered).encode() + b"\n")
            except OSError:
                pass  # the harness has ended, which the end of its lines tells
        elif "pid" not in entry:
            (held.early.add if sign == b"+" else held.early.discard)(folder)
        elif sign == b"+":
            held.add(entry["pid"], folder)
        else:
            held.drop(entry["pid"])
    folders = [*held.folders.values(), *held.early]
    for pid in list(held.folders):
        held.end(pid)
    kill_marked(folders)
    for folder in folders:
        remove_folder(folder)


if __name__ == "__main__":
    main()
