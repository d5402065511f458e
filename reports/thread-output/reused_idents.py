"""Whether ipykernel 6.31.0 files a thread's output under a wrong cell exactly where the thread's identity was used before.

    python reused_idents.py [KERNELS]

Run it with the Python of an environment that has ipykernel 6.31.0. In each fresh kernel, one cell starts a thread that starts a thread
and waits for it. The next cell starts a thread that prints and waits for it. Python may give that thread the identity of the inner
thread, which has ended. Printed is how often it did, and under which cell the line came.
"""

import sys
from collections import Counter

from jupyter_client.manager import start_new_kernel

NESTED = """
import threading
def nested():
    global inner
    inner = threading.Thread(target=lambda: None)
    inner.start()
    inner.join()
outer = threading.Thread(target=nested)
outer.start()
outer.join()
"""
PRINT = """
def line():
    print('line')
thread = threading.Thread(target=line)
thread.start()
thread.join()
"""
SAME = "print(thread.ident == inner.ident)"

seen = Counter()
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20):
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        cells = {}
        texts = {}

        def execute(code):
            request = client.execute(code)
            cells[request] = len(cells)
            while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
                pass
            while True:
                message = client.get_iopub_msg(timeout=60)
                parent = message["parent_header"].get("msg_id")
                if message["header"]["msg_type"] == "stream":
                    texts[message["content"]["text"]] = cells.get(parent)
                if message["content"].get("execution_state") == "idle" and parent == request:
                    return

        for code in (NESTED, PRINT, SAME):
            execute(code)
        seen["True\n" in texts, "its own cell" if texts["line\n"] == 1 else f"cell {texts['line' + chr(10)]}"] += 1
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
for (is_same, cell), count in sorted(seen.items()):
    print(f"{count} kernels: identity {'used before' if is_same else 'new'}, the line is under {cell}")
