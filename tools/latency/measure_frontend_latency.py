"""Measure how soon a front end reacts to a kernel, with nbclient as the front end.

    python tools/latency/measure_frontend_latency.py --out arms/runtime/latency/nbclient.json --executions 30 \\
        notebooks/widgets.ipynb notebooks/plain.ipynb

Run it with the Python of an environment that has nbclient, ipykernel 7.4 or later (which
does not wedge, so that every execution completes) and what the notebooks import.

Two reactions are timed in the kernel process, on one monotonic clock:

- ``commMsg``: from handing an output that an ``Output`` widget catches to the iopub socket,
  until the ``comm_msg`` with the widget's new state is in the shell channel's handler;
- ``executeRequest``: from the end of a cell, the later of its reply and its idle status
  handed to their sockets, until the next ``execute_request`` is in that handler.

Both hold the way to the client and back. The same notebooks are executed by a bare client
that answers at once, in turn with nbclient; its median is ``transportMs``, and what is left
is the latency of the front end itself: what a client that is faster has to wait.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import time

QUANTILES = 201
RECORDS_VARIABLE = "FRONTEND_LATENCY_RECORDS"
OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")
DELIMITER = b"<IDS|MSG>"
# A cell on which nbclient's own reply is stranded in its socket (jupyter/nbclient#312) ends with
# this time-out. Such a delay is a fault of the client, not its latency: it is left out and counted.
CELL_TIMEOUT_S = 3
STALL_MS = 1000 * CELL_TIMEOUT_S / 2
# Other people's load is not the front end's latency: an execution waits for a quiet second, up to a limit.
QUIET_CPU_PERCENT = 15
QUIET_WAIT_S = 30


def run_kernel():
    """The kernel, with every send and arrival noted: frames are kept as they are, and read at the end."""
    from ipykernel import iostream, kernelapp, kernelbase, subshell_manager

    records = []
    now = time.perf_counter_ns
    really_send = iostream.IOPubThread._really_send
    send_reply = subshell_manager.SubshellManager._send_on_shell_channel
    on_request = kernelbase.Kernel.shell_channel_thread_main

    def noted_iopub(self, msg, *args, **kwargs):
        records.append(("iopub", now(), msg))
        return really_send(self, msg, *args, **kwargs)

    def noted_reply(self, msg):
        records.append(("reply", now(), msg))
        return send_reply(self, msg)

    async def noted_request(self, msg):
        records.append(("request", now(), msg))
        return await on_request(self, msg)

    iostream.IOPubThread._really_send = noted_iopub
    subshell_manager.SubshellManager._send_on_shell_channel = noted_reply
    kernelbase.Kernel.shell_channel_thread_main = noted_request
    sys.argv = ["ipykernel_launcher", *sys.argv[2:]]
    try:
        kernelapp.launch_new_instance()
    finally:
        with open(os.environ[RECORDS_VARIABLE], "w", encoding="utf-8") as file:
            for kind, at, frames in records:
                frames = [bytes(frame) for frame in frames]
                start = frames.index(DELIMITER) + 2
                header, parent, _, content = (json.loads(frame) for frame in frames[start : start + 4])
                json.dump([kind, at, header["msg_type"], header["msg_id"], parent.get("msg_id"), content], file)
                file.write("\n")


class OutputMirror:
    """Which Output widget catches an iopub message, as nbclient's output_widget.py decides it."""

    def __init__(self):
        self.outputs, self.caught_by, self.waiting, self.stacks = {}, {}, set(), {}

    def receive(self, msg_type, parent_id, content):
        """The id of the widget whose state the front end now sends to the kernel, or None."""
        data = content.get("data") or {}
        if msg_type == "comm_open" and data.get("state", {}).get("_model_name") == "OutputModel":
            self.outputs[content["comm_id"]] = []
        elif msg_type == "comm_msg" and content["comm_id"] in self.outputs and "msg_id" in data.get("state", {}):
            self.catch(content["comm_id"], data["state"]["msg_id"])
        elif (msg_type == "clear_output" or msg_type in OUTPUT_TYPES) and self.stacks.get(parent_id):
            return self.change(self.stacks[parent_id][-1], msg_type, content)
        return None

    def catch(self, comm_id, msg_id):
        if msg_id:
            self.stacks.setdefault(msg_id, []).append(comm_id)
            self.caught_by[comm_id] = msg_id
        else:
            self.stacks[self.caught_by.pop(comm_id)].remove(comm_id)

    def change(self, comm_id, msg_type, content):
        if msg_type == "clear_output" and content.get("wait"):
            self.waiting.add(comm_id)
            return None
        if msg_type == "clear_output" or comm_id in self.waiting:
            self.outputs[comm_id] = []
            self.waiting.discard(comm_id)
        if msg_type != "clear_output":
            kept = {key: value for key, value in content.items() if key != "transient"}
            self.outputs[comm_id].append({"output_type": msg_type, **kept})
        return comm_id


def cells_of(notebook):
    """The source and tags of the cells that nbclient executes."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            yield cell.source, cell.metadata.get("tags", [])


def execute_with_nbclient(notebook, manager):
    from nbclient import NotebookClient

    NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT_S).execute(cleanup_kc=True)


def execute_bare(notebook, manager):
    """The same requests as nbclient's, each sent as soon as its cause has been read."""
    import zmq

    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    session, shell, iopub = client.session, client.shell_channel.socket, client.iopub_channel.socket
    poller = zmq.Poller()
    poller.register(shell, zmq.POLLIN)
    poller.register(iopub, zmq.POLLIN)
    mirror = OutputMirror()
    for source, tags in cells_of(notebook):
        msg_id = client.execute(source, stop_on_error="raises-exception" not in tags)
        missing = {"execute_reply", "idle"}
        while missing:
            # zmq_poll asks the socket and not only its fd, so that no reply can strand here as it can in nbclient.
            ready = dict(poller.poll(60_000))
            if not ready:
                raise RuntimeError(f"no answer within 60 s to: {source}")
            for socket in ready:
                _, frames = session.feed_identities(socket.recv_multipart())
                message = session.deserialize(frames)
                content, parent = message["content"], message["parent_header"]
                if parent.get("msg_id") != msg_id:
                    continue
                missing.discard(message["msg_type"])
                if message["msg_type"] == "status":
                    missing.discard(content["execution_state"])
                comm_id = mirror.receive(message["msg_type"], msg_id, content) if socket is iopub else None
                if comm_id is not None:
                    state = {"outputs": mirror.outputs[comm_id]}
                    data = {"method": "update", "state": state, "buffer_paths": []}
                    session.send(shell, "comm_msg", {"comm_id": comm_id, "data": data}, parent=parent)
    client.stop_channels()
    manager.shutdown_kernel()


def latencies_ms(records):
    """Reaction times of one execution: (commMsg, executeRequest) in milliseconds."""
    comm, execute = [], []
    mirror, owed, ended, current = OutputMirror(), {}, {}, None
    for kind, at, msg_type, msg_id, parent_id, content in records:
        if kind == "iopub":
            if mirror.receive(msg_type, parent_id, content) is not None:
                owed.setdefault(parent_id, []).append(at)
            if msg_type == "status" and content["execution_state"] == "idle":
                ended.setdefault(parent_id, []).append(at)
        elif kind == "reply" and msg_type == "execute_reply":
            ended.setdefault(parent_id, []).append(at)
        elif kind == "request" and msg_type == "comm_msg":
            # A front end sends one comm_msg an output, in order, under the header of the cell's request.
            comm.append((at - owed[parent_id].pop(0)) / 1e6)
        elif kind == "request" and msg_type == "execute_request":
            if current is not None:
                execute.append((at - max(ended[current])) / 1e6)
            current = msg_id
    if any(owed.values()):
        raise RuntimeError(f"{sum(map(len, owed.values()))} changes of Output widgets were never answered")
    return comm, execute


def wait_for_quiet():
    """Whether the machine had a quiet second before the limit."""
    import psutil

    return any(psutil.cpu_percent(interval=1) < QUIET_CPU_PERCENT for _ in range(QUIET_WAIT_S))


def execute_and_time(execute, path, folder):
    import nbformat
    from jupyter_client.manager import AsyncKernelManager, KernelManager

    records = os.path.join(folder, "records.jsonl")
    os.environ[RECORDS_VARIABLE] = records
    manager = (AsyncKernelManager if execute is execute_with_nbclient else KernelManager)(kernel_name="recorded")
    execute(nbformat.read(path, 4), manager)
    with open(records, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    os.remove(records)
    # The threads append on their own: a row can be a few microseconds out of order.
    return latencies_ms(sorted(rows, key=lambda row: row[1]))


def quantiles(values):
    """QUANTILES quantiles at equal steps from 0 to 1, linear between order statistics, milliseconds."""
    ordered = sorted(values)
    result = []
    for i in range(QUANTILES):
        below, part = divmod(i * (len(ordered) - 1) / (QUANTILES - 1), 1)
        low, high = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
        result.append(round(low + part * (high - low), 3))
    return result


def summary(name, measured, transport_ms, adjusted):
    at = (0, 25, 50, 75, 90, 95, 99, 100)
    print(f"\n{name} (ms)    " + "".join(f"{p:>9} %" for p in at))
    for label, values in (("measured", measured), (f"less {transport_ms:.3f}", adjusted)):
        print(f"  {label:<12}" + "".join(f"{values[2 * p]:11.3f}" for p in at))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--executions", type=int, default=30, help="of each notebook by each client (default 30)")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()

    import ipykernel
    import ipywidgets
    import jupyter_client
    import nbclient
    import zmq

    if ipykernel.version_info[:2] < (7, 4):
        sys.exit(f"ipykernel {ipykernel.__version__} can wedge during the measurement: use 7.4 or later")
    clients = {"nbclient": execute_with_nbclient, "bare": execute_bare}
    samples = {name: {"commMsg": [], "executeRequest": []} for name in clients}
    with tempfile.TemporaryDirectory() as folder:
        spec = pathlib.Path(folder, "kernels", "recorded")
        spec.mkdir(parents=True)
        argv = [sys.executable, os.path.abspath(__file__), "--kernel", "-f", "{connection_file}"]
        spec.joinpath("kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": "recorded", "language": "python"}), encoding="utf-8"
        )
        os.environ["JUPYTER_PATH"] = folder
        quiet = 0
        for i in range(options.executions):
            # In turn, so that a slow spell of the machine falls on both clients.
            for name, execute in clients.items():
                for path in options.notebooks:
                    quiet += wait_for_quiet()
                    comm, cells = execute_and_time(execute, path, folder)
                    samples[name]["commMsg"] += comm
                    samples[name]["executeRequest"] += cells
            print(f"\r{i + 1} of {options.executions} rounds", end="", file=sys.stderr, flush=True)
    stalls = sum(ms >= STALL_MS for ms in samples["nbclient"]["executeRequest"])
    measured, adjusted, transport = {}, {}, {}
    for reaction in ("commMsg", "executeRequest"):
        values = [ms for ms in samples["nbclient"][reaction] if ms < STALL_MS]
        measured[reaction] = quantiles(values)
        transport[reaction] = round(statistics.median(samples["bare"][reaction]), 3)
        adjusted[reaction] = [round(max(0.0, q - transport[reaction]), 3) for q in measured[reaction]]
        summary(reaction, measured[reaction], transport[reaction], adjusted[reaction])
    names = [path.name for path in options.notebooks]
    result = {
        "schema": 1,
        "note": (
            "commMsgMs and executeRequestMs: what nbclient adds to a client that answers at once, as quantiles at "
            "equal steps of probability from 0 to 1, milliseconds: the measured quantiles less transportMs, not "
            "below 0. transportMs: medians of a bare client on the same notebooks, way to the client and back "
            "included. Measured from the kernel's send to the arrival in its shell-channel handler. Reactions "
            f"of {STALL_MS:g} ms and more are nbclient's own stranded replies (jupyter/nbclient#312), left out and counted."
        ),
        "source": {
            "client": "nbclient",
            "versions": {
                "python": platform.python_version(),
                "nbclient": nbclient.__version__,
                "jupyter_client": jupyter_client.__version__,
                "ipykernel": ipykernel.__version__,
                "ipywidgets": ipywidgets.__version__,
                "pyzmq": zmq.__version__,
                "libzmq": zmq.zmq_version(),
            },
            "notebooks": names,
            "executions": options.executions,
            "begunOnQuietMachine": f"{quiet} of {options.executions * len(clients) * len(names)}",
            "samples": {r: len(samples["nbclient"][r]) - (stalls if r == "executeRequest" else 0) for r in measured},
            "bareSamples": {r: len(samples["bare"][r]) for r in measured},
            "stallsLeftOut": stalls,
            "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "date": datetime.date.today().isoformat(),
            "command": " ".join(
                ["python measure_frontend_latency.py", f"--executions {options.executions}", "--out", options.out.name, *names]
            ),
        },
        "transportMs": transport,
        "commMsgMs": adjusted["commMsg"],
        "executeRequestMs": adjusted["executeRequest"],
        "measured": {"commMsgMs": measured["commMsg"], "executeRequestMs": measured["executeRequest"]},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\n{stalls} stalls of nbclient left out; written to {options.out}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--kernel"]:
        run_kernel()
    else:
        main()
