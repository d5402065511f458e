/** Where a thread's innermost Python frame stands while an event loop waits. */
export interface ParkedFrame {
  /** Name of the source file, without its folder. */
  readonly file: string;
  readonly function: string;
  /** The loops that wait there, and on which systems. */
  readonly loops: string;
  /** The source of the row: versions that ran, and versions whose source was read. */
  readonly seen: string;
}

/**
 * The frames in which a parked loop is known to stand. The rows come from loops that ran:
 * `record_parked_frames.py` takes them, and `golden/parked-frames.json` keeps what it took, with versions and line
 * numbers. A wait within C code has no frame of its own, so that the innermost one is its caller's.
 */
export const PARKED_FRAMES: readonly ParkedFrame[] = [
  {
    file: 'selectors.py',
    function: 'select',
    loops: 'asyncio with epoll, poll or select on POSIX; with kqueue on macOS',
    seen: 'ran: CPython 3.10 to 3.13 on Linux; read: 3.14, 3.15, and KqueueSelector of 3.10 to 3.15',
  },
  {
    file: 'selectors.py',
    function: '_select',
    loops: 'asyncio with select on Windows, where SelectSelector wraps select() in a method of its own',
    seen: 'ran: CPython 3.10 to 3.13 for Windows, under Wine 10; read: 3.14, 3.15',
  },
  {
    file: 'windows_events.py',
    function: '_poll',
    loops: 'asyncio with the proactor on Windows; tornado then selects in a thread of its own',
    seen: 'ran: CPython 3.10 to 3.13 for Windows, under Wine 10; read: 3.14, 3.15',
  },
  {
    file: 'asyncio.py',
    function: 'start',
    loops: "uvloop and winloop, whose loops are C: tornado's IOLoop.start is what called them",
    seen: 'ran: uvloop 0.23 on Linux and winloop 0.8 for Windows, under tornado 6.5 and 6.6 with CPython 3.10 to 3.13',
  },
];

const FRAME = /^(.+):\d+ (.+)$/;

/** Whether a frame, as a look has it (`file:line function`), is one in which a parked loop is known to stand. */
export function isParkedFrame(frame: string | undefined): boolean {
  const [, file, name] = FRAME.exec(frame ?? '') ?? [];
  return PARKED_FRAMES.some((known) => known.file === file && known.function === name);
}

/**
 * Where a loop stands that is not known to be parked, as a clause. Empty: it is parked. Without this, a frame that the
 * table lacks would silently make a certified wedge an uncertified one.
 *
 * @param frames innermost first. `undefined`: the look has no thread of that name
 */
export function standsWords(thread: string, frames: readonly string[] | undefined): string {
  const [frame] = frames ?? [];
  if (isParkedFrame(frame)) return '';
  return frame === undefined
    ? `, and the look shows no thread "${thread}", so that its loop is not known to be parked`
    : `, and the loop stands in ${frame}, which is not known to be parked`;
}
