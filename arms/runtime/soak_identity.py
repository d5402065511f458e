"""The kernel's own word on which source files it loaded."""

import hashlib
import json
import os
import platform
import sys
import warnings


def loaded_sources(overlay, *packages, folders=None):
    """SHA-256 of each loaded module's file, by its path relative to the overlay.

    Of ``packages`` (``ipykernel`` where none is named), which the overlay has, and of those in
    ``folders`` (import name to the folder that the environment has it in), whose files are listed
    as ``site:`` and their path from there. A file of such a package from anywhere else is listed
    under its absolute path, so that it cannot pass for one that was meant. Overlays hold
    hash-checked bytecode, so the interpreter itself has compared each of their sources with the
    code that it runs.
    """
    folders = folders or {}
    roots = [(os.path.realpath(overlay), "")]
    # As it is named and as it is: an installer may have linked the files of a package.
    for folder in folders.values():
        roots += [(os.path.dirname(form(folder)), "site:") for form in (os.path.abspath, os.path.realpath)]
    watched = {*(packages or ("ipykernel",)), *folders}
    hashes = {}
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        path = getattr(module, "__file__", None)
        if package not in watched or not path:
            continue
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        hashes[_place(path, roots)] = digest
    return hashes


def _place(path, roots):
    for root, prefix in roots:
        for form in (os.path.realpath(path), os.path.abspath(path)):
            if form.startswith(root + os.sep):
                return prefix + os.path.relpath(form, root).replace(os.sep, "/")
    return path


def _main_loop():
    """Class of the loop that the main thread runs on; None where there is no choice of one."""
    if sys.platform != "win32":
        return None
    import asyncio

    with warnings.catch_warnings():
        # Policies are deprecated from Python 3.14 on; ipykernel uses them where they exist.
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = asyncio.new_event_loop()
    loop.close()
    return type(loop).__name__


def write(path, overlay, app, packages, folders):
    import ipykernel
    import zmq

    stream = app.kernel.shell_stream
    loop = getattr(stream.io_loop, "asyncio_loop", stream.io_loop)
    identity = {
        "sources": loaded_sources(overlay, *packages, folders=folders),
        "ipykernel": ipykernel.__version__,
        "python": platform.python_version(),
        "pyzmq": zmq.__version__,
        "libzmq": zmq.zmq_version(),
        "eventLoop": type(loop).__name__,
        "mainLoop": _main_loop(),
        "pid": os.getpid(),
    }
    write_json(path, identity)


def write_json(path, value):
    """Write a file that another process waits for: it is there whole or not at all."""
    partial = path + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(partial, path)
