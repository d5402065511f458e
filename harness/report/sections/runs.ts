import type { RunRecord } from '../../model/journal.ts';
import type { OutcomeKind } from '../../model/outcome.ts';
import { TRACE_EVENTS, type TraceEvent } from '../../model/trace.ts';
import { deviationList } from '../deviations.ts';
import { type Block, code, type Line, line, paragraph, runLink, type Table, table } from '../document.ts';
import { counted, duration, percent } from '../format-number.ts';
import type { Report } from '../report.ts';
import { kindWords, num } from '../words.ts';

/** Rows at most, so that the document still fits into one comment on GitHub (65,536 characters). */
export const LISTED_RUNS = 300;

/** One line a run, folded away; those that did not complete first when there are too many for all. */
export function runBlocks(report: Report): Block[] {
  const listed = listedRuns(report.runs, LISTED_RUNS);
  const left = report.runs.length - listed.length;
  return [
    {
      kind: 'details',
      summary:
        left === 0
          ? line`All ${num(String(listed.length))} runs`
          : line`${num(String(listed.length))} of ${num(String(report.runs.length))} runs, those that did not complete first`,
      blocks: [
        runTable(listed, report),
        ...(left === 0 ? [] : [paragraph(line`The journal holds the other ${num(String(left))}.`)]),
      ],
    },
  ];
}

/** At most `limit` runs in journal order; if there are more, those that did not complete are preferred. */
export function listedRuns(runs: readonly RunRecord[], limit: number): RunRecord[] {
  if (runs.length <= limit) return [...runs];
  const telling = runs.filter((run) => run.outcome.kind !== 'completed').slice(0, limit);
  const room = limit - telling.length;
  return [...telling, ...runs.filter((run) => run.outcome.kind === 'completed').slice(0, room)];
}

function runTable(runs: readonly RunRecord[], report: Report): Table {
  const severalPairs = report.protocol.notebooks.length * report.protocol.traffic.length > 1;
  return table(
    'Runs',
    [
      'Run',
      'Outcome',
      '>Cell',
      '>Replies',
      '>Start',
      '>Notebook',
      ...(severalPairs ? ['Notebook and traffic'] : []),
    ],
    runs.map((run): Line[] => [
      [runLink(run.run)],
      [num(run.outcome.kind)],
      [num(run.outcome.cell === null ? '' : String(run.outcome.cell))],
      [num(String(run.kernel?.replies ?? run.client.replies))],
      [num(run.startMs === null ? '' : duration(run.startMs))],
      [num(run.notebookMs === null ? '' : duration(run.notebookMs))],
      ...(severalPairs
        ? [line`${code(report.protocol.notebooks[run.notebook]?.name ?? 'unknown')} ${num(run.traffic)}`]
        : []),
    ]),
  );
}

/** One run's story in words and numbers: what the page unfolds. */
export function runStory(run: RunRecord, report: Report): Block[] {
  const { outcome, client, kernel } = run;
  const items: Line[] = [
    line`${code(outcome.reason)}`,
    line`Block ${num(String(run.block + 1))}, place ${num(String(run.position + 1))} of ${num(String(report.protocol.arms.length))}; ${code(report.protocol.notebooks[run.notebook]?.name ?? 'unknown')} under ${num(run.traffic)} traffic, seed ${num(String(run.seed))}; begun ${code(run.at)}${run.source === undefined ? line`` : line` in ${code(run.source)}`}.`,
  ];
  if (outcome.unanswered !== null) {
    const at = outcome.cell === null ? '' : ` of cell ${outcome.cell}`;
    items.push(
      line`Unanswered: ${code(outcome.unanswered)}${num(at)}, ${num(duration(outcome.waitedMs))} until the verdict.`,
    );
  }
  if (outcome.source !== null) items.push(line`Likely source: ${num(outcome.source)}.`);
  items.push(
    line`Client: ${num(String(client.sent))} shell requests sent, ${num(String(client.replies))} replies and ${num(String(client.idles))} idle statuses received, ${num(String(client.rejected))} messages rejected.`,
  );
  if (client.deviations !== undefined) {
    items.push(
      line`Taken as they came, though the protocol has it otherwise: ${code(deviationList(client.deviations))}.`,
    );
  }
  if (client.others !== undefined) {
    items.push(
      line`Other shell peers sent ${num(String(client.others.sent))} requests for it, of which the kernel began ${num(String(client.others.begun))}.`,
    );
  }
  if (client.server !== undefined) {
    const { library, reconnects } = client.server;
    items.push(
      line`Of these ${num(counted(library, 'request'))} of @jupyterlab/services, its kernel_info, the rest of the server.${reconnects === 0 ? line`` : line` It reconnected ${num(counted(reconnects, 'time'))}: read this run with care.`}`,
    );
  }
  items.push(
    kernel === null
      ? line`Kernel: no counters.`
      : line`Kernel: ${num(String(kernel.delivered))} requests delivered, ${num(String(kernel.begun))} begun, ${num(String(kernel.ended))} ended, ${num(String(kernel.replies))} replies sent; ${num(String(kernel.callbacks))} callbacks, ${num(String(kernel.rearms))} re-arms, ${num(String(kernel.flushes))} flushes, ${num(String(kernel.streamSends))} sends through the stream, ${num(String(kernel.missing + kernel.mismatched))} missing or mismatched.`,
  );
  items.push(
    line`Start ${num(duration(run.startMs))}, notebook ${num(duration(run.notebookMs))}, longest stall of the harness ${num(duration(run.loopStallMs))}.`,
  );
  items.push(...observationItems(run));
  if (outcome.exit !== null) {
    items.push(
      line`The process ended with code ${num(String(outcome.exit.code ?? 'none'))}, signal ${code(outcome.exit.signal ?? 'none')}.`,
    );
  }
  const blocks: Block[] = [{ kind: 'list', items }];
  if (outcome.error !== null) {
    blocks.push({
      kind: 'verbatim',
      language: 'text',
      content: `${outcome.error.ename}: ${outcome.error.evalue}`,
    });
  }
  if (outcome.stderrTail !== null && outcome.stderrTail !== '') {
    blocks.push(paragraph(line`Last of the kernel's standard error:`));
    blocks.push({ kind: 'verbatim', language: 'text', content: outcome.stderrTail });
  }
  if (outcome.stdoutTail !== undefined) {
    blocks.push(
      paragraph(line`The kernel wrote nothing to its standard error. Last of its standard output:`),
    );
    blocks.push({ kind: 'verbatim', language: 'text', content: outcome.stdoutTail });
  }
  blocks.push(...traceBlocks(run.trace ?? []));
  if (run.cellMs.length > 0) {
    blocks.push(paragraph(line`Answered cells, ms: ${num(cellList(run.cellMs))}`));
  }
  return blocks;
}

/** What was seen when a request stayed unanswered, the certificate and the causal proof included. */
function observationItems({ outcome }: RunRecord): Line[] {
  const seen = outcome.observations ?? null;
  if (seen === null) return [];
  const items = [
    line`Signs: process ${code(seen.processState ?? 'not sampled')}, CPU ${num(percent(seen.cpuShare))} of a core, heartbeat ${num(answered(seen.heartbeat))}, control channel ${num(answered(seen.control))}; busy status ${num(yesNo(seen.busySeen))}, reply ${num(yesNo(seen.replySeen))}, idle status ${num(yesNo(seen.idleSeen))}.`,
  ];
  if (seen.look !== null) {
    const events = [...(seen.look.pollin ? ['POLLIN'] : []), ...(seen.look.pollout ? ['POLLOUT'] : [])];
    items.push(
      line`Look on the shell-channel loop: EVENTS ${num(events.length === 0 ? 'none' : events.join(' and '))}; descriptor ${num(seen.look.fdReadable ? 'readable' : 'not readable')}, ${num(seen.look.fdRegistered ? 'registered' : 'not registered')}; stream ${num(seen.look.receiving ? 'receiving' : 'not receiving')}.`,
    );
  }
  if (seen.revivedByRearm !== null) {
    items.push(
      seen.revivedByRearm
        ? line`Re-arm: the stream's read handler was run once, and the missing answers came after ${num(duration(seen.revivedAfterMs))}.`
        : line`Re-arm: the stream's read handler was run once, and no answer came.`,
    );
  }
  if (seen.revival !== null) {
    items.push(
      line`Afterwards, ${num(seen.revival.rung)}: ${num(seen.revival.revived ? `revived after ${duration(seen.revival.afterMs)}` : 'not revived')}.`,
    );
  }
  return items;
}

/** The last messages of a run that did not complete. */
function traceBlocks(trace: readonly TraceEvent[]): Block[] {
  if (trace.length === 0) return [];
  return [
    table(
      'Last messages of the run',
      ['>At', 'What', 'Channel', 'Type', '>Request', 'State'],
      trace
        .slice(-TRACE_EVENTS)
        .map((event): Line[] => [
          [num(`${event.atMs.toFixed(1)} ms`)],
          [num(event.what)],
          [num(event.channel ?? '')],
          [code(event.type)],
          [num(event.request === null ? '' : String(event.request))],
          event.state === null ? line`` : [code(event.state)],
        ]),
    ),
  ];
}

function answered(answer: boolean | null): string {
  return answer === null ? 'not asked' : answer ? 'answered' : 'silent';
}

function yesNo(seen: boolean): string {
  return seen ? 'seen' : 'not seen';
}

const LISTED_CELLS = 200;

function cellList(cellMs: readonly number[]): string {
  const listed = cellMs.slice(0, LISTED_CELLS).map((ms) => (ms < 100 ? ms.toFixed(1) : ms.toFixed(0)));
  const left = cellMs.length - listed.length;
  return `${listed.join(' ')}${left > 0 ? ` and ${left} more` : ''}`;
}

/** `b007-fix: completed`. */
export function storySummary(run: RunRecord): Line {
  const kind: OutcomeKind = run.outcome.kind;
  const cell = run.outcome.cell === null ? '' : `, cell ${run.outcome.cell}`;
  return kind === 'completed'
    ? line`${code(run.run)} completed`
    : line`${code(run.run)} ${num(kindWords(kind))}${num(cell)}`;
}
