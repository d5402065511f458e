import { setTimeout as delay } from 'node:timers/promises';
import { isSettled, type KernelClient, type ShellRequest } from '../frontend/client.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import type { KernelExit, RunningKernel } from '../kernel/launch.ts';
import { refusedFinding, rejectionList } from '../oracle/classify.ts';

/** What a kernel's `kernel_info_reply` says about it, `null` where it says nothing. The text may be hostile. */
export interface KernelInfo {
  readonly protocolVersion: string | null;
  readonly implementation: string | null;
  readonly implementationVersion: string | null;
  /** Language and its version, as `language_info` has them. */
  readonly language: string | null;
  readonly languageVersion: string | null;
}

/** How a start ended. */
export type Readiness =
  | {
      readonly ready: true;
      /** As the kernel states it; `null` when it states none. */
      readonly languageInfo: Readonly<Record<string, unknown>> | null;
      readonly info: KernelInfo;
    }
  | { readonly ready: false; readonly reason: string; readonly exit: KernelExit | null };

// Without iopub_welcome (ipykernel before 7.2, other kernels) a published status is what proves the
// subscription: one control request brings two, so ask again this long after a reply without any.
const IOPUB_RETRY_MS = 20;
// An idle status that is on its way comes with its reply; one that was published before we were subscribed never does.
const IDLE_AFTER_REPLY_MS = 300;

/** How long the handshake waits for messages that not every kernel sends, milliseconds. */
interface Patience {
  /** For `starting`, once something has come on iopub. */
  readonly afterIopubMs: number;
  /** For `starting`, from the launch, when nothing has come on iopub. */
  readonly afterLaunchMs: number;
  /** For the answer to one control request. */
  readonly controlMs: number;
  /** For anything on iopub, once control has answered. */
  readonly statusMs: number;
}

// ipykernel publishes `starting`, serves control and publishes statuses for it. A message that is missing was lost
// while it started, and is asked for again.
const PATIENT: Patience = {
  afterIopubMs: 1_000,
  afterLaunchMs: 3_000,
  controlMs: 5_000,
  statusMs: Number.POSITIVE_INFINITY,
};
// Many other kernels publish no `starting` (or did so before we subscribed), serve no control (IRkernel, ijavascript) or
// publish no status for it (deno). A kernel that is only slow takes no harm from being asked on shell, where the request
// waits for it. So the start of such a kernel costs at most 1.6 s of waiting.
const BRIEF: Patience = { afterIopubMs: 300, afterLaunchMs: 1_000, controlMs: 600, statusMs: 600 };

/** A bound on a wait. By itself it does not keep the process alive. */
function atMost(ms: number): Promise<void> {
  return delay(ms, undefined, { ref: false });
}

/**
 * The handshake.
 *
 * 1. Nothing is sent until the kernel has published `starting`. ipykernel registers its control reader some lines before
 *    the lock that its handler needs (`Kernel.start`, 7.3.0), on another thread than the one that reads. A control
 *    request in between raises there and is lost (seen once in 15 starts, not again in 150). `starting` is published
 *    after both.
 * 2. Control answers, and iopub is proved to be subscribed: by `iopub_welcome`, or by a status for a control request.
 *    Requests that have to be repeated go over control, so that shell starts with no stray replies.
 * 3. One `kernel_info` on shell is answered with reply and idle.
 *
 * If the command says that the kernel may lack control, and nothing answers there or no status is published for it,
 * shell is used for both.
 */
export async function awaitReady(
  client: KernelClient,
  kernel: RunningKernel,
  timeoutMs: number,
): Promise<Readiness> {
  const dueMs = monotonicMs() + timeoutMs;
  const exited = Promise.race([kernel.exited, client.refusal]).then((): 'exited' => 'exited');
  const died = (): Readiness => ({
    ready: false,
    reason:
      client.refused === null
        ? 'the process ended before it was ready'
        : refusedFinding(client.refused).reason,
    exit: kernel.exit,
  });
  const late = (what: string): Readiness => ({
    ready: false,
    reason: `${what} within ${(timeoutMs / 1000).toFixed(0)} s${turnedAwayWords(client)}`,
    exit: null,
  });
  const mayLackControl = kernel.command.mayLackControl === true;
  const patience = mayLackControl ? BRIEF : PATIENT;

  const launchedMs = monotonicMs();
  let iopubSinceMs: number | null = null;
  while (!client.startingSeen) {
    const nowMs = monotonicMs();
    if (client.iopubSeen) iopubSinceMs ??= nowMs;
    const quietUntilMs = Math.min(
      dueMs,
      iopubSinceMs === null ? launchedMs + patience.afterLaunchMs : iopubSinceMs + patience.afterIopubMs,
    );
    if (nowMs >= quietUntilMs) break;
    const next = await Promise.race([client.changed(), atMost(quietUntilMs - nowMs), exited]);
    if (next === 'exited') return died();
  }

  let answeredAtMs: number | null = null;
  let usesShell = false;
  while ((!client.iopubSeen || answeredAtMs === null) && !usesShell) {
    const leftMs = dueMs - monotonicMs();
    if (leftMs <= 0) {
      return late(
        answeredAtMs !== null
          ? 'control answered, but nothing came on iopub'
          : 'no answer on the control channel',
      );
    }
    const reply = await Promise.race([
      client.control('kernel_info_request', {}, Math.min(leftMs, patience.controlMs)),
      exited,
    ]);
    if (reply === 'exited') return died();
    const isAnswered = reply !== null;
    if (isAnswered) answeredAtMs ??= monotonicMs();
    if (isAnswered && !client.iopubSeen) {
      await Promise.race([client.changed(), atMost(IOPUB_RETRY_MS)]);
    }
    const isMute = answeredAtMs !== null && monotonicMs() - answeredAtMs >= patience.statusMs;
    usesShell = (!client.iopubSeen && isMute) || (mayLackControl && answeredAtMs === null);
  }

  let isReplied = false;
  for (;;) {
    // A request that was sent before iopub was subscribed may have lost its statuses.
    const isBlind = !client.iopubSeen;
    const info = client.request('kernel_info_request', {});
    const isDone = () =>
      isSettled(info) ||
      (info.replyAtMs !== null &&
        (!client.iopubSeen || (isBlind && monotonicMs() - info.replyAtMs >= IDLE_AFTER_REPLY_MS)));
    while (!isDone()) {
      const leftMs = dueMs - monotonicMs();
      if (leftMs <= 0) {
        return late(
          silenceWords(answeredAtMs !== null, isReplied || info.replyAtMs !== null, client.iopubSeen),
        );
      }
      const lookMs = isBlind && info.replyAtMs !== null ? IOPUB_RETRY_MS : leftMs;
      const next = await Promise.race([client.changed(), atMost(Math.min(leftMs, lookMs)), exited]);
      if (next === 'exited') return died();
    }
    if (isSettled(info)) return { ready: true, ...statedInfo(info) };
    // Only a kernel without control, or without statuses for it, comes here: its idle status was published before we
    // subscribed. This request does not matter any more: the next one has to be settled.
    isReplied = true;
    await Promise.race([client.changed(), atMost(IOPUB_RETRY_MS)]);
    if (!isSettled(info)) client.disregard(info);
  }
}

/** What was missing at the deadline, for a sentence. It does not deny what came. */
function silenceWords(controlAnswered: boolean, shellReplied: boolean, iopubSeen: boolean): string {
  if (shellReplied) {
    return `kernel_info was answered on shell, but ${iopubSeen ? 'its idle status did not come' : 'nothing came on iopub'}`;
  }
  return controlAnswered
    ? 'control answered, but kernel_info on shell did not'
    : 'no answer on the control channel, nor to kernel_info on shell,';
}

/** Messages that came and could not be taken: such a start was not silent. */
function turnedAwayWords(client: KernelClient): string {
  const list = rejectionList(client.rejections, client.malformed);
  return list === '' ? '' : `; the kernel's answers came and were turned away: ${list}`;
}

function statedInfo({
  reply,
}: ShellRequest): Pick<Extract<Readiness, { ready: true }>, 'languageInfo' | 'info'> {
  const languageInfo = reply?.['language_info'];
  const stated = typeof languageInfo === 'object' && languageInfo !== null && !Array.isArray(languageInfo);
  const language = stated ? (languageInfo as Record<string, unknown>) : null;
  return {
    languageInfo:
      language !== null && JSON.stringify(language).length > MAX_LANGUAGE_INFO_CHARACTERS ? null : language,
    info: {
      protocolVersion: statedText(reply?.['protocol_version']),
      implementation: statedText(reply?.['implementation']),
      implementationVersion: statedText(reply?.['implementation_version']),
      language: statedText(language?.['name']),
      languageVersion: statedText(language?.['version']),
    },
  };
}

// It goes into every saved notebook. ipykernel's has some 300.
const MAX_LANGUAGE_INFO_CHARACTERS = 10_000;
/** Longest text kept of what a kernel says about itself, characters. */
const MAX_STATED_CHARACTERS = 200;

function statedText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_STATED_CHARACTERS) : null;
}
