"""Execute a notebook with a client as people do, with counters and, once asked, one look.

    python soak_client.py CONFIG.json

CONFIG.json holds ``client`` (a key of ``CLIENTS``), ``notebook``, ``output``, ``folder`` (where the kernel runs), ``kernel`` (name of the kernelspec), ``timeoutSeconds``
(the client's own time-out of a cell, null: none, as the clients have it by default),
``startTimeoutSeconds``, ``package`` and ``overlay`` (the package that the arm changes and the folder to
import it from; null: as installed), ``manager`` (what its kernel manager is made with, besides what the client
gives it), ``counters``, ``events``, ``identity``, ``status`` and ``answers``.

Everything here is the same in every arm. Nothing runs on the client's loop that the client does not
run by itself: counting happens inside calls that it makes anyway. One thread waits in a read of
standard input, and does nothing until the harness, after a stall, asks there (``soak_client_probe``).
"""

import json
import os
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    import soak_client_counters
    import soak_client_probe
    import soak_identity

    # The overlay takes the place of this script's folder: nothing of the runtime can shadow a package.
    if config["overlay"] is None:
        del sys.path[0]
    else:
        sys.path[0] = config["overlay"]
    tracker = soak_client_counters.instrument(config["counters"], config["events"])
    soak_client_probe.serve(tracker, config["answers"])
    make_managers_with(config["manager"])
    execute = CLIENTS[config["client"]](config)
    soak_identity.write_json(
        config["identity"],
        {
            "sources": soak_identity.loaded_sources(config["overlay"] or "", config["package"]),
            "pid": os.getpid(),
        },
    )
    try:
        execute()
    except BaseException as error:
        soak_identity.write_json(config["status"], failure(error))
        raise
    soak_identity.write_json(config["status"], {"error": None})


def make_managers_with(settings):
    """Sockets of another kind: the same for every client, of which each has its own way to say it or none."""
    if not settings:
        return
    from jupyter_client.manager import KernelManager

    init = KernelManager.__init__

    def init_with(manager, *args, **kwargs):
        init(manager, *args, **{**kwargs, **settings})

    KernelManager.__init__ = init_with


def failure(error):
    """What ended the client. An exit with code 0 is how a command-line client ends well."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return {"error": None}
    return {
        "error": {
            "classes": [c.__name__ for c in type(error).__mro__],
            # Of a cell's error these are the kernel's; of any other error there are none.
            "ename": text_of(getattr(error, "ename", type(error).__name__)),
            "evalue": text_of(getattr(error, "evalue", error)),
        }
    }


def text_of(value):
    try:
        return str(value)[:500]
    except Exception:  # a hostile object decides what str() does
        return type(value).__name__


def nbclient(config):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(config["notebook"], as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name=config["kernel"],
        timeout=config["timeoutSeconds"],
        startup_timeout=config["startTimeoutSeconds"],
        resources={"metadata": {"path": config["folder"]}},
    )

    def execute():
        try:
            client.execute()
        finally:
            nbformat.write(notebook, config["output"])

    return execute


def papermill(config):
    from papermill import execute_notebook

    return lambda: execute_notebook(
        config["notebook"],
        config["output"],
        kernel_name=config["kernel"],
        cwd=config["folder"],
        execution_timeout=config["timeoutSeconds"],
        start_timeout=config["startTimeoutSeconds"],
        progress_bar=False,
    )


def jupyter_execute(config):
    from nbclient.cli import main

    argv = [
        "jupyter-execute",
        config["notebook"],
        f"--kernel_name={config['kernel']}",
        f"--startup_timeout={config['startTimeoutSeconds']}",
        f"--output={config['output']}",
    ]
    if config["timeoutSeconds"] is not None:
        argv.append(f"--timeout={config['timeoutSeconds']}")

    def execute():
        sys.argv = argv
        main()

    return execute


def nbconvert(config):
    """``jupyter nbconvert --to notebook --execute``: its preprocessor, with nbconvert's own defaults beyond the names."""
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    notebook = nbformat.read(config["notebook"], as_version=4)
    preprocessor = ExecutePreprocessor(
        kernel_name=config["kernel"],
        timeout=config["timeoutSeconds"],
        startup_timeout=config["startTimeoutSeconds"],
    )

    def execute():
        try:
            preprocessor.preprocess(notebook, {"metadata": {"path": config["folder"]}})
        finally:
            nbformat.write(notebook, config["output"])

    return execute


def nbmake(config):
    """``pytest --nbmake``, with nothing of the notebook's folder but the notebook: no ini-file, no conftest, no cache."""
    import nbformat
    import pytest
    from nbclient import NotebookClient

    execute_notebook = NotebookClient.execute
    errors = []

    # nbmake makes its own report of an error, and keeps the notebook only where it overwrites the source.
    def execute_and_keep(client, *args, **kwargs):
        try:
            return execute_notebook(client, *args, **kwargs)
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            nbformat.write(client.nb, config["output"])

    NotebookClient.execute = execute_and_keep
    argv = [
        config["notebook"],
        "--nbmake",
        f"--nbmake-kernel={config['kernel']}",
        # -1: none; left out, it would be nbmake's 300 s.
        f"--nbmake-timeout={-1 if config['timeoutSeconds'] is None else config['timeoutSeconds']}",
        f"--rootdir={config['folder']}",
        f"-c={os.devnull}",
        "--noconftest",
        "-pno:cacheprovider",
        # By descriptor, pytest would close the standard input that the probe's thread reads.
        "--capture=sys",
    ]

    def execute():
        code = int(pytest.main(argv))
        if errors:
            raise errors[0]
        if code != 0:
            raise SystemExit(code)

    return execute


class CellExecutionError(Exception):
    """A cell that was not executed well, under the name that nbclient has for it."""

    def __init__(self, content):
        super().__init__(content["status"])
        self.ename = content.get("ename", content["status"])
        self.evalue = content.get("evalue", "")


class DeadKernelError(Exception):
    """The kernel's process has ended, under the name that nbclient has for it."""


def blocking_client(config):
    """jupyter_client's ``BlockingKernelClient``, one cell after another, as consoles and scripts use it."""
    import nbformat
    from jupyter_client import KernelManager

    notebook = nbformat.read(config["notebook"], as_version=4)
    manager = KernelManager(kernel_name=config["kernel"])

    def execute():
        manager.start_kernel(cwd=config["folder"])
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=config["startTimeoutSeconds"])
            for cell in notebook.cells:
                if cell.cell_type == "code" and cell.source.strip():
                    execute_cell(client, cell)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            nbformat.write(notebook, config["output"])

    def execute_cell(client, cell):
        cell.outputs = []
        kinds = ("stream", "display_data", "execute_result", "error")

        def keep(msg):
            if msg["header"]["msg_type"] in kinds:
                cell.outputs.append(nbformat.v4.output_from_msg(msg))

        try:
            reply = client.execute_interactive(
                cell.source, timeout=config["timeoutSeconds"], output_hook=keep, allow_stdin=False
            )
        except TimeoutError:
            if manager.is_alive():
                raise
            raise DeadKernelError("the kernel's process has ended") from None
        content = reply["content"]
        cell.execution_count = content.get("execution_count")
        if content["status"] != "ok" and "raises-exception" not in cell.metadata.get("tags", []):
            raise CellExecutionError(content)

    return execute


CLIENTS = {
    "nbclient": nbclient,
    "papermill": papermill,
    "jupyter-execute": jupyter_execute,
    "nbconvert": nbconvert,
    "nbmake": nbmake,
    "jupyter-client": blocking_client,
}


if __name__ == "__main__":
    main()
