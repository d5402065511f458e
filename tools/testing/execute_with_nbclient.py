"""Execute a notebook with nbclient and write the result: what the outputs test compares with.

    python execute_with_nbclient.py NOTEBOOK RESULT OVERLAY

OVERLAY is put on the kernel's path: an ipykernel that does not wedge.
"""

import os
import sys

import nbformat
from nbclient import NotebookClient

source, result, overlay = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
# The client of this nbclient can itself stall on a widgets notebook (jupyter/nbclient#312), hence a
# time-out; the caller tries again.
client = NotebookClient(
    notebook,
    timeout=8,
    record_timing=False,
    resources={"metadata": {"path": os.path.dirname(os.path.abspath(source))}},
)
client.execute(env={**os.environ, "PYTHONPATH": overlay})
nbformat.write(notebook, result)
