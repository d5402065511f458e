import logUpdate from 'log-update';
import pc from 'picocolors';
import type { DiagnosisDisplay, OpenWay } from '../diagnose/carry-out.ts';
import { findingsOf } from '../diagnose/findings.ts';
import type { Asked } from '../diagnose/next-command.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { terminalText } from '../model/clean-text.ts';
import { endpointRule } from '../model/endpoint.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { eventWords } from '../report/endpoint-words.ts';
import { counted, duration } from '../report/format-number.ts';
import { kindCounts } from '../report/words.ts';

const REDRAW_MS = 250;
/** Chief packages of a client, which decide how it sends and reads. */
const CHIEF = /^(nbclient|jupyter-client|papermill|nbconvert|nbmake|pyzmq)$/;

/** What will run, in what it costs, and how to name something else. */
export function plannedWords(ways: readonly OpenWay[], asked: Asked): string {
  const [first] = ways;
  if (first === undefined) return '';
  const { environment, protocol } = first.opened.prepared;
  const client = ways.flatMap(({ opened }) => opened.prepared.protocol.client ?? []);
  const versions = client.flatMap(({ versions: all }) =>
    Object.entries(all).flatMap(([name, version]) => (CHIEF.test(name) ? [`${name} ${version}`] : [])),
  );
  const spec = protocol.arms[0]?.kernelspec;
  const kernel =
    spec === undefined
      ? `ipykernel ${environment.ipykernel} on ${environment.python}, pyzmq ${environment.packages['pyzmq'] ?? 'unknown'}`
      : `${spec.displayName}, version ${spec.version ?? 'unknown'}`;
  const rows = [
    `  kernel   ${terminalText(kernel, 200)}`,
    versions.length === 0
      ? '  client   none: only ipykernel can be started by a client here'
      : `  client   ${versions.join(', ')}`,
    `  runs     ${counted(protocol.blocks, 'run')} ${ways.map(({ name }) => (name === 'direct' ? 'directly' : `by ${name}`)).join(' and ')}, in turn; at most ${asked.maxMinutes} min (--runs, --max-minutes)`,
    `  evidence ${asked.folder}`,
    '  another  --env VENV, --kernel NAME, --with PACKAGE or --arm ipykernel==7.4.0',
  ];
  return `${rows.join('\n')}\n\n`;
}

interface Progress {
  readonly protocol: Protocol;
  readonly runs: RunRecord[];
  /** When the run under way began. `null`: none is. */
  sinceMs: number | null;
}

/** One line a way on a terminal, drawn anew; elsewhere one line a run. */
export function openDiagnosisDisplay(
  ways: readonly OpenWay[],
  write: (text: string) => void,
  maxMs: number,
  {
    isTerminal = process.stdout.isTTY === true,
    clock = monotonicMs,
  }: { readonly isTerminal?: boolean; readonly clock?: () => number } = {},
): DiagnosisDisplay {
  const startedMs = clock();
  const before = ways.reduce((sum, { opened }) => sum + opened.session.recorded.length, 0);
  const progress = new Map<string, Progress>(
    ways.map(({ name, opened }) => [
      name,
      { protocol: opened.prepared.protocol, runs: [...opened.session.recorded], sinceMs: null },
    ]),
  );
  const left = () => leftWords(progress, before, clock() - startedMs, maxMs);
  const draw = () => logUpdate(screen(progress, left(), clock()));
  const timer = isTerminal ? setInterval(draw, REDRAW_MS) : undefined;
  let isPriced = false;
  return {
    eventsOf: (way) => {
      const own = progress.get(way) as Progress;
      return {
        onStart: () => {
          own.sinceMs = clock();
        },
        onRun: (run) => {
          own.sinceMs = null;
          own.runs.push(run);
          if (isTerminal) return;
          write(`${runLine(way, run, own.protocol)}\n`);
          const price = isPriced ? null : left();
          if (price !== null) write(`${price}\n`);
          isPriced ||= price !== null;
        },
      };
    },
    close: () => {
      clearInterval(timer);
      if (isTerminal) {
        draw();
        logUpdate.done();
      }
      write('\n');
    },
  };
}

function screen(progress: ReadonlyMap<string, Progress>, left: string | null, nowMs: number): string {
  const width = Math.max(...[...progress.keys()].map((name) => name.length));
  const lines = [...progress].map(([name, { protocol, runs, sinceMs }]) => {
    const now = sinceMs === null ? '' : pc.dim(`  > ${duration(nowMs - sinceMs)}`);
    return `  ${name.padEnd(width)}  ${runs.length} of ${protocol.blocks}  ${tally(runs, protocol)}${now}`;
  });
  return [...lines, ...(left === null ? [] : [pc.dim(`  ${left}`)])].join('\n');
}

/** `2 wedged, 1 stalled, 3 completed`. */
function tally(runs: readonly RunRecord[], protocol: Protocol): string {
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const word of endingWords(run, protocol)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, many]) => `${many} ${word}`).join(', ');
}

function endingWords(run: RunRecord, protocol: Protocol): string[] {
  const way = protocol.client === undefined ? 'direct' : 'client';
  const found = findingsOf(run, endpointRule(protocol), way);
  if (found.length === 0) return [kindCounts({ [run.outcome.kind]: 1 }).replace(/^1 /, '')];
  return found.map(({ event }) => eventWords({ ...endpointRule(protocol), endpoint: event }).past);
}

function runLine(way: string, run: RunRecord, protocol: Protocol): string {
  const { cell, error } = run.outcome;
  const took = duration((run.startMs ?? 0) + (run.notebookMs ?? 0));
  const raised = error === null ? '' : `: ${terminalText(`${error.ename}: ${error.evalue}`, 120)}`;
  const where = cell === null ? '' : ` at cell ${cell}`;
  return `${run.block + 1}/${protocol.blocks} ${way}: ${endingWords(run, protocol).join(', ')}${where} in ${took}${raised}`;
}

/**
 * What the runs that are left will take at the pace so far, and no more than the budget has left; `null` before each way
 * has a run.
 */
function leftWords(
  progress: ReadonlyMap<string, Progress>,
  before: number,
  elapsedMs: number,
  maxMs: number,
): string | null {
  const all = [...progress.values()];
  const done = all.reduce((sum, { runs }) => sum + runs.length, 0) - before;
  const left = all.reduce((sum, { protocol, runs }) => sum + protocol.blocks - runs.length, 0);
  if (done < all.length || left === 0) return null;
  const atPaceMs = (elapsedMs / done) * left;
  const budgetMs = maxMs - elapsedMs;
  if (budgetMs <= 0) return 'the time is over: the run under way is the last';
  return budgetMs < atPaceMs
    ? `at most ${duration(budgetMs)} left, for about ${Math.max(1, Math.floor((budgetMs / elapsedMs) * done))} of ${left} more runs`
    : `about ${duration(atPaceMs)} left`;
}
