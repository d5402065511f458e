"""ipykernel that does not execute a cell which begins with ``# aborted``, and says so without an error.

    python aborting_kernel.py -f CONNECTION_FILE

As IRkernel, tslab and xonsh do with cells that were sent after one that failed.
"""

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp


class AbortingKernel(IPythonKernel):
    async def do_execute(self, code, *args, **kwargs):
        if code.startswith("# aborted"):
            return {"status": "aborted"}
        return await super().do_execute(code, *args, **kwargs)


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=AbortingKernel)
