"""Print, as one JSON object, what the kernel environment of this interpreter consists of.

Run as ``python -I probe_environment.py``. Nothing of ipykernel is imported: that would cost a
kernel's start-up, and the arms replace ipykernel by their own copies anyway.
"""

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
import sysconfig
import warnings


def installed_packages():
    """Name to version; names normalised (PEP 503), so that they compare across installers."""
    packages = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        # A half-removed distribution leaves a metadata folder without a name.
        if name:
            packages[normalised(name)] = distribution.version
    return dict(sorted(packages.items()))


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def import_failure(module):
    """Why ``import module`` does not work, None if it does."""
    try:
        __import__(module)
    # A broken binary package can raise anything, SystemError included; it is reported, not raised.
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


# What a kernel serves its channels with: their sources are hashed, here and from inside each kernel.
WATCHED = ("IPython", "comm", "ipykernel", "jupyter_client", "tornado", "traitlets", "zmq")


def package_folder(name):
    spec = importlib.util.find_spec(name)
    # A namespace package is what is left of a removed one: it has no __init__.py, hence no origin.
    if spec is None or spec.origin is None:
        return None
    return os.path.dirname(spec.origin)


def class_name(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def event_loop(folder):
    """The event loops that ipykernel would run: main thread, shell-channel thread, and the policy.

    On Windows, ipykernel before 7.4 sets the selector policy at start-up; from 7.4 on the main
    thread keeps the default, and the service threads get a selector loop explicitly (#1469).
    """
    with warnings.catch_warnings():
        # Policies are deprecated from Python 3.14 on; ipykernel uses them where they exist.
        warnings.simplefilter("ignore", DeprecationWarning)
        if sys.platform == "win32" and folder is not None:
            with open(os.path.join(folder, "kernelapp.py"), encoding="utf-8") as source:
                sets_selector = "set_event_loop_policy(WindowsSelectorEventLoopPolicy" in source.read()
            default = type(asyncio.get_event_loop_policy()).__name__
            if sets_selector and default == "WindowsProactorEventLoopPolicy":
                asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
        policy = asyncio.get_event_loop_policy() if hasattr(asyncio, "get_event_loop_policy") else None
        loop = asyncio.new_event_loop()
    main = class_name(loop)
    loop.close()
    shell_channel = main
    if "Proactor" in main and folder is not None:
        with open(os.path.join(folder, "thread.py"), encoding="utf-8") as source:
            if "SelectorEventLoop()" in source.read():
                shell_channel = "asyncio.windows_events._WindowsSelectorEventLoop"
    return {
        "main": main,
        "shellChannel": shell_channel,
        "policy": class_name(policy) if policy is not None else None,
    }


def facts():
    packages = installed_packages()
    folders = {name: package_folder(name) for name in WATCHED}
    folder = folders["ipykernel"]
    missing = []
    if folder is None or "ipykernel" not in packages:
        missing.append({"package": "ipykernel", "reason": "not installed"})
    failures = {}
    for package, module in (("pyzmq", "zmq"), ("tornado", "tornado")):
        failures[package] = import_failure(module)
        if failures[package] is not None:
            reason = failures[package] if package in packages else "not installed"
            missing.append({"package": package, "reason": reason})
    libzmq = None
    if failures["pyzmq"] is None:
        libzmq = sys.modules["zmq"].zmq_version()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": sys.platform,
        "machine": platform.machine(),
        "freeThreaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "packages": packages,
        "ipykernel": {"version": packages["ipykernel"], "folder": folder}
        if folder is not None and "ipykernel" in packages
        else None,
        "sourceFolders": {name: path for name, path in folders.items() if path is not None},
        "pyzmq": packages.get("pyzmq"),
        "libzmq": libzmq,
        "tornado": packages.get("tornado"),
        "eventLoop": event_loop(folder),
        "missing": missing,
    }


json.dump(facts(), sys.stdout)
