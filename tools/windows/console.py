"""A harness in a console that somebody presses Ctrl-C in: python console.py NODE CLI ARGUMENTS.

Starts the harness in this process's console, waits for its first run, and sends Ctrl-C to the whole console, as the
key does. Says how the harness ended as one JSON line after a line of its own.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys

CTRL_C_EVENT = 0
# Both streams through Windows' own pipes: Node takes no others.
PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


def main():
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    if not kernel32.GetConsoleCP():
        sys.exit("this process has no console")
    # The key reaches this process too.
    signal.signal(signal.SIGINT, lambda *_: None)
    harness = subprocess.Popen(sys.argv[1:], text=True, encoding="utf-8", **PIPES)
    said, pressed = [], False
    for line in harness.stdout:
        said.append(line)
        if line.startswith("block ") and not pressed:
            pressed = True
            if not kernel32.GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0):
                sys.exit(f"Ctrl-C could not be sent: error {ctypes.get_last_error()}")
    code = harness.wait()
    # A console shows text; what is read by a program goes to a file.
    with open(os.environ["CONSOLE_RESULT"], "w", encoding="utf-8") as file:
        json.dump({"code": code, "pressed": pressed, "said": "".join(said)}, file)


if __name__ == "__main__":
    main()
