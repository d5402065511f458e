"""What people run notebooks and kernels with now, measured beside the harness by bench.ts.

    python peers.py runs NOTEBOOK       each line on standard input: the notebook through nbclient, in a fresh kernel
    python peers.py trips CONNECTION    each line ``dealer N`` or ``blocking N``: N executions of ``pass``

Answers are lines of JSON. ``runs`` is one warm process, as a loop over notebooks is written.
"""

import hashlib
import hmac
import json
import sys
import time
import uuid


def say(value):
    print(json.dumps(value), flush=True)


def runs(path):
    import nbformat
    from nbclient import NotebookClient

    for _ in sys.stdin:
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, kernel_name="python3").execute()
        say({"ms": (time.perf_counter() - start) * 1000})


def trips(path):
    import zmq
    from jupyter_client import BlockingKernelClient

    with open(path, encoding="utf-8") as file:
        connection = json.load(file)
    dealer = zmq.Context.instance().socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{connection['shell_port']}")
    client = BlockingKernelClient()
    client.load_connection_file(path)
    client.start_channels()
    client.wait_for_ready(timeout=60)
    session = uuid.uuid4().hex
    content = {"code": "pass", "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}

    def by_dealer():
        start = time.perf_counter()
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": session}
        header |= {"username": "bench", "date": "2026-01-01T00:00:00Z", "version": "5.4"}
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        digest = hmac.new(connection["key"].encode(), digestmod=hashlib.sha256)
        for part in parts:
            digest.update(part)
        dealer.send_multipart([b"<IDS|MSG>", digest.hexdigest().encode(), *parts])
        dealer.recv_multipart()
        return (time.perf_counter() - start) * 1000

    def by_client():
        start = time.perf_counter()
        client.execute("pass", store_history=False, allow_stdin=False)
        client.get_shell_msg(timeout=10)
        return (time.perf_counter() - start) * 1000

    for line in sys.stdin:
        who, count = line.split()
        trip = by_dealer if who == "dealer" else by_client
        say({"ms": [trip() for _ in range(int(count))]})
    client.stop_channels()


if __name__ == "__main__":
    {"runs": runs, "trips": trips}[sys.argv[1]](sys.argv[2])
