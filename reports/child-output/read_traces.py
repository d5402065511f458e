"""What the kernel noted of each line of a child process, and where nbclient put that line.

    python read_traces.py FOLDER

FOLDER has the executed notebooks of the runs of ``trace-arm`` (``traced/notebooks``). Each ends with the kernel's account: a
list of [nanoseconds, event, message id of the parent, text]. Printed are counts over all lines, and each line that is lost with its
times. Times are in milliseconds from the flush at the end of the line's own cell: the child process had ended before it.
"""

import json
import pathlib
import statistics
import sys


def text_of(cell):
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def lines_of(notebook):
    """For each line: its cell, the cell that the kernel wrote it under, its times, and the cells of the notebook that show it."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    account = json.loads(text_of(cells[-1]).split("TRACE ", 1)[1].splitlines()[0])
    cell_of = {}
    for _, event, parent, _ in account:
        if event == "parent execute_request":
            cell_of.setdefault(parent, len(cell_of))

    def first(event, cell):
        return next((at for at, what, parent, _ in account if what == event and cell_of.get(parent) == cell), None)

    def last(event, cell):
        return next((at for at, what, parent, _ in reversed(account) if what == event and cell_of.get(parent) == cell), None)

    for cell in range(1, len(cells) - 1):
        line = f"child {cell}\n"
        found = {
            event: [(at, cell_of.get(parent)) for at, what, parent, text in account if what == event and line in (text or "")]
            for event in ("read", "write", "send")
        }
        assert all(len(each) <= 1 for each in found.values()), f"{line!r} was noted twice"
        flush = last("flush", cell)

        def after_flush(at):
            return None if at is None else (at - flush) / 1e6

        (read, _), (write, wrote_under) = (found[event][0] if found[event] else (None, None) for event in ("read", "write"))
        yield {
            "cell": cell,
            "wrote_under": wrote_under,
            "sent_under": found["send"][0][1] if found["send"] else None,
            "read": after_flush(read),
            "written": after_flush(write),
            "flushed": after_flush(last("flushed", cell)),
            "idle": after_flush(first("idle", cell)),
            "next_begins": after_flush(first("parent execute_request", cell + 1)),
            "sent": after_flush(found["send"][0][0] if found["send"] else None),
            "shown_under": [index for index, each in enumerate(cells[:-1]) if line in text_of(each)],
        }


def fate(line):
    """What nbclient must do with the line, by the kernel's account alone."""
    if line["written"] is None:
        return "never read"
    if line["wrote_under"] != line["cell"]:
        return "moved"
    if line["sent"] is None or line["sent"] > line["idle"]:
        return "missing"
    return "in place"


def seen(line):
    if not line["shown_under"]:
        return "missing"
    return "in place" if line["shown_under"] == [line["cell"]] else "moved"


def number(value):
    return "-" if value is None else f"{value:.3f}"


def main():
    every = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*trace-arm*.ipynb")):
        every += [(path.name.split("-")[0], line) for line in lines_of(json.loads(path.read_text(encoding="utf-8")))]
    runs = len({run for run, _ in every})
    print(f"{len(every)} lines in {runs} runs of trace-arm")
    for what in ("in place", "missing", "moved", "never read"):
        by_account = [line for _, line in every if fate(line) == what]
        agree = sum(seen(line) == what for line in by_account)
        print(f"{what}: {len(by_account)} by the kernel's account, of which the notebook shows {agree} so")
    in_place = [line for _, line in every if fate(line) == "in place"]
    late = [line for _, line in every if fate(line) != "in place"]
    print(f"read after the flush of their cell had begun: {sum(line['read'] > 0 for line in in_place)} of {len(in_place)} in place, {sum(line['read'] > 0 for line in late)} of {len(late)} lost")
    print(f"written after the flush of their cell had ended: {sum(line['written'] > line['flushed'] for line in late)} of {len(late)} lost")
    print(f"ms from a line's read to its cell's flush, in place, median: {statistics.median(-line['read'] for line in in_place):.3f}")
    print(f"lost lines with a message of their own on iopub: {sum(line['sent'] is not None for line in late)} of {len(late)}")
    print("run   cell  under  read  written  flushed  idle  next-begins  sent  shown-under")
    for run, line in every:
        if fate(line) != "in place":
            times = "  ".join(number(line[key]) for key in ("read", "written", "flushed", "idle", "next_begins", "sent"))
            print(f"{run}  {line['cell']:4}  {line['wrote_under']:5}  {times}  {line['shown_under']}")


main()
