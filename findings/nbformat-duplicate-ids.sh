#!/usr/bin/env bash
# nbformat gives a duplicate cell id a new random value at every read.
#
# A person would expect, from the notebook format's description and enhancement proposal 62 (ids are kept, so
# that cells can be referred to): two reads of one file give the same ids, or the file is refused.
# What happens: the second of two cells with one id gets a random one, another at each read, and the file on
# the disk stays as it is. A notebook of format 4.5 without ids is the same: all of them are new at each read.
# Seen with nbformat 5.11.1 on Linux x86_64, CPython 3.11, on 2026-11-28.
# Why it matters here: cells copied by a text editor or a merge have duplicate ids. Who pairs cells of an
# executed notebook with those of the original by id misses them. Position and source are stable.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
timeout 900 env/bin/pip --quiet --disable-pip-version-check install --no-compile nbformat==5.11.1
HOME=$work timeout 400 env/bin/python - <<'PY'
import json, sys, warnings
import nbformat

warnings.simplefilter("ignore")
cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}
seen = {}
for name, cells in {
    "duplicate": [cell | {"id": "same"}, cell | {"id": "same"}],
    "absent": [cell, cell],
}.items():
    with open(f"{name}.ipynb", "w") as file:
        json.dump({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}, file)
    reads = [[c["id"] for c in nbformat.read(f"{name}.ipynb", as_version=4).cells] for _ in range(2)]
    print(f"{name}: {reads[0]}, then {reads[1]}")
    seen[name] = [first == second for first, second in zip(*reads)]
expected = {"duplicate": [True, False], "absent": [False, False]}
print("the same id at both reads:", seen)
if seen != expected:
    sys.exit(f"changed: {expected} was seen before")
PY
