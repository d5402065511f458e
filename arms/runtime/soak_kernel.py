"""Start ipykernel from an arm's overlay, with counters that cost nothing.

    python soak_kernel.py CONFIG.json [kernel arguments, such as -f connection.json]

CONFIG.json holds ``overlay`` (the folder to import ``ipykernel`` from), ``counters``
(a memory-mapped file, see ``soak_counters``), ``identity`` (where to say which files
were loaded), ``packages`` (what the overlay has), ``folders`` (where the environment has the
other packages whose files are said), ``eventLoop`` (``selector`` or ``proactor`` on Windows, else
null) and ``needsStream`` (whether the arm's change keeps a stream reference).

Everything here is the same in every arm, control included. Nothing runs on the
shell-channel loop that the kernel does not run by itself: counting happens inside calls
that the kernel makes anyway, and no timer, socket or thread is added.
"""

import json
import os
import sys


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    import soak_counters
    import soak_event_loop
    import soak_identity
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
