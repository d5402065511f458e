/** Why a kernel was not ready whose process ended; any other was only too slow for a probe. */
export const ENDED_AT_START = 'the process ended before it answered';

/** What came of one request. */
export interface Answer {
  /** Type of what came on the request's channel; `null`: nothing did. */
  readonly replyType: string | null;
  /** The reply's `status`; `null`: it has none, or there is no reply. */
  readonly status: string | null;
  /** From sending to the reply, milliseconds; `null`: none came. */
  readonly replyMs: number | null;
  readonly busy: boolean;
  /** From sending to the idle status, milliseconds; `null`: none came. */
  readonly idleMs: number | null;
}

/** What came of one cell. */
export interface CellAnswer extends Answer {
  readonly executeInput: boolean;
  /** The reply's count; `null`: it has none. */
  readonly executionCount: number | null;
}

/** What a kernel did with what it was asked; `null`: it was not asked, `unasked` says why. */
export interface ProbeResult {
  readonly schema: 1;
  /** Name of its kernelspec. */
  readonly kernel: string;
  readonly implementation: string | null;
  readonly implementationVersion: string | null;
  readonly language: string | null;
  readonly languageVersion: string | null;
  /** `null`: it answered `kernel_info` within the time that it was given. */
  readonly notReady: string | null;
  /** From launch to the first answer on shell, milliseconds. */
  readonly startMs: number | null;
  /** Whether `starting` was published, and an `iopub_welcome` came. */
  readonly starting: boolean;
  readonly welcome: boolean;
  /** As `kernel_info_reply` states it, and as the headers of its messages do. */
  readonly protocolStated: string | null;
  readonly protocolHeaders: string | null;
  readonly shellInfo: Answer | null;
  readonly controlInfo: Answer | null;
  readonly heartbeat: boolean | null;
  /** While a cell ran. */
  readonly heartbeatBusy: boolean | null;
  readonly emptyCell: CellAnswer | null;
  readonly commInfo: Answer | null;
  /** What `overlap` traffic sends besides `kernel_info`. */
  readonly complete: Answer | null;
  readonly inspect: Answer | null;
  /** A request of a type that there is not, and whether `kernel_info` was answered after it. */
  readonly unknownType: Answer | null;
  readonly answersAfterUnknown: boolean | null;
  /** A cell that raises, and two that were queued behind it, with `stop_on_error`. */
  readonly failed: CellAnswer | null;
  readonly queued: readonly CellAnswer[] | null;
  /** Whether a queued cell was answered with the error of the first, word for word. */
  readonly sameError: boolean | null;
  /** A cell sent once the error was answered. */
  readonly afterError: CellAnswer | null;
  /** A cell queued behind one that raises without `stop_on_error`. */
  readonly queuedAfterAllowed: CellAnswer | null;
  /** A cell that asks for input though `allow_stdin` is false, and whether it asked all the same. */
  readonly input: CellAnswer | null;
  readonly inputAsked: boolean | null;
  readonly interruptMode: 'signal' | 'message';
  /** A cell of eight seconds, interrupted, and how long after the interrupt its reply came, milliseconds. */
  readonly interrupted: CellAnswer | null;
  readonly interruptMs: number | null;
  /** Whether the process ended by the interrupt. */
  readonly endedByInterrupt: boolean | null;
  /** The reply to `shutdown_request` on control, and the type of what was published for it. */
  readonly shutdownReply: boolean | null;
  readonly shutdownPublished: string | null;
  /** From the request to the end of the process, milliseconds; `null`: it lived on. */
  readonly shutdownMs: number | null;
  /** How long it was waited for, milliseconds. */
  readonly shutdownWaitMs: number;
  /** Ways in which its messages depart from the protocol, and how often. */
  readonly deviations: Readonly<Record<string, number>>;
  /** Why something was not asked. */
  readonly unasked: readonly string[];
  readonly tookMs: number;
}
