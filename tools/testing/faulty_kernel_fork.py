"""Fork kernels of faulty_kernel.py from a process that has imported it, as soak_fork.py forks those of an arm.

    python faulty_kernel_fork.py CONFIG.json

It speaks with the harness as soak_fork.py does. ``arguments`` of a request are those of faulty_kernel.py; its ``config``
is not read.
"""

import gc
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(__file__), "..", "..", "arms", "runtime"))

import faulty_kernel
import soak_fork


def main() -> None:
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    gc.collect()
    gc.freeze()
    if soak_fork.thread_count() != 1:
        soak_fork.say("unsafe", reason="importing the test kernel left threads running")
        return
    soak_fork.say("ready")
    launcher = soak_fork.Launcher()
    try:
        launcher.serve()
    except soak_fork.Forked as forked:
        request = forked.request
    else:
        launcher.kill_all()
        return
    del launcher
    soak_fork.renew(request)
    sys.argv = [faulty_kernel.__file__, *request["arguments"]]
    faulty_kernel.main()


if __name__ == "__main__":
    main()
