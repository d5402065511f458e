"""The kernel's own word on which source files it loaded."""

import hashlib
import json
import os
import platform
import sys


def loaded_sources(overlay, package="ipykernel"):
    """SHA-256 of each loaded source file of a package, by path relative to the overlay.

    A file from elsewhere is listed under its absolute path, so that it cannot pass for one of
    the overlay's. Overlays hold hash-checked bytecode, so the interpreter itself has compared
    each source with the code that it runs.
    """
    hashes = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != package:
            continue
        path = getattr(module, "__file__", None)
        if not path:
            continue
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        inside = os.path.realpath(path).startswith(os.path.realpath(overlay) + os.sep)
        key = os.path.relpath(path, overlay).replace(os.sep, "/") if inside else path
        hashes[key] = digest
    return hashes


def write(path, overlay, app):
    import ipykernel
    import zmq

    stream = app.kernel.shell_stream
    loop = getattr(stream.io_loop, "asyncio_loop", stream.io_loop)
    identity = {
        "sources": loaded_sources(overlay),
        "ipykernel": ipykernel.__version__,
        "python": platform.python_version(),
        "pyzmq": zmq.__version__,
        "libzmq": zmq.zmq_version(),
        "eventLoop": type(loop).__name__,
        "pid": os.getpid(),
    }
    write_json(path, identity)


def write_json(path, value):
    """Write a file that another process waits for: it is there whole or not at all."""
    partial = path + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(partial, path)
