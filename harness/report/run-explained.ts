import { cleanText, terminalText } from '../model/clean-text.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { TraceEvent } from '../model/trace.ts';
import { deviationList } from './deviations.ts';
import { counted, duration } from './format-number.ts';
import { kindWords } from './words.ts';

// As long as the longest that the journal keeps: a story is not cut.
const REASON_CHARACTERS = 1_000;
const STDERR_LINES = 20;

/** What an outcome means for the reader, beyond what was observed. */
const MEANING: Readonly<Record<OutcomeKind, string>> = {
  completed: 'Nothing was missing. The run counts as completed.',
  'wedged-stranded':
    'The mechanism is certain: libzmq had the request, its descriptor never announced it, and nothing in the kernel looked again. No later message of the same client changes that, so that without a restart the kernel would have stayed silent. The run counts as wedged.',
  'wedged-mute':
    'The kernel lived and never turned to the request, and no certificate says why: it is a wedge, perhaps by another mechanism. The run counts as wedged.',
  stalled:
    "The kernel had answered. What was missing is the client's own reading: it slept on a reply that lay in its socket, until its own poll timed out, or for ever where it has no time-out. Where stalls are what the experiment counts, the run counts as one; in a rate of wedges it counts nowhere.",
  'lost-reply':
    'The kernel worked and went idle again; what it said of the request did not reach the client as a valid reply. This is no wedge, and the run counts in no rate.',
  'lost-request':
    'The kernel is not the one that failed: it finished everything that it was given, lies idle, and nothing is queued in its shell socket. What is between lost the request. This is no wedge, and the run counts in no rate.',
  'no-answer':
    'The kernel was out of reach of all but the server, so that neither its counters nor its sockets could be looked at, and another connection through the server brought no answer either. Whether the kernel wedged or the message was lost on the way cannot be told, and the run counts in no rate.',
  'lost-idle':
    'The reply came and the idle status with its parent did not, which a front end shows as a cell that never ends. This is no wedge, and the run counts in no rate.',
  late: 'The answer came after the deadline: a stall that ends by itself is no wedge. The run counts in no rate.',
  busy: 'The kernel, or a process that it waited for, was at work when the deadline passed. The run counts in no rate: this is no wedge. The cell, or something that it left running, takes longer than the deadline.',
  hung: 'The kernel used no processor time and did not finish: the cell, or something that an earlier cell left in its event loop, waits for something else than a request. This is no wedge, and the run counts in no rate.',
  aborted:
    'The kernel answered that it did not execute the cell. The run counts in no rate. The kernel gave no error of that cell: usually an earlier cell of the queue raised.',
  'cell-error':
    'A cell raised. Nothing of the kernel is shown by that, and the run counts in no rate. A cell that may raise needs the tag raises-exception.',
  died: 'The process ended by itself. This is no wedge, and the run counts in no rate.',
  'start-failed': 'The notebook was never begun, and the run counts in no rate.',
  'harness-fault':
    'The harness could not observe the run properly: nothing is said of the kernel, and the run counts in no rate.',
};

/** One run's story for a terminal: what happened, what was seen, a time line of messages, what it means. */
export function runExplained(journal: Journal, run: RunRecord): string {
  const { outcome } = run;
  const parts = [
    `${terminalText(run.run)}: ${kindWords(outcome.kind)}`,
    paragraph(sentence(outcome.reason)),
    paragraph(circumstances(journal, run)),
    ...signs(run),
    ...stderrPart(run),
    ...timeLine(run),
    paragraph(MEANING[outcome.kind] + remedy(run)),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What to do about a kernel that was at work; a longer deadline is none where no thread of it gets a turn. */
function remedy({ outcome }: RunRecord): string {
  if (outcome.kind !== 'busy') return '';
  return outcome.observations?.control === false && (outcome.observations.cpuShare ?? 0) > 0
    ? " Control did not answer either: look for a long call in C, by the cell or a thread, that holds the interpreter's lock (GIL). While it lasts the kernel answers nobody, and an interrupt waits too."
    : ' Give a longer --timeout if that is legitimate.';
}

function sentence(words: string): string {
  const text = terminalText(words, REASON_CHARACTERS);
  // A message type, with which many reasons begin, stays as it is.
  const begin = /^\w+_\w+/.test(text) ? text.slice(0, 1) : text.slice(0, 1).toUpperCase();
  return `${begin}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function circumstances(journal: Journal, run: RunRecord): string {
  const { protocol } = journal.experiment;
  const notebook = protocol.notebooks[run.notebook];
  const arm = protocol.arms.find(({ name }) => name === run.arm);
  const cells = notebook?.codeCells.length ?? 0;
  const { cell } = run.outcome;
  const place =
    cell === null
      ? ''
      : cell >= cells
        ? ` It was after the last of ${counted(cells, 'cell')}.`
        : ` It was at cell ${cell + 1} of ${cells}${notebook === undefined ? '' : ` (cell ${(notebook.codeCells[cell] ?? 0) + 1} of the notebook, text cells included)`}.`;
  const start =
    run.startMs === null
      ? 'The kernel never became ready.'
      : `The kernel was ready ${duration(run.startMs)} after its launch; the run ended ${duration(run.notebookMs)} later.`;
  const armWords = arm === undefined ? '' : ` (${terminalText(arm.description, 200)})`;
  return `Arm ${terminalText(run.arm)}${armWords}, block ${run.block + 1}, ${terminalText(notebook?.name ?? 'an unknown notebook')} under ${run.traffic} traffic, latency ${terminalText(protocol.latency.spec)}.${sourceWords(journal, run)} ${start}${place}`;
}

/** Where a run of a merged journal was made. */
function sourceWords({ experiment: { sources = [] } }: Journal, run: RunRecord): string {
  const source = sources.find(({ id }) => id === run.source);
  if (source === undefined) return '';
  const { platform, arch, python } = source.environment;
  return ` Recorded by ${terminalText(source.id)}: ${terminalText(`${platform} ${arch}, ${python}`)}, begun ${terminalText(source.at)}.`;
}

function signs({ outcome, client, kernel, loopStallMs }: RunRecord): string[] {
  const lines = [
    `client   ${counted(client.sent, 'shell request')} sent, ${counted(client.replies, 'reply', 'replies')} and ${counted(client.idles, 'idle status', 'idle statuses')} received, ${counted(client.rejected, 'message')} not taken`,
  ];
  if (client.deviations !== undefined) {
    lines.push(`odd      taken as it came: ${deviationList(client.deviations)}`);
  }
  if (client.others !== undefined) {
    const { sent, begun } = client.others;
    lines.push(
      `others   ${counted(sent, 'shell request')} sent by other peers for it, ${begun} of them begun`,
    );
  }
  if (client.server !== undefined && client.server.reconnects > 0) {
    lines.push(
      `server   its connection was lost and opened again, ${counted(client.server.reconnects, 'time')}`,
    );
  }
  if (kernel !== null) {
    lines.push(
      `kernel   ${counted(kernel.delivered, 'request')} delivered to it, ${kernel.begun} begun, ${kernel.ended} finished, ${counted(kernel.replies, 'reply', 'replies')} sent`,
    );
  }
  const seen = outcome.observations ?? null;
  if (seen !== null) {
    const cpu =
      seen.cpuShare === null ? 'not sampled' : `${Math.round(seen.cpuShare * 100)} % of a processor`;
    lines.push(
      `process  state ${terminalText(seen.processState ?? 'not sampled')}, ${cpu}; heartbeat ${asked(seen.heartbeat)}, control ${asked(seen.control)}`,
    );
    if (seen.look !== null) {
      lines.push(
        `socket   ${seen.look.pollin ? 'a request is queued (POLLIN)' : 'nothing is queued (no POLLIN)'}; its descriptor is ${seen.look.fdReadable ? 'readable' : 'not readable'} and ${seen.look.fdRegistered ? 'registered' : 'not registered'} with the loop`,
      );
      for (const [thread, frames] of Object.entries(seen.look.threads)) {
        lines.push(`thread   ${terminalText(thread, 40)}: ${terminalText(frames[0] ?? 'nowhere')}`);
      }
    }
    if (seen.shellPortOpen !== null) {
      lines.push(`port     the shell port ${seen.shellPortOpen ? 'accepts' : 'refuses'} connections`);
    }
  }
  lines.push(`harness  its own event loop stood still for ${duration(loopStallMs)} at most`);
  return [`What was seen:\n${lines.map((line) => `  ${line}`).join('\n')}`];
}

function asked(answer: boolean | null): string {
  return answer === null ? 'not asked' : answer ? 'answers' : 'does not answer';
}

function stderrPart({ outcome }: RunRecord): string[] {
  const isOutput = outcome.stdoutTail !== undefined;
  const text = cleanText(outcome.stdoutTail ?? outcome.stderrTail ?? '').trimEnd();
  if (text === '') return [];
  const lines = text.split('\n').slice(-STDERR_LINES);
  const where = isOutput ? 'standard output, with nothing on standard error' : 'standard error';
  return [`The end of what the kernel wrote to ${where}:\n${lines.map((line) => `  | ${line}`).join('\n')}`];
}

function timeLine({ trace, startMs }: RunRecord): string[] {
  if (trace === undefined || trace.length === 0) return [];
  const origin = startMs === null ? 'its launch' : 'the kernel was ready';
  const width = Math.max(...trace.map(({ atMs }) => atMs.toFixed(1).length));
  const lines = trace.map((event) => `  ${event.atMs.toFixed(1).padStart(width)}  ${eventWords(event)}`);
  return [`The last messages, in milliseconds since ${origin}:\n${lines.join('\n')}`];
}

const ARROWS = { sent: '→', received: '←', rejected: '✗', oracle: '·' } as const;

function eventWords({ what, channel, type, request, state }: TraceEvent): string {
  if (what === 'oracle') return `${ARROWS.oracle} ${terminalText(type)}`;
  const of = request === null ? '' : ` #${request}`;
  const which = what === 'rejected' ? `not taken: ${terminalText(type)}` : terminalText(type);
  return `${ARROWS[what]} ${(channel ?? '').padEnd(7)} ${which}${of}${state === null ? '' : ` ${terminalText(state)}`}`;
}

function paragraph(text: string, width = 100): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}
