"""Run a command in a terminal of its own, and hand on what it shows: python3 in_terminal.py COMMAND ARGUMENTS.

Wine gives a program a console only where there is a terminal.
"""

import os
import pty
import sys


def main():
    status = pty.spawn(sys.argv[1:], lambda descriptor: os.read(descriptor, 1024), lambda _: b"")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
