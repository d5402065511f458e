import type { RunRecord } from '../../model/journal.ts';
import type { OutcomeKind } from '../../model/outcome.ts';
import { TRACE_EVENTS } from '../../model/trace.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  runLink,
  type Table,
  table,
  text,
} from '../document.ts';
import { eventSeen, stallSeen } from '../event-seen.ts';
import { duration } from '../format-number.ts';
import { limitSigns } from '../limit-signs.ts';
import type { Report } from '../report.ts';
import { runSigns } from '../run-signs.ts';
import { traceLines, traceOrigin } from '../trace-lines.ts';
import { kindWords, num } from '../words.ts';

/** Most rows: the document must fit into one comment on GitHub (65,536 characters). */
const LISTED_RUNS = 300;

/** One line a run, folded away; those that did not complete first when there are too many for all. */
export function runBlocks(report: Report): Block[] {
  const listed = listedRuns(report, LISTED_RUNS);
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
export function listedRuns({ runs, protocol }: Report, limit: number): RunRecord[] {
  if (runs.length <= limit) return [...runs];
  const tells = (run: RunRecord) =>
    run.outcome.kind !== 'completed' ||
    eventSeen(run, protocol) !== null ||
    stallSeen(run, protocol) !== null;
  const telling = runs.filter(tells).slice(0, limit);
  const room = limit - telling.length;
  return [...telling, ...runs.filter((run) => !tells(run)).slice(0, room)];
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
      [num(seenKind(run, report))],
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

/** The kind of a run's ending, and the event that was seen before it. */
function seenKind(run: RunRecord, { protocol }: Report): string {
  const seen = [eventSeen(run, protocol), stallSeen(run, protocol)].filter((words) => words !== null);
  return [run.outcome.kind, ...seen].join('; ');
}

/** One run's story in words and numbers: what the page unfolds. */
export function runStory(run: RunRecord, report: Report): Block[] {
  const { outcome } = run;
  const items: Line[] = [
    line`${code(outcome.reason)}`,
    line`Block ${num(String(run.block))}, place ${num(String(run.position + 1))} of ${num(String(report.protocol.arms.length))}: ${code(report.protocol.notebooks[run.notebook]?.name ?? 'unknown')} under ${num(run.traffic)} traffic, seed ${num(String(run.seed))}. Begun ${code(run.at)}${run.source === undefined ? line`` : line` in ${code(run.source)}`}.`,
  ];
  if (outcome.unanswered !== null) {
    const at = outcome.cell === null ? '' : ` of cell ${outcome.cell}`;
    items.push(
      line`Unanswered: ${code(outcome.unanswered)}${num(at)}, ${num(duration(outcome.waitedMs))} until the verdict.`,
    );
  }
  if (outcome.source !== null) items.push(line`Likely source: ${num(outcome.source)}.`);
  items.push(
    line`Start: ${num(duration(run.startMs))}. Notebook: ${num(duration(run.notebookMs))}.`,
    ...[...runSigns(run), ...limitSigns(run, report.protocol)].map(
      ({ of, line: seen }) => line`${text(capitalised(of))}: ${seen}.`,
    ),
  );
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
  blocks.push(...traceBlocks(run));
  if (run.cellMs.length > 0) {
    blocks.push(paragraph(line`Answered cells, ms: ${num(cellList(run.cellMs))}`));
  }
  return blocks;
}

/** The last messages of a run that did not complete, as `soak explain` shows them. */
function traceBlocks({ trace = [], startMs }: RunRecord): Block[] {
  if (trace.length === 0) return [];
  return [
    paragraph(line`The last messages, in milliseconds since ${text(traceOrigin(startMs))}:`),
    { kind: 'verbatim', language: 'text', content: traceLines(trace.slice(-TRACE_EVENTS)).join('\n') },
  ];
}

function capitalised(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

const LISTED_CELLS = 200;

function cellList(cellMs: readonly number[]): string {
  const listed = cellMs.slice(0, LISTED_CELLS).map((ms) => (ms < 100 ? ms.toFixed(1) : ms.toFixed(0)));
  const left = cellMs.length - listed.length;
  return `${listed.join(' ')}${left > 0 ? ` and ${left} more` : ''}`;
}

/** `b007-fix: completed`. */
export function storySummary(run: RunRecord, report: Report): Line {
  const kind: OutcomeKind = run.outcome.kind;
  const cell = run.outcome.cell === null ? '' : `, cell ${run.outcome.cell}`;
  return kind === 'completed'
    ? line`${code(run.run)} ${num(seenKind(run, report))}`
    : line`${code(run.run)} ${num(kindWords(kind))}${num(cell)}`;
}
