"""What the kernel noted of each line of a child process, and where nbclient put that line.

    python read_traces.py collect NOTEBOOKS > traced/traces.jsonl
    python read_traces.py traced/traces.jsonl

``collect`` takes the kernel's account out of the executed notebooks of ``trace-arm`` (``--save-notebooks``), a line each, with the cells
under which each line is shown. The account is a list of [microseconds, event, number of the parent request, text]. The second form
prints counts over all lines, and each lost line with its times, in milliseconds from the flush at the end of its own cell. The child
process had ended before that flush.
"""

import json
import pathlib
import statistics
import sys


def text_of(cell):
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def collected(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    # A late line of the last child process may stand between the word TRACE and the account.
    text = text_of(cells[-1])
    account, _ = json.JSONDecoder().raw_decode(text, text.index("[["))
    shown = [[index for index, each in enumerate(cells) if f"child {line}\n" in text_of(each)] for line in range(1, len(cells) - 1)]
    return {"run": path.name.split("-child-output")[0], "account": account, "shown": shown}


def lines_of(run):
    """For each line: the cell that the kernel wrote and sent it under, its times, and the cells that show it."""
    account = run["account"]
    cell_of = {}
    for _, event, request, _ in account:
        if event == "parent execute_request":
            cell_of.setdefault(request, len(cell_of))

    def times(event, cell):
        return [at for at, what, request, _ in account if what == event and cell_of.get(request) == cell]

    for cell, shown in enumerate(run["shown"], 1):
        line = f"child {cell}\n"
        found = {
            event: [(at, cell_of.get(request)) for at, what, request, text in account if what == event and line in (text or "")]
            for event in ("read", "write", "send")
        }
        if any(len(each) > 1 for each in found.values()):
            raise SystemExit(f"{run['run']}: {line!r} was noted twice")
        flush = times("flush", cell)[-1]

        def after(at):
            return None if at is None else (at - flush) / 1000

        at = {event: each[0] if each else (None, None) for event, each in found.items()}
        following = times("parent execute_request", cell + 1)
        yield {
            "run": run["run"],
            "cell": cell,
            "wrote_under": at["write"][1],
            "sent_under": at["send"][1],
            "read": after(at["read"][0]),
            "written": after(at["write"][0]),
            "flushed": after(times("flushed", cell)[-1]),
            "idle": after(times("idle", cell)[0]),
            "next": after(following[0] if following else None),
            "sent": after(at["send"][0]),
            "missed": at["send"][0] is None or at["write"][1] is None or not times("idle", at["write"][1]) or at["send"][0] > times("idle", at["write"][1])[0],
            "shown": shown,
        }


def fate(line):
    """What becomes of the line under nbclient, by the kernel's account alone."""
    if line["written"] is None:
        return "never read"
    if line["missed"]:
        return "missing"
    return "in place" if line["wrote_under"] == line["cell"] else "moved"


def seen(line):
    if not line["shown"]:
        return "missing"
    return "in place" if line["shown"] == [line["cell"]] else "moved"


def number(value):
    return f"{'-' if value is None else f'{value:.2f}':>8}"


def show(path):
    runs = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    every = [line for run in runs for line in lines_of(run)]
    print(f"{len(every)} lines in {len(runs)} runs")
    for what in ("in place", "missing", "moved", "never read"):
        mine = [line for line in every if fate(line) == what]
        print(f"{what}: {len(mine)} by the kernel's account; the notebook shows {sum(seen(line) == what for line in mine)} of them so")
    kept = [line for line in every if fate(line) == "in place"]
    lost = [line for line in every if fate(line) in ("missing", "moved")]
    for name, group in (("in place", kept), ("lost", lost)):
        begun = sum(line["read"] > 0 for line in group)
        ended = sum(line["written"] > line["flushed"] for line in group)
        print(f"{name}: {begun} of {len(group)} read after their cell's flush had begun, {ended} written to the buffer after it had ended")
    print(f"lost: {sum(line['sent'] is not None for line in lost)} of {len(lost)} were published, {sum(line['sent'] is not None and line['sent'] > line['idle'] for line in lost)} after their cell's idle status")
    if kept:
        print(f"in place: read before the flush by {statistics.median(-line['read'] for line in kept):.2f} ms (median)")
    if lost:
        print(f"lost: read after the flush by {statistics.median(line['read'] for line in lost):.2f} ms (median), at most {max(line['read'] for line in lost):.2f} ms")
        print(f"lost: published after the idle status by {statistics.median(line['sent'] - line['idle'] for line in lost if line['sent'] is not None):.2f} ms (median)")
    print(f"{'run':16}{'cell':>5}{'under':>6}{'read':>8}{'written':>8}{'flushed':>8}{'idle':>8}{'next':>8}{'sent':>8}  shown under")
    for line in lost:
        print(f"{line['run']:16}{line['cell']:5}{line['wrote_under']:6}{''.join(number(line[key]) for key in ('read', 'written', 'flushed', 'idle', 'next', 'sent'))}  {line['shown'] or 'nowhere'}")


if sys.argv[1] == "collect":
    for notebook in sorted(pathlib.Path(sys.argv[2]).glob("*trace-arm*.ipynb")):
        print(json.dumps(collected(notebook), separators=(",", ":")))
else:
    show(pathlib.Path(sys.argv[1]))
