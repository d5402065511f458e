"""A small kernel that speaks real ZeroMQ and misbehaves on demand, at one chosen cell.

    python faulty_kernel.py --behaviour NAME [--at N] [--delay SECONDS] [--count N] -f connection.json
    python faulty_kernel.py --draw NAME:P[,NAME:P] --seed TEXT --draws FOLDER [...] -f connection.json

With `--draw` each start draws its behaviour: NAME with probability P, otherwise `normal`. The draw follows from the
seed and from how many starts the folder holds already, and is written there before the kernel does anything: one file a
start, which holds the behaviour's name.

With `--odd NAME` every message is written as jupyter_client takes it and the protocol does not have it: null-metadata
(akernel), nan-metadata, null-no-parent (a parent that is null where there is none), text-count, bare-header (without
date, session, username and version), zoneless-date, number-id; `list-header` nobody takes. With `--no-control-status`
control is answered without busy and idle (deno), and `starting` is not published.

With `--counters FILE --identity FILE` it counts its shell requests and writes its PID (`FILE.pid`) as the runtime of
the arms does (arms/runtime), so that a run under a client can be judged.

It evaluates nothing. A cell whose code starts with `print:` writes the rest of its code to stdout as a
stream message; one that starts with `sleep:` sleeps for so many seconds; every cell is answered `ok`. Cells are counted from 1 over all `execute_request`s; the
behaviour shows at cell `--at` (default 3) only, and every other request is served normally. Ports of 0 in
the connection file are chosen by the system and written back into it. SIGINT and `interrupt_request` end
`busy-for-ever`, `sleeps-for-ever` and cells that sleep with a KeyboardInterrupt error; at other times they do nothing.

The kernel ends when its parent does: it polls the parent's pid, and that in JPY_PARENT_PID, without which it
does not see that a parent was killed before it had started (POSIX; Windows waits on the parent's handle).
Where KERNEL_SOAK_PARENT_FD names a file descriptor, it also ends at that descriptor's end of file. In any
case it ends after `--lifetime` seconds (default 600).

D is `--delay` in seconds, N is `--count`; the defaults are in brackets.

At the start
    normal              nothing
    port-taken          its shell port is occupied: ZMQError traceback, exit code 1
    dies-at-start       a traceback on stderr, exit code 1, before any port is bound
    slow-start          binds its ports D [5] seconds late
    never-binds         stays alive and binds nothing
    silent-start        binds all ports and answers nothing on any, heartbeat and iopub welcome included

At the cell, answering wrongly
    never-replies       nothing at all for that request: no busy, reply or idle; later cells are served
    reply-without-idle  the reply comes, the idle status does not
    idle-without-reply  the idle status comes, the reply does not
    late                works, at no CPU, for D [12] seconds, then answers
    wrong-parent        the reply names a request that was never sent; busy and idle are right
    wrong-parents       both the reply and the idle status name that request; busy is right
    bad-signature       one hexadecimal digit of the reply's signature is wrong; busy and idle are right
    unsigned            the reply's signature is empty; busy and idle are right
    replies-twice       two replies that differ only in msg_id and date
    cell-error          an error with ANSI and terminal-title escapes in its traceback
    aborted             after D [0.2] seconds an error; executes queued by then are answered `aborted`

At the cell, answering rightly, but late to begin
    computes-first      spins for D [12] seconds before its busy status; control and heartbeat answer
    sleeps-first        the same, asleep

At the cell, not answering
    busy-for-ever       busy, then the main thread spins at 100 % CPU; control and heartbeat answer
    sleeps-for-ever     busy, then the main thread sleeps; control and heartbeat answer
    exits               busy, then after D [0.1] seconds exit code 3
    killed              busy, then after D [0.1] seconds SIGKILL (TerminateProcess on Windows)
    aborts              busy, then after D [0.1] seconds a message on stderr and SIGABRT
    closes-shell        busy, then the shell socket is closed; control and heartbeat answer
    strands             the first shell request after the answer to cell `--at` - 1, of whatever type, stays
                        queued and unread in the ROUTER, as in ipykernel 7.0 to 7.3: the loop is parked on
                        the socket's edge-triggered fd with POLLIN pending. Later requests of the same peer
                        queue up behind it. A new shell peer, or `soak_rearm_request` on control (answered
                        with `stranded`: whether it was), has the queue read and answered. Needs `--at` >= 2.

At the cell, answering rightly, but before that
    floods-iopub        N [1,000,000] stream messages. A subscriber at its high-water mark is waited for,
                        until it has read nothing for 5 seconds; from then on its messages are dropped
    floods-stdout       N [100,000,000] bytes to each of the process's stdout and stderr, by turns
    forged              on shell and iopub, answers to this request signed with a foreign key, and soundly
                        signed messages of a foreign session that answer requests that were never sent
    deep-json           a display_data and a reply to no request whose content nests N [100,000] arrays
    huge-frame          a stream message of N [67,108,864] characters in one frame
    invalid-utf8        correctly signed messages whose content, or header, is not UTF-8, on shell and iopub
    proto-keys          `__proto__`, `constructor` and `prototype` as keys: display_data, and the reply itself
    wrong-header-type   correctly signed messages whose header is a list, number, string, null or not JSON or
                        whose fields have wrong types, and messages that lack frames, on shell and iopub

At the cell, answering rightly, and having its client fail
    stalls-client       every kernel_info_reply has `stall_at`: N of `--at`. The client of tools/endpoints/stalling-client
                        then leaves the reply to its Nth cell unread. To any other client this is `normal`

At the cell, losing output
    drops-output        what the cell writes is not published
    doubles-output      what the cell writes is published twice
    moves-output        what the cell writes is published as output of the next cell, before that cell's own
    cuts-output         the first half of what the cell writes is published

At the cell, if it sleeps and is interrupted
    loses-interrupted   the idle status comes, the reply does not
    delays-interrupted  the KeyboardInterrupt error comes D [2] seconds after the interrupt
    passes-interrupt-on answers `ok`, and the next cell with a KeyboardInterrupt error
    ignores-interrupt   answers `ok`, D [0.1] seconds later

At the cell, answering rightly, but growing
    leaks               takes N [268,435,456] bytes for good, and answers after D [1] seconds

At the cell, as some kernels do
    aborts-next         after D [0.2] seconds an error; executes that come within D seconds of it are answered `abort`
                        and get neither busy nor idle (tslab, IRkernel)
    infects             after D [0.2] seconds an error; executes queued by then are begun and answered with that error
                        (xeus-python)
    aborts-as-error     after D [0.2] seconds an error; executes queued by then are answered with another error, and are
                        not begun: no execute_input (async-kernel)
    nameless-error      an error whose reply has neither name nor text; standard error has it (tslab)
    published-error     the same, and iopub has an `error` with both
    exits-saying-so     busy, words on standard output alone, then after D [0.1] seconds exit code 3 (ilua)

At the cell, attacking whoever listens
    replays             answers rightly, every message twice: the very same signed bytes
    replays-old         answers nothing, and sends what the cell before was answered with N [50] times again
    foreign-session     soundly signed answers to this request's id, but of another session; then the right ones
    oversized-iopub     a frame of N [1,073,741,824] bytes on iopub, then the right answer
    oversized-shell     the same on shell, in the place of the reply
    oversized-control   the same on control, in the place of the next answer there; the cell is not answered
    many-frames         N [60] messages of 200 MiB each on iopub, then the right answer
    wide-json           a display_data whose content has N [20,000,000] empty objects, then the right answer
    absurd-values       an error whose name, text, count and states are numbers without sense or texts of N
                        [5,000,000] characters; every kernel_info_reply has such a language_info too
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from typing import NoReturn

# Also where the interpreter was told to leave the script's folder out (-I, PYTHONSAFEPATH).
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# A test kernel leaves nothing behind, not even byte code.
sys.dont_write_bytecode = True

from faulty_kernel_cells import CELL_FAULTS as PLAIN_FAULTS  # noqa: E402
from faulty_kernel_cells import wait_for_ever  # noqa: E402
from faulty_kernel_counters import count_requests  # noqa: E402
from faulty_kernel_hostile import HOSTILE_FAULTS  # noqa: E402
from faulty_kernel_interrupts import INTERRUPT_FAULTS, raise_interrupt, when_interrupted  # noqa: E402
from faulty_kernel_odd import ODD_FAULTS, ODD_MESSAGES  # noqa: E402
from faulty_kernel_outputs import OUTPUT_FAULTS  # noqa: E402
from faulty_kernel_server import Kernel  # noqa: E402

CELL_FAULTS = {**PLAIN_FAULTS, **HOSTILE_FAULTS, **ODD_FAULTS, **OUTPUT_FAULTS, **INTERRUPT_FAULTS}
PARENT_POLL_S = 0.2
START_BEHAVIOURS = (
    "normal",
    "port-taken",
    "dies-at-start",
    "slow-start",
    "never-binds",
    "silent-start",
    "strands",
    "stalls-client",
)
DEFAULT_DELAY_S = {
    "late": 12.0,
    "computes-first": 12.0,
    "sleeps-first": 12.0,
    "slow-start": 5.0,
    "aborted": 0.2,
    "aborts-next": 0.2,
    "infects": 0.2,
    "aborts-as-error": 0.2,
    "exits-saying-so": 0.1,
    "leaks": 1.0,
    "delays-interrupted": 2.0,
    "ignores-interrupt": 0.1,
    "exits": 0.1,
    "killed": 0.1,
    "aborts": 0.1,
}
DEFAULT_COUNT = {
    "floods-iopub": 1_000_000,
    "floods-stdout": 100_000_000,
    "deep-json": 100_000,
    "huge-frame": 64 * 1024 * 1024,
    "replays-old": 50,
    "leaks": 256 * 1024 * 1024,
    "oversized-iopub": 1 << 30,
    "oversized-shell": 1 << 30,
    "oversized-control": 1 << 30,
    "many-frames": 60,
    "wide-json": 20_000_000,
    "absurd-values": 5_000_000,
}


BEHAVIOURS = (*START_BEHAVIOURS, *CELL_FAULTS)


def chances(text: str) -> dict[str, float]:
    pairs = [part.split(":") for part in text.split(",")]
    drawn_from = {name: float(chance) for name, chance in pairs}
    unknown = [name for name in drawn_from if name not in BEHAVIOURS]
    if unknown or sum(drawn_from.values()) > 1:
        raise argparse.ArgumentTypeError(f"{text}: unknown behaviours {unknown}, or chances above 1 together")
    return drawn_from


def drawn(drawn_from: dict[str, float], seed: str, folder: str) -> str:
    """The behaviour of this start. Two kernels that start at once take different numbers, and so different draws."""
    number = 0
    while True:
        at = random.Random(f"{seed}/{number}").random()
        name = "normal"
        for candidate, chance in drawn_from.items():
            if at < chance:
                name = candidate
                break
            at -= chance
        try:
            with open(os.path.join(folder, f"{number:06d}"), "x", encoding="utf-8") as file:
                file.write(name)
            return name
        except FileExistsError:
            number += 1


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    behaviour = parser.add_mutually_exclusive_group(required=True)
    behaviour.add_argument("--behaviour", choices=BEHAVIOURS)
    behaviour.add_argument("--draw", type=chances, metavar="NAME:P[,NAME:P]")
    parser.add_argument("--seed", default="", help="with --draw")
    parser.add_argument("--draws", help="with --draw: a folder for the draws")
    parser.add_argument("--at", type=int, default=3, help="cell, counted from 1")
    parser.add_argument("--delay", type=float, help="seconds")
    parser.add_argument("--count", type=int)
    parser.add_argument("--lifetime", type=float, default=600.0, help="seconds")
    parser.add_argument(
        "--no-welcome", dest="welcome", action="store_false", help="protocol 5.3: no iopub_welcome"
    )
    parser.add_argument(
        "--no-control", dest="answers_control", action="store_false", help="control is bound and never answers"
    )
    parser.add_argument("--odd", choices=[*ODD_MESSAGES])
    parser.add_argument(
        "--no-control-status", dest="control_status", action="store_false", help="nor `starting`: as deno does"
    )
    parser.add_argument("--counters", help="a counter file of arms/runtime")
    parser.add_argument("--identity", help="with --counters: the PID is written beside it")
    parser.add_argument("-f", dest="connection_file", required=True)
    options = parser.parse_args()
    if options.draw is not None:
        if options.draws is None:
            parser.error("--draw needs --draws, a folder")
        options.behaviour = drawn(options.draw, options.seed, options.draws)
    if options.at < (2 if options.behaviour == "strands" else 1):
        parser.error(f"--at {options.at}: cells are counted from 1, and strands needs a cell before its own")
    if options.delay is None:
        options.delay = DEFAULT_DELAY_S.get(options.behaviour, 0.0)
    if options.count is None:
        options.count = DEFAULT_COUNT.get(options.behaviour, 0)
    return options


def watch_parent_pid() -> NoReturn:
    if sys.platform == "win32":
        # The parent's pid stays what it was there, whoever has it now; a handle tells.
        import ctypes

        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.OpenProcess.restype = ctypes.c_void_p
        synchronize, infinite = 0x00100000, 0xFFFFFFFF
        parent = kernel32.OpenProcess(synchronize, False, os.getppid())
        kernel32.WaitForSingleObject(ctypes.c_void_p(parent), infinite)
        os._exit(1)
    parent_pid = os.getppid()
    # A parent that was killed before that line is known by its name alone.
    named_pid = int(os.environ.get("JPY_PARENT_PID") or parent_pid)
    while os.getppid() == parent_pid and exists(named_pid):
        time.sleep(PARENT_POLL_S)
    os._exit(1)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def watch_parent_pipe(descriptor: int) -> NoReturn:
    while os.read(descriptor, 1024):
        pass
    os._exit(1)


def end_with_parent(lifetime_s: float) -> None:
    threading.Thread(target=watch_parent_pid, daemon=True).start()
    pipe = os.environ.get("KERNEL_SOAK_PARENT_FD")
    if pipe:
        os.fstat(int(pipe))
        threading.Thread(target=watch_parent_pipe, args=(int(pipe),), daemon=True).start()
    end = threading.Timer(lifetime_s, os._exit, (1,))
    end.daemon = True
    end.start()


def run(options: argparse.Namespace) -> NoReturn:
    end_with_parent(options.lifetime)
    behaviour = options.behaviour
    if behaviour == "dies-at-start":
        raise RuntimeError("faulty_kernel: dies-at-start")
    if behaviour == "slow-start":
        time.sleep(options.delay)
    if behaviour == "never-binds":
        wait_for_ever()
    kernel = Kernel(options, CELL_FAULTS.get(behaviour))
    kernel.serve_sleep = when_interrupted(raise_interrupt)
    if options.counters is not None:
        count_requests(kernel, options.counters, options.identity)
    kernel.wire.odd = ODD_MESSAGES.get(options.odd)
    if behaviour == "port-taken":
        kernel.occupy_shell_port()
    kernel.bind()
    if behaviour == "silent-start":
        wait_for_ever()
    kernel.run()


def main() -> NoReturn:
    # As ipykernel: an interrupt between cells does nothing.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run(parsed_options())
    except Exception:
        import traceback

        traceback.print_exc()
        # At once: the end of the interpreter would wait for open sockets.
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main()
