import { cleanText, terminalText } from '../model/clean-text.ts';
import type { Journal, RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { Protocol } from '../model/protocol.ts';
import { runStatus } from '../model/run-status.ts';
import { wrapped } from '../model/wrapped.ts';
import { plainLine } from './document.ts';
import { eventWords } from './endpoint-words.ts';
import { eventSeen } from './event-seen.ts';
import { counted, duration } from './format-number.ts';
import { runFaultLines } from './group-explained.ts';
import { limitSigns } from './limit-signs.ts';
import { runSigns } from './run-signs.ts';
import { traceLines, traceOrigin } from './trace-lines.ts';
import { COUNTING, kindWords } from './words.ts';

// The longest reason that the journal keeps, so that no story is cut.
const REASON_CHARACTERS = 1_000;
const STDERR_LINES = 20;
const ENAME_CHARACTERS = 80;

/** What an outcome means for the reader, beyond what was observed. */
const MEANING: Readonly<Record<OutcomeKind, string>> = {
  completed: 'Nothing was missing.',
  'wedged-stranded':
    'The mechanism is certain: libzmq had the request, its descriptor never announced it, and nothing in the kernel looked again. No later message from the same client changes that, so the kernel would have stayed silent until a restart.',
  'wedged-mute':
    'The kernel lived but never turned to the request, and no certificate says why. It is a wedge, perhaps by another mechanism.',
  stalled:
    'The kernel had answered, but the client slept on a reply that lay in its socket. It slept until its own poll timed out, or for ever if it has no time-out.',
  'lost-reply': `The kernel worked and went idle again, but the client received no valid reply.`,
  'lost-request': `The kernel did not fail: it finished everything that it was given and is idle, and nothing is queued in its shell socket. Something between the client and the kernel lost the request.`,
  'no-answer':
    'Only the server could reach the kernel, so nobody could look at its counters or its sockets. Another connection through the server brought no answer either. Whether the kernel wedged or the message was lost on the way cannot be told.',
  'lost-idle': `The reply came without the idle status that belongs to it. A front end shows this as a cell that never ends.`,
  late: 'The answer came after the deadline.',
  busy: `The kernel, or a process that it waited for, was at work when the deadline passed. The cell, or something that it left running, takes longer than the deadline.`,
  hung: `The kernel used no processor time and did not finish. The cell, or something that an earlier cell left in the event loop, waits for something other than a request.`,
  aborted:
    'The kernel answered that it did not execute the cell, and gave no error for that cell. Usually an earlier cell of the queue raised.',
  'cell-error': 'A cell raised. A cell that may raise needs the tag raises-exception.',
  died: `The process ended by itself.`,
  'start-failed': 'The notebook was never begun.',
  'harness-fault': 'The harness could not observe the run properly. The run shows nothing about the kernel.',
};

/** One run's story for a terminal: what happened, what was seen, a time line of messages, what it means. */
export function runExplained(journal: Journal, run: RunRecord): string {
  const { outcome } = run;
  const parts = [
    `${terminalText(run.run)}: ${kindWords(outcome.kind)}${raisedName(run)}`,
    wrapped(sentence(outcome.reason)),
    ...errorPart(run),
    wrapped(circumstances(journal, run)),
    ...faultPart(journal, run),
    ...signs(journal, run),
    ...stderrPart(run),
    ...timeLine(run),
    wrapped(`${MEANING[outcome.kind]}${remedy(run)} ${countsAs(run, journal.experiment.protocol)}`),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** ` ModuleNotFoundError`, after "a cell raised"; empty for every other ending. */
function raisedName({ outcome: { kind, error } }: RunRecord): string {
  return kind !== 'cell-error' || error === null ? '' : ` ${terminalText(error.ename, ENAME_CHARACTERS)}`;
}

/** What was raised, with its message. */
function errorPart({ outcome: { error } }: RunRecord): string[] {
  if (error === null) return [];
  const row = error.line === undefined ? '' : ` (line ${error.line} of the cell)`;
  return [wrapped(`The error${row}: ${terminalText(`${error.ename}: ${error.evalue}`, REASON_CHARACTERS)}`)];
}

/** What the experiment asks of a run, and what of this run answers it. Nothing for a run that shows nothing of it. */
function faultPart(journal: Journal, run: RunRecord): string[] {
  const lines = runFaultLines(journal, run);
  if (lines.length === 0) return [];
  const { definition } = eventWords(journal.experiment.protocol);
  return [
    wrapped(`What the experiment asks: ${definition}`),
    `What decided:\n${lines.map((each) => `  ${each}`).join('\n')}`,
  ];
}

/** What the run does in the rates, for the endpoint of its experiment. */
function countsAs(run: RunRecord, protocol: Protocol): string {
  const words = eventWords(protocol);
  switch (runStatus(run, protocol)) {
    case 'completed':
      return `The run counts as one that was observed and did not ${words.infinitive}.`;
    case 'wedged':
      return `The run counts as one that ${eventSeen(run, protocol) ?? words.past}.`;
    case 'competing':
      return `It could not be seen whether the run would ${words.infinitive}, so it counts in no rate: it is a competing event.`;
    case 'invalid':
      return 'The run counts in no rate.';
  }
}

/** What to do about a kernel that was at work. A longer deadline does not help if none of its threads gets a turn. */
function remedy({ outcome }: RunRecord): string {
  if (outcome.kind !== 'busy') return '';
  return outcome.observations?.control === false && (outcome.observations.cpuShare ?? 0) > 0
    ? " Control did not answer either: look for a long call in C that holds the interpreter's lock (GIL), in the cell or in a thread. While the call lasts, the kernel answers nobody, and an interrupt waits too."
    : ' If that is legitimate, give a longer --timeout.';
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
        : ` It was at cell ${cell} of the ${cells} that are executed (cell ${notebook?.codeCells[cell] ?? 0} of the whole notebook).`;
  const start =
    run.startMs === null
      ? 'The kernel never became ready.'
      : `The kernel was ready ${duration(run.startMs)} after its launch; the run ended ${duration(run.notebookMs)} later.`;
  const armWords = arm === undefined ? '' : ` (${terminalText(arm.description, 200)})`;
  return `Arm ${terminalText(run.arm)}${armWords}, block ${run.block}, ${terminalText(notebook?.name ?? 'an unknown notebook')} under ${run.traffic} traffic, latency ${terminalText(protocol.latency.spec)}.${sourceWords(journal, run)} ${start}${place} ${COUNTING}`;
}

/** Where a run of a merged journal was made. */
function sourceWords({ experiment: { sources = [] } }: Journal, run: RunRecord): string {
  const source = sources.find(({ id }) => id === run.source);
  if (source === undefined) return '';
  const { platform, arch, python } = source.environment;
  return ` Recorded by ${terminalText(source.id)}: ${terminalText(`${platform} ${arch}, ${python}`)}, begun ${terminalText(source.at)}.`;
}

function signs({ experiment }: Journal, run: RunRecord): string[] {
  const seen = run.outcome.observations ?? null;
  const more: [string, string][] = Object.entries(seen?.look?.threads ?? {}).map(([thread, frames]) => [
    'thread',
    `${terminalText(thread, 40)}: ${terminalText(frames[0] ?? 'nowhere')}`,
  ]);
  if (seen !== null && seen.shellPortOpen !== null) {
    more.push(['port', `the shell port ${seen.shellPortOpen ? 'accepts' : 'refuses'} connections`]);
  }
  const seenOfRun = [...runSigns(run), ...limitSigns(run, experiment.protocol)];
  const lines = [...seenOfRun.map((sign) => [sign.of, plainLine(sign.line)]), ...more];
  const width = Math.max(8, ...lines.map(([of = '']) => of.length));
  return [`What was seen:\n${lines.map(([of = '', words]) => `  ${of.padEnd(width)} ${words}`).join('\n')}`];
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
  const lines = traceLines(trace).map((each) => `  ${each}`);
  return [`The last messages, in milliseconds since ${traceOrigin(startMs)}:\n${lines.join('\n')}`];
}
