import { type Answer, type CellAnswer, ENDED_AT_START, type ProbeResult } from './probe-result.ts';

// Three messages that are sent at once have been read long before.
const SURELY_QUEUED_MS = 300;

/** One thing that was asked of a kernel. */
export interface ProbeRow {
  readonly what: string;
  readonly seen: string;
  /** What that means for a soak of the kernel. */
  readonly means: string;
  /** Whether jupyter_kernel_test 0.7 checks it too, or a part of it. */
  readonly elsewhere: boolean;
}

/** Whether a kernel can be soaked in some way, and what to know about it. */
export interface Openness {
  readonly name: string;
  readonly isOpen: boolean;
  readonly words: string;
}

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

/** A row for what may not have been asked. */
function row<Asked>(
  what: string,
  asked: Asked | null,
  words: (asked: Asked) => { readonly seen: string; readonly means: string },
  elsewhere = false,
): ProbeRow {
  return { what, elsewhere, ...(asked === null ? { seen: 'not asked', means: '' } : words(asked)) };
}

function startRow(found: ProbeResult): ProbeRow {
  const signs = [found.starting ? '`starting`' : '', found.welcome ? '`iopub_welcome`' : ''].filter(Boolean);
  return {
    what: 'start',
    seen: `answers after ${found.startMs} ms; ${signs.length === 0 ? 'neither `starting` nor `iopub_welcome` was published' : `published ${signs.join(' and ')}`}`,
    means: found.starting
      ? 'A run begins as soon as the kernel is ready.'
      : 'Each run waits up to a second for `starting`, which may have been published before anybody listened.',
    elsewhere: true,
  };
}

function controlRow({ controlInfo }: ProbeResult): ProbeRow {
  return row('control', controlInfo, (answer) => ({
    seen: answerWords(answer),
    means:
      answer.replyType === null
        ? 'A run waits for shell alone, which takes 0.6 s longer. If the kernel falls silent, nobody can say whether control still answers.'
        : answer.idleMs === null
          ? 'Shell has to prove that iopub is subscribed, which takes 0.6 s longer.'
          : 'The start of a run and the look at a silent kernel do not need shell.',
  }));
}

function heartbeatRow({ heartbeat, heartbeatBusy }: ProbeResult): ProbeRow {
  const busy =
    heartbeatBusy === null ? '' : heartbeatBusy ? ', also while a cell runs' : ', but not while a cell runs';
  return row('heartbeat', heartbeat, (echoes) => ({
    seen: echoes ? `echoes${busy}` : 'does not echo',
    means:
      !echoes || heartbeatBusy === false
        ? 'In this kernel, a silent heartbeat is not a sign of a fault.'
        : 'It tells a kernel that hangs completely from one that is silent on shell alone.',
  }));
}

function statusRow({ shellInfo }: ProbeResult): ProbeRow {
  const words = (answer: Answer) => ({
    seen: statusWords(answer),
    means:
      answer.idleMs === null
        ? 'It cannot be soaked: a request is done only when its reply and its idle status have come.'
        : answer.busy
          ? 'A request that was begun can be told from one that never was.'
          : 'A request that was begun cannot be told from one that never was.',
  });
  return row('status on shell', shellInfo, words, true);
}

function orderRow({ shellInfo: answer }: ProbeResult): ProbeRow {
  const { replyMs = null, idleMs = null } = answer ?? {};
  const gap = replyMs === null || idleMs === null ? null : Math.round((idleMs - replyMs) * 10) / 10;
  return row('order of reply and idle', gap, (ms) => ({
    seen: ms >= 0 ? `reply, idle ${ms} ms later` : `idle, reply ${-ms} ms later`,
    means: 'Either order is correct: the two come over different sockets.',
  }));
}

function protocolRow({ protocolStated, protocolHeaders, welcome }: ProbeResult): ProbeRow {
  const differs = protocolStated !== protocolHeaders;
  return {
    what: 'protocol version',
    seen: `${versionWords(protocolStated, 'not stated')} in kernel_info_reply${differs ? `, ${versionWords(protocolHeaders, 'none')} in headers` : ' and headers'}`,
    means: `The harness does not rely on it: ${welcome ? 'the welcome' : 'a status'} proves that iopub is subscribed.`,
    elsewhere: true,
  };
}

function emptyRow({ emptyCell }: ProbeResult): ProbeRow {
  return row('an empty cell', emptyCell, (answer) => ({
    seen: `${answerWords(answer)}, ${answer.executionCount === null ? 'without a count' : `count ${answer.executionCount}`}`,
    means: 'A run leaves out the empty cells of a notebook.',
  }));
}

function abortRow({ failed, queued, sameError, afterError }: ProbeResult): ProbeRow {
  const isLate =
    afterError !== null && afterError.status !== null && !['ok', 'error'].includes(afterError.status);
  return row('cells behind an error', failed === null ? null : queued, (cells) => ({
    seen:
      failed !== null && failed.status !== 'error'
        ? `the cell that was to raise: ${quoted(failed)}`
        : `queued cells ${cells.map(quoted).join(' and ')}${statusLack(cells)}${chanceWords(failed, cells)}; the next one ${afterError === null ? 'not asked' : quoted(afterError)}`,
    means:
      sameError === true
        ? 'A queued cell is answered with the error of another. Under pipeline traffic it counts as `aborted`, not as an error of its own.'
        : isLate
          ? 'A cell that comes right after an error is not executed: such a run is `aborted`.'
          : 'A cell that is not executed counts as `aborted`, not as completed.',
  }));
}

/**
 * A kernel can abort only cells that it has read by the time of the error. After an error that came at once, as where the
 * probe knows no cell that waits, an answer that is not an abort shows nothing.
 */
function chanceWords(failed: CellAnswer | null, cells: readonly CellAnswer[]): string {
  const ms = failed?.replyMs ?? Number.POSITIVE_INFINITY;
  if (ms >= SURELY_QUEUED_MS || !cells.some(({ status }) => status === 'ok')) return '';
  return `, behind an error that came after ${Math.round(ms)} ms, perhaps before they were read`;
}

function allowedRow({ queuedAfterAllowed }: ProbeResult): ProbeRow {
  return row('a cell behind an error, stop_on_error false', queuedAfterAllowed, (answer) => ({
    seen: `${quoted(answer)}${statusLack([answer])}`,
    means:
      answer.status !== null && answer.status !== 'ok'
        ? 'Under pipeline traffic no cell may raise, not even one marked raises-exception.'
        : 'A cell marked raises-exception does not stop the cells behind it.',
  }));
}

function inputRow({ input, inputAsked }: ProbeResult): ProbeRow {
  return row('input, allow_stdin false', input, (answer) => ({
    seen: `${inputAsked === true ? 'asks all the same, then' : 'asks nothing,'} ${quoted(answer)}`,
    means:
      inputAsked === true || answer.replyType === null
        ? 'A cell that asks for input hangs the run, which is `hung` because of its notebook.'
        : 'A cell that asks for input does not hang the run.',
  }));
}

function interruptRow({ interrupted, interruptMs, interruptMode, endedByInterrupt }: ProbeResult): ProbeRow {
  return row(`interrupt, by ${interruptMode}`, interrupted, (answer) => {
    if (interruptMs !== null) {
      return { seen: `${quoted(answer)} after ${interruptMs} ms`, means: 'Interrupts can be soaked.' };
    }
    return endedByInterrupt === true
      ? { seen: 'the process ended', means: 'An interrupt ends the kernel, and the run is `died`.' }
      : {
          seen: 'the cell ran on',
          means:
            'An ignored interrupt is counted but is no event. A cell that hangs ends only with its kernel.',
        };
  });
}

function commRow({ commInfo }: ProbeResult): ProbeRow {
  return row('comm_info', commInfo, (answer) => ({
    seen: answerWords(answer, 'comm_info_reply'),
    means:
      answer.replyType !== null && answer.replyType !== 'comm_info_reply'
        ? 'A front end that asks for comms waits for ever.'
        : 'No traffic profile sends this request.',
  }));
}

function overlapRow(found: ProbeResult): ProbeRow {
  const { complete, inspect } = found;
  const asked = complete === null || inspect === null ? null : [complete, inspect];
  const words = (answers: readonly Answer[]) => ({
    seen: answers.map((answer) => answerWords(answer)).join('; '),
    means: lacksOverlap(found)
      ? 'Under overlap traffic a run waits for answers that never come, and ends as `no-answer`.'
      : 'Requests while a cell runs are answered.',
  });
  return row('completion and inspection', asked, words, true);
}

/** Whether it was asked for a completion or an inspection and gave no whole answer. */
function lacksOverlap({ complete, inspect }: ProbeResult): boolean {
  return [complete, inspect].some(
    (answer) => answer !== null && (answer.replyType === null || answer.idleMs === null),
  );
}

function unknownRow({ unknownType, answersAfterUnknown }: ProbeResult): ProbeRow {
  return row('a request of an unknown type', unknownType, (answer) => ({
    seen: `${answerWords(answer)}; ${answersAfterUnknown === true ? 'still answers after it' : 'answers nothing after it'}`,
    means:
      answersAfterUnknown === false
        ? 'A newer front end can silence it.'
        : 'A newer front end does it no harm.',
  }));
}

function shutdownRow({
  shutdownMs,
  shutdownReply,
  shutdownPublished,
  shutdownWaitMs,
}: ProbeResult): ProbeRow {
  const published = shutdownPublished === null ? '' : `, \`${shutdownPublished}\` on iopub`;
  const end =
    shutdownMs === null ? `still there after ${shutdownWaitMs / 1000} s` : `ended after ${shutdownMs} ms`;
  return row('shutdown', shutdownReply, (replied) => ({
    seen: `${replied ? 'replied' : 'no reply'} on control${published}; ${end}`,
    means: `A run ends every kernel by force.${shutdownMs === null ? ' A client that waits for this kernel to end is kept waiting.' : ''}`,
  }));
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
        ? 'A message that was not taken counts as no answer.'
        : 'They are accepted, as jupyter_client does, and counted in the evidence.',
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
  const interrupts = (name: string): Openness => {
    if (found.endedByInterrupt === true)
      return { name, isOpen: false, words: 'an interrupt ends its process' };
    if (found.interrupted === null)
      return { name, isOpen: isSoakable, words: 'not known: no interrupt was tried' };
    return open(name, found.interruptMs === null ? 'open, but every interrupt is ignored' : 'open');
  };
  const stops = (found.queuedAfterAllowed?.status ?? 'ok') !== 'ok' || found.sameError === true;
  return [
    open('traffic sequential', 'open'),
    lacksOverlap(found)
      ? { name: 'traffic overlap', isOpen: false, words: 'completions or inspections are not answered' }
      : open('traffic overlap', 'open'),
    open('traffic pipeline', stops ? 'open, with a notebook in which no cell raises' : 'open'),
    open('traffic nudge', 'open'),
    interrupts('traffic interrupt'),
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
    interrupts('endpoint interrupt'),
    open(
      'endpoint shutdown',
      found.shutdownMs === null
        ? `open, but it takes more than ${found.shutdownWaitMs / 1000} s, so the deadline must be longer`
        : 'open',
    ),
    {
      name: 'certificate of a strand',
      isOpen: false,
      words: 'none: it needs the counters and the look that only an arm of ipykernel has',
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
  if (replyType === null) return 'not answered in time';
  return status === null ? 'answered without a status' : `\`${status}\``;
}

function statusLack(answers: readonly CellAnswer[]): string {
  return answers.some(({ busy, idleMs }) => !busy || idleMs === null) ? ', without busy and idle' : '';
}
