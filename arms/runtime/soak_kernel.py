"""Start ipykernel from an arm's overlay, with counters that cost nothing.

    python soak_kernel.py CONFIG.json [kernel arguments, such as -f connection.json]

CONFIG.json holds ``overlay`` (the folder to import ``ipykernel`` from), ``counters``
(a memory-mapped file, see ``soak_counters``), ``identity`` (where to say which files
were loaded), ``packages`` (what the overlay has), ``folders`` (where the environment has the
other packages whose files are said), ``eventLoop`` (``selector`` or ``proactor`` on Windows, else
null), ``needsStream`` (whether the arm's change keeps a stream reference) and ``marks`` (how many marks
the overlay's bytecode sets, see ``soak_marks``). Where a server starts the
kernel from a kernelspec that was installed (``soak arms install``), there is ``runs`` instead of
``counters`` and ``identity``: the folder in which each kernel makes a private one for them.

Everything here is the same in every arm, control included. Nothing runs on the
shell-channel loop that the kernel does not run by itself: counting happens inside calls
that the kernel makes anyway, and no timer, socket or thread is added.
"""

import json
import os
import shutil
import sys
import time


def remove_abandoned(runs, age_s=86_400.0):
    """Remove the folders of kernels that ended long ago with nobody on this machine to remove them."""
    for entry in os.scandir(runs):
        word = os.path.join(entry.path, "launch.json")
        try:
            if time.time() - os.stat(word).st_mtime < age_s:
                continue
            with open(word, encoding="utf-8") as file:
                pid = json.load(file)["pid"]
            if os.name == "posix":
                try:
                    os.kill(pid, 0)
                    continue
                except ProcessLookupError:
                    pass
            # On Windows a folder with open files cannot be renamed.
            os.rename(entry.path, entry.path + ".old")
            shutil.rmtree(entry.path + ".old", ignore_errors=True)
        except (OSError, ValueError, KeyError):
            continue


def own_places(runs, connection_file):
    """Make a kernel's private folder, named like its connection file: counters, identity, temporary files."""
    import soak_counters
    import soak_identity

    remove_abandoned(runs)
    name = os.path.splitext(os.path.basename(connection_file))[0]
    folder = os.path.join(runs, name)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    counters = os.path.join(folder, "counters.bin")
    soak_counters.create_file(counters)
    for variable, part in (("IPYTHONDIR", "ipython"), ("TMPDIR", "tmp"), ("TEMP", "tmp"), ("TMP", "tmp")):
        os.environ[variable] = os.path.join(folder, part)
        os.makedirs(os.environ[variable], mode=0o700, exist_ok=True)
    os.environ["KERNEL_SOAK_RUN"] = folder  # harness/kernel/marked-processes.ts
    launch = {"pid": os.getpid(), "connectionFile": os.path.abspath(connection_file)}
    soak_identity.write_json(os.path.join(folder, "launch.json"), launch)
    return {"counters": counters, "identity": os.path.join(folder, "identity.json")}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    if "runs" in config:
        config.update(own_places(config["runs"], sys.argv[sys.argv.index("-f") + 1]))
    import soak_counters
    import soak_event_loop
    import soak_identity
    import soak_marks
    import soak_parent
    import soak_probe

    # At once: whoever has another program start the kernel must be able to end it from here on.
    soak_identity.write_json(config["identity"] + ".pid", os.getpid())

    # The overlay takes the place of this script's folder, so that neither the runtime nor
    # the notebook's folder can shadow a package while the kernel loads.
    sys.path[0] = config["overlay"]
    soak_parent.hold_parent_handle()
    sys.argv = ["ipykernel_launcher", *sys.argv[2:]]

    soak_event_loop.choose(config["eventLoop"])
    soak_marks.hold(config["counters"] + ".marks", config["marks"])

    from ipykernel import kernelapp

    counters = soak_counters.Counters(config["counters"])
    soak_counters.instrument_classes(counters, config["needsStream"])
    init_kernel = kernelapp.IPKernelApp.init_kernel

    def init_kernel_counted(app, *args, **kwargs):
        init_kernel(app, *args, **kwargs)
        soak_counters.instrument_kernel(app.kernel, counters)
        soak_probe.register(app.kernel)
        soak_identity.write(config["identity"], config["overlay"], app, config["packages"], config["folders"])

    kernelapp.IPKernelApp.init_kernel = init_kernel_counted
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
