import { type Answer, type CellAnswer, ENDED_AT_START, type ProbeResult } from './probe-result.ts';

/** One thing that was asked of a kernel. */
export interface ProbeRow {
  readonly what: string;
  readonly seen: string;
  /** What that means for a soak of it. */
  readonly means: string;
  /** Whether jupyter_kernel_test 0.7 checks it too, or a part of it. */
  readonly elsewhere: boolean;
}

/** Whether a kernel can be soaked in some way, and what has to be known of it. */
export interface Openness {
  readonly name: string;
  readonly isOpen: boolean;
  readonly words: string;
}

const NOT_ASKED = 'not asked';

/** What was asked, what was seen, and what it means. Pure. */
export function probeRows(found: ProbeResult): ProbeRow[] {
  if (found.notReady !== null) {
    const means =
      found.notReady === ENDED_AT_START
        ? 'It cannot be soaked: every run would be start-failed.'
        : 'Nothing more was asked. A run waits longer for a slow start, by default 60 s.';
    return [{ what: 'start', seen: found.notReady, means, elsewhere: true }, ...oddRows(found)];
  }
  return [
    startRow(found),
    controlRow(found),
    heartbeatRow(found),
    statusRow(found),
    orderRow(found),
    protocolRow(found),
    emptyRow(found),
    abortRow(found),
    allowedRow(found),
    inputRow(found),
    interruptRow(found),
    commRow(found),
    overlapRow(found),
    unknownRow(found),
    shutdownRow(found),
    ...oddRows(found),
  ];
}

function startRow(found: ProbeResult): ProbeRow {
  const signs = [found.starting ? '`starting`' : '', found.welcome ? '`iopub_welcome`' : ''].filter(Boolean);
  return {
    what: 'start',
    seen: `answers after ${found.startMs} ms; ${signs.length === 0 ? 'neither `starting` nor `iopub_welcome` was published' : `published ${signs.join(' and ')}`}`,
    means: found.starting
      ? 'A run begins as soon as it is ready.'
      : 'Each run waits up to a second for `starting`, which may have been published before anybody listened.',
    elsewhere: true,
  };
}

function controlRow({ controlInfo: answer }: ProbeResult): ProbeRow {
  const isMute = answer !== null && answer.replyType !== null && answer.idleMs === null;
  return {
    what: 'control',
    seen: answer === null ? NOT_ASKED : answerWords(answer),
    means:
      answer === null
        ? ''
        : answer.replyType === null
          ? 'Shell alone makes it ready, 0.6 s later. Of a silence nobody can say whether control still answered.'
          : isMute
            ? 'Shell has to prove that iopub is subscribed, 0.6 s later.'
            : 'Readiness and the look at a silence need nothing of shell.',
    elsewhere: false,
  };
}

function heartbeatRow({ heartbeat, heartbeatBusy }: ProbeResult): ProbeRow {
  const busy =
    heartbeatBusy === null ? '' : heartbeatBusy ? ', also while a cell runs' : ', but not while a cell runs';
  return {
    what: 'heartbeat',
    seen: heartbeat === null ? NOT_ASKED : heartbeat ? `echoes${busy}` : 'does not echo',
    means:
      heartbeat === false || heartbeatBusy === false
        ? 'A silent heartbeat is no sign of a fault here.'
        : heartbeat === null
          ? ''
          : 'It tells a kernel that hangs whole from one that is silent on shell.',
    elsewhere: false,
  };
}

function statusRow({ shellInfo: answer }: ProbeResult): ProbeRow {
  return {
    what: 'status on shell',
    seen: answer === null ? NOT_ASKED : statusWords(answer),
    means:
      answer === null
        ? ''
        : answer.idleMs === null
          ? 'It cannot be soaked: a request is done when its reply and its idle status have come.'
          : answer.busy
            ? 'A request that was begun can be told from one that never was.'
            : 'A request that was begun cannot be told from one that never was.',
    elsewhere: true,
  };
}

function orderRow({ shellInfo: answer }: ProbeResult): ProbeRow {
  const { replyMs = null, idleMs = null } = answer ?? {};
  const gap = replyMs === null || idleMs === null ? null : Math.round((idleMs - replyMs) * 10) / 10;
  return {
    what: 'order of reply and idle',
    seen:
      gap === null ? NOT_ASKED : gap >= 0 ? `reply, idle ${gap} ms later` : `idle, reply ${-gap} ms later`,
    means: gap === null ? '' : 'Either order is sound; they come by different sockets.',
    elsewhere: false,
  };
}

function protocolRow({ protocolStated, protocolHeaders, welcome }: ProbeResult): ProbeRow {
  const differs = protocolStated !== protocolHeaders;
  return {
    what: 'protocol version',
    seen: `${versionWords(protocolStated, 'not stated')} in kernel_info_reply${differs ? `, ${versionWords(protocolHeaders, 'none')} in headers` : ' and headers'}`,
    means: `Nothing goes by it: ${welcome ? 'the welcome' : 'a status'} proves the subscription of iopub.`,
    elsewhere: true,
  };
}

function emptyRow({ emptyCell: answer }: ProbeResult): ProbeRow {
  const count =
    answer === null || answer.executionCount === null ? 'without a count' : `count ${answer.executionCount}`;
  return {
    what: 'an empty cell',
    seen: answer === null ? NOT_ASKED : `${answerWords(answer)}, ${count}`,
    means: 'Notebooks are soaked without their empty cells.',
    elsewhere: false,
  };
}

function abortRow({ failed, queued, sameError, afterError }: ProbeResult): ProbeRow {
  const seen =
    failed === null || queued === null
      ? NOT_ASKED
      : failed.status !== 'error'
        ? `the cell that was to raise: ${quoted(failed)}`
        : `queued cells ${queued.map(quoted).join(' and ')}${statusLack(queued)}; the next one ${afterError === null ? NOT_ASKED : quoted(afterError)}`;
  const isLate =
    afterError !== null && afterError.status !== null && !['ok', 'error'].includes(afterError.status);
  return {
    what: 'cells behind an error',
    seen,
    means:
      sameError === true
        ? 'A queued cell is answered with the error of another: under pipeline traffic that is `aborted`, and no error of its own.'
        : isLate
          ? 'A cell that comes right after an error is not executed: such a run is `aborted`.'
          : 'A cell that is not executed is `aborted`, and no completed one.',
    elsewhere: false,
  };
}

function allowedRow({ queuedAfterAllowed: answer }: ProbeResult): ProbeRow {
  const isAborted = answer !== null && answer.status !== null && answer.status !== 'ok';
  return {
    what: 'a cell behind an error, stop_on_error false',
    seen: answer === null ? NOT_ASKED : `${quoted(answer)}${statusLack([answer])}`,
    means: isAborted
      ? 'Under pipeline traffic no cell may raise, not even one marked raises-exception.'
      : answer === null
        ? ''
        : 'A cell marked raises-exception stops nothing.',
    elsewhere: false,
  };
}

function inputRow({ input, inputAsked }: ProbeResult): ProbeRow {
  return {
    what: 'input, allow_stdin false',
    seen:
      input === null
        ? NOT_ASKED
        : inputAsked === true
          ? `asks all the same, then ${quoted(input)}`
          : `asks nothing, ${quoted(input)}`,
    means:
      input === null
        ? ''
        : inputAsked === true || input.replyType === null
          ? 'A cell that asks for input hangs a run: `hung`, by the notebook.'
          : 'A cell that asks for input hangs nothing.',
    elsewhere: false,
  };
}

function interruptRow({ interrupted, interruptMs, interruptMode, endedByInterrupt }: ProbeResult): ProbeRow {
  const isHeeded = interruptMs !== null;
  return {
    what: `interrupt, by ${interruptMode}`,
    seen:
      interrupted === null
        ? NOT_ASKED
        : isHeeded
          ? `${quoted(interrupted)} after ${interruptMs} ms`
          : endedByInterrupt === true
            ? 'the process ended'
            : 'the cell ran on',
    means:
      interrupted === null
        ? ''
        : endedByInterrupt === true
          ? 'An interrupt kills it: whoever interrupts a cell loses the kernel, and a run is `died`.'
          : isHeeded
            ? 'Interrupts are open to a soak.'
            : 'An ignored interrupt is counted and is no event; a cell that hangs ends with its kernel.',
    elsewhere: false,
  };
}

function commRow({ commInfo: answer }: ProbeResult): ProbeRow {
  const isOdd = answer !== null && answer.replyType !== null && answer.replyType !== 'comm_info_reply';
  return {
    what: 'comm_info',
    seen: answer === null ? NOT_ASKED : answerWords(answer, 'comm_info_reply'),
    means: isOdd
      ? 'A front end that asks for comms waits for ever.'
      : answer === null
        ? ''
        : 'Traffics send none.',
    elsewhere: false,
  };
}

function overlapRow(found: ProbeResult): ProbeRow {
  const { complete, inspect } = found;
  const asked = complete !== null && inspect !== null;
  return {
    what: 'completion and inspection',
    seen: asked ? `${answerWords(complete)}; ${answerWords(inspect)}` : NOT_ASKED,
    means: !asked
      ? ''
      : lacksOverlap(found)
        ? 'Under overlap traffic a run waits for answers that never come: `no-answer`.'
        : 'Requests while a cell runs are answered.',
    elsewhere: true,
  };
}

/** Whether it was asked for a completion or an inspection and gave no whole answer. */
function lacksOverlap({ complete, inspect }: ProbeResult): boolean {
  return [complete, inspect].some(
    (answer) => answer !== null && (answer.replyType === null || answer.idleMs === null),
  );
}

function unknownRow({ unknownType: answer, answersAfterUnknown }: ProbeResult): ProbeRow {
  return {
    what: 'a request of an unknown type',
    seen:
      answer === null
        ? NOT_ASKED
        : `${answerWords(answer)}; ${answersAfterUnknown === true ? 'answers on' : 'answers nothing after it'}`,
    means:
      answersAfterUnknown === false
        ? 'A front end newer than it silences it.'
        : 'Newer front ends do it no harm.',
    elsewhere: false,
  };
}

function shutdownRow({
  shutdownMs,
  shutdownReply,
  shutdownPublished,
  shutdownWaitMs,
}: ProbeResult): ProbeRow {
  const reply =
    shutdownReply === null ? NOT_ASKED : shutdownReply ? 'replied on control' : 'no reply on control';
  const published = shutdownPublished === null ? '' : `, \`${shutdownPublished}\` on iopub`;
  return {
    what: 'shutdown',
    seen:
      shutdownReply === null
        ? reply
        : `${reply}${published}; ${shutdownMs === null ? `still there after ${shutdownWaitMs / 1000} s` : `ended after ${shutdownMs} ms`}`,
    means:
      shutdownReply === null
        ? ''
        : shutdownMs === null
          ? 'Runs end it by force, as they end every kernel; a client that waits for its end is kept waiting.'
          : 'Runs end it by force, as they end every kernel.',
    elsewhere: false,
  };
}

function oddRows({ deviations }: ProbeResult): ProbeRow[] {
  const odd = Object.entries(deviations);
  if (odd.length === 0) return [];
  const isRefused = odd.some(([name]) => name.startsWith('not taken'));
  return [
    {
      what: 'messages',
      seen: odd.map(([name, times]) => `${name} (${times})`).join(', '),
      means: isRefused
        ? 'What was not taken is no answer.'
        : 'Taken as they came, as jupyter_client takes them, and counted in the evidence.',
      elsewhere: true,
    },
  ];
}

/** Which traffics, endpoints and certificates a soak of it has. Pure. */
export function openness(found: ProbeResult): Openness[] {
  const isSoakable = found.notReady === null && found.shellInfo?.idleMs !== null;
  const isSlow = found.notReady !== null && found.notReady !== ENDED_AT_START;
  const why = isSlow
    ? 'not known: the kernel was not ready in time for a probe'
    : (found.notReady ?? 'no idle status on shell');
  const open = (name: string, words: string): Openness =>
    isSoakable ? { name, isOpen: true, words } : { name, isOpen: false, words: why };
  const stops = (found.queuedAfterAllowed?.status ?? 'ok') !== 'ok' || found.sameError === true;
  return [
    open('traffic sequential', 'open'),
    lacksOverlap(found)
      ? { name: 'traffic overlap', isOpen: false, words: 'completions or inspections are not answered' }
      : open('traffic overlap', 'open'),
    open('traffic pipeline', stops ? 'open, with a notebook in which no cell raises' : 'open'),
    open('traffic nudge', 'open'),
    open('traffic widgets', 'open; without ipywidgets in the kernel it is sequential'),
    open(
      'endpoint wedged',
      found.shellInfo?.busy === true
        ? 'open, by messages and a new shell peer'
        : 'open, but a wedge cannot be told from a cell that hangs',
    ),
    open('endpoint lost-answer', 'open'),
    open('endpoint cell-error', 'open'),
    open('endpoint died', 'open'),
    open('endpoint start-failed', 'open'),
    found.endedByInterrupt === true
      ? { name: 'endpoint interrupt', isOpen: false, words: 'an interrupt ends its process' }
      : found.interrupted === null
        ? { name: 'endpoint interrupt', isOpen: isSoakable, words: 'not known: no interrupt was tried' }
        : open(
            'endpoint interrupt',
            found.interruptMs === null ? 'open, but every interrupt is ignored' : 'open',
          ),
    open(
      'endpoint shutdown',
      found.shutdownMs === null
        ? `open; it takes more than ${found.shutdownWaitMs / 1000} s, so that the deadline has to be longer`
        : 'open',
    ),
    {
      name: 'certificate of a strand',
      isOpen: false,
      words: 'none: nothing is injected, and only ipykernel with an arm counts and shows its shell socket',
    },
  ];
}

function answerWords(answer: Answer, expected?: string): string {
  if (answer.replyType === null && answer.idleMs === null && !answer.busy) return 'nothing';
  const reply =
    answer.replyType === null
      ? 'no reply'
      : expected !== undefined && answer.replyType !== expected
        ? `answered by \`${answer.replyType}\``
        : `answered${answer.status === null ? ', without a status in the reply' : answer.status === 'ok' ? '' : ` \`${answer.status}\``}`;
  return `${reply}, ${statusWords(answer)}`;
}

function statusWords({ busy, idleMs }: Answer): string {
  if (busy && idleMs !== null) return 'busy and idle';
  if (busy) return 'busy, no idle';
  return idleMs === null ? 'neither busy nor idle' : 'idle, no busy';
}

function versionWords(version: string | null, none: string): string {
  return version === null ? none : `\`${version}\``;
}

function quoted({ replyType, status }: CellAnswer): string {
  if (replyType === null) return 'not answered';
  return status === null ? 'answered without a status' : `\`${status}\``;
}

function statusLack(answers: readonly CellAnswer[]): string {
  return answers.some(({ busy, idleMs }) => !busy || idleMs === null) ? ', without busy and idle' : '';
}
