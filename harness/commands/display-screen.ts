import pc from 'picocolors';
import stringWidth from 'string-width';
import { terminalText } from '../model/clean-text.ts';
import type { Protocol } from '../model/protocol.ts';
import { wrapped } from '../model/wrapped.ts';
import { eventWords } from '../report/endpoint-words.ts';
import {
  counted,
  duration,
  memorySize,
  percent,
  percentInterval,
  roughDuration,
} from '../report/format-number.ts';
import { kindCounts } from '../report/words.ts';
import { clopperPearson } from '../stats/intervals.ts';
import type { SequentialDecision } from '../stats/sequential-decision.ts';
import { armsByRole } from '../stats/verdict.ts';
import { type Board, newTally, type Tally } from './display-board.ts';

/** Columns of a terminal that does not say how many it has. */
const USUAL_COLUMNS = 80;

/** How a screen is drawn. */
export interface ScreenOptions {
  /** Of the terminal; default: those that it says it has. */
  readonly columns?: number;
  /** Whether no run is under way or to come, so that no time is left. */
  readonly isOver?: boolean;
}

/** What the terminal shows while an experiment runs: the arms, how the treatments stand, what is under way, the time. */
export function screen(
  board: Board,
  protocol: Protocol,
  nowMs: number,
  { columns = process.stdout.columns ?? USUAL_COLUMNS, isOver = false }: ScreenOptions = {},
): string {
  // One column is left free: some terminals begin a new line once the last one is written.
  const width = columns - 1;
  const nameWidth = Math.max(...protocol.arms.map(({ name }) => stringWidth(terminalText(name))));
  const countWidth = Math.max(
    ...protocol.arms.map(({ name }) => countWords(tallyOf(board, name), protocol).length),
  );
  return [
    ...protocol.arms.flatMap(({ name, role }) =>
      armLines(name, role, tallyOf(board, name), { protocol, nameWidth, countWidth, width }),
    ),
    ...standingLines(board, protocol).map((words) => `  ${wrapped(words, '  ', width)}`),
    ...underWay(board, nowMs, width),
    pc.dim(`  ${wrapped(timeWords(board, nowMs, isOver), '  ', width)}`),
  ].join('\n');
}

function tallyOf(board: Board, name: string): Tally {
  return board.tallies.get(name) ?? newTally();
}

function countWords({ wedged, runs }: Tally, protocol: Protocol): string {
  return `${wedged} of ${runs} ${eventWords(protocol).past}`;
}

interface Layout {
  readonly protocol: Protocol;
  readonly nameWidth: number;
  readonly countWidth: number;
  readonly width: number;
}

/** The count of an arm with its interval, and how else its runs ended: beside it where there is room, else under it. */
function armLines(
  name: string,
  role: string,
  tally: Tally,
  { protocol, nameWidth, countWidth, width }: Layout,
): string[] {
  const shownName = terminalText(name);
  const count = countWords(tally, protocol);
  const named = `  ${shownName}${' '.repeat(nameWidth - stringWidth(shownName))}  `;
  const { runs, wedged } = tally;
  const rate =
    runs === 0
      ? ''
      : `  ${percent(wedged / runs).padStart(7)}  (95 % CI ${percentInterval(clopperPearson({ wedged, runs }))})`;
  const paint = paintOf(role, tally);
  const isNarrow = stringWidth(named) + countWidth + stringWidth(rate) > width;
  const indent = ' '.repeat(stringWidth(named));
  const first = isNarrow
    ? [`${named}${paint(count)}`, ...(rate === '' ? [] : [`${indent}${rate.trim().replace(/ {2,}/, ' ')}`])]
    : [`${named}${paint(count)}${' '.repeat(countWidth - count.length)}${rate}`];
  const others = otherWords(tally, protocol);
  if (others === '') return first;
  const beside = `${named}${count.padEnd(countWidth)}${rate}  ${others}`;
  return !isNarrow && stringWidth(beside) <= width
    ? [`${first[0]}  ${paintOthers(tally)(others)}`]
    : [...first, paintOthers(tally)(`${indent}${wrapped(others, indent, width)}`)];
}

/** Green: a change without an event and without a stall so far. Yellow: with events. Colour adds nothing to the words. */
function paintOf(role: string, { runs, wedged, stalled }: Tally): (words: string) => string {
  if (role !== 'treatment' || runs === 0 || (wedged === 0 && stalled > 0)) return (words) => words;
  return wedged === 0 ? pc.green : pc.yellow;
}

/** Red: runs that the harness could not observe. Yellow: runs that ended in another way. */
function paintOthers({ invalid, endings, stalled }: Tally): (words: string) => string {
  if (invalid > 0) return pc.red;
  return stalled > 0 || Object.keys(endings).length > 0 ? pc.yellow : (words) => words;
}

function otherWords(tally: Tally, protocol: Protocol): string {
  const { runs, endings, raised, invalid, unsampled, uncompared, slowestMs, peakBytes, stalled } = tally;
  const others = Object.values(endings).reduce((sum, many) => sum + many, 0);
  // A stall that ended its run is counted with the other stalls.
  const { stalled: _stalled, ...unstalled } = endings;
  const ended =
    `${Object.keys(unstalled).length === 0 ? '' : kindCounts(unstalled)}${raisedWords(raised)}`.trim();
  return [
    ...(ended === '' ? [] : [ended]),
    ...(invalid === 0 ? [] : [counted(invalid, 'harness fault')]),
    ...(unsampled === 0 ? [] : [`memory not known in ${unsampled}`]),
    ...(uncompared === 0 ? [] : [uncomparedWords(uncompared, protocol)]),
    ...(protocol.slowAfterMs === undefined || slowestMs === 0 ? [] : [`slowest cell ${duration(slowestMs)}`]),
    ...(peakBytes === 0 ? [] : [`${memorySize(peakBytes)} at most`]),
    ...(stalled === 0
      ? []
      : [`${protocol.client?.name ?? 'client'} stalled in ${stalled} of ${runs + others}`]),
  ].join(', ');
}

/** ` (ModuleNotFoundError)`: what cells raised; empty: nothing. */
function raisedWords(names: ReadonlySet<string>): string {
  if (names.size === 0) return '';
  const [first] = names;
  return ` (${first}${names.size > 1 ? ` and ${counted(names.size - 1, 'other error')}` : ''})`;
}

/** What control shows is known only after the last run; other outputs are not compared if they are too many to keep. */
function uncomparedWords(runs: number, { expected }: Protocol): string {
  return expected?.kind === 'reference'
    ? `${counted(runs, 'run')} to compare at the end`
    : `outputs not compared in ${runs}`;
}

/**
 * How each treatment stands so far. Of a fixed size only the counts are compared: a test that is looked at after every
 * block would err more often than its level says.
 */
function standingLines(board: Board, protocol: Protocol): string[] {
  const { control, shams, treatments } = armsByRole(protocol);
  if (board.decision === null || board.decision.blocks === 0) return [];
  const isSequential = protocol.decision.stopping === 'until-decided';
  const references = control === null ? [] : [control, ...shams];
  const lines = treatments.flatMap((arm) => {
    const standing = standingWords(board, arm, references, eventWords(protocol).past);
    if (standing === '') return [];
    return [`So far: ${standing}.${isSequential ? ` ${evidenceWords(board.decision, arm)}` : ''}`];
  });
  if (isSequential && treatments.length === 0)
    return board.decision.decisions.map(
      ({ arm }) =>
        `So far, ${terminalText(control ?? '')} and ${terminalText(arm)}: ${evidenceWords(board.decision, arm)}`,
    );
  if (lines.length > 0 && !isSequential && board.decision.blocks < protocol.blocks)
    lines.push(`The verdict comes after all ${protocol.blocks} blocks.`);
  return lines;
}

/** `fix wedged less often than control and sham`; empty while an arm has no run that counts. */
function standingWords(board: Board, arm: string, references: readonly string[], past: string): string {
  const rate = (name: string) => {
    const { runs, wedged } = tallyOf(board, name);
    return runs === 0 ? null : wedged / runs;
  };
  const own = rate(arm);
  const rates = references.map((name) => ({ name, rate: rate(name) }));
  if (own === null || rates.length === 0 || rates.some((each) => each.rate === null)) return '';
  const groups: [string, typeof rates][] = [
    [pc.green('less often than'), rates.filter((each) => own < (each.rate ?? 0))],
    ['as often as', rates.filter((each) => own === each.rate)],
    [pc.red('more often than'), rates.filter((each) => own > (each.rate ?? 0))],
  ];
  const parts = groups
    .filter(([, group]) => group.length > 0)
    .map(([words, group]) => `${words} ${group.map(({ name }) => terminalText(name)).join(' and ')}`);
  return `${terminalText(arm)} ${past} ${parts.join(', ')}`;
}

const EVIDENCE_OF = {
  below: 'Evidence',
  above: 'Evidence that it is worse',
  differs: 'Evidence of a difference',
} as const;

/** `Evidence: 26 % of the way to a verdict.` */
function evidenceWords(decision: SequentialDecision | null, arm: string): string {
  const found = decision?.decisions.find((each) => each.arm === arm);
  if (found === undefined) return '';
  const { direction, share } = found.evidence;
  // Rounded down, so that 100 % is said of what is decided alone.
  const way =
    found.decision === null ? `${Math.floor(share * 100)} % of the way to a verdict` : 'enough for a verdict';
  return `${EVIDENCE_OF[direction]}: ${way}.`;
}

function underWay(board: Board, nowMs: number, width: number): string[] {
  const runs = [...board.slots.values()].map(
    ({ order, sinceMs }) => `${terminalText(order.run)} ${roughDuration(nowMs - sinceMs)}`,
  );
  return runs.length === 0 ? [] : [pc.dim(`  ${wrapped(`Under way: ${runs.join(', ')}`, '  ', width)}`)];
}

/** `12 of 20 blocks, 3 min so far, about 2 min left`. */
function timeWords(board: Board, nowMs: number, isOver: boolean): string {
  const left = isOver ? null : leftWords(board, nowMs);
  const blocks = board.decision?.blocks ?? 0;
  return `${blocks} of ${counted(board.blocks, 'block')}, ${roughDuration(nowMs - board.startedMs)} so far${left === null ? '' : `, ${left}`}`;
}

/** `about 12 min left`; `null` before the first block ended, and after the last run. */
export function leftWords(board: Board, nowMs: number): string | null {
  const leftMs = board.leftMs(nowMs);
  if (leftMs === null || leftMs === 0) return null;
  const most = board.mayStopEarly ? 'at most ' : '';
  const limitMs = board.limitMs(nowMs);
  if (limitMs !== null && limitMs < leftMs) {
    return limitMs === 0
      ? '--max-minutes is over: the blocks that have begun are completed'
      : `about ${roughDuration(limitMs)} left by --max-minutes (all blocks would take about ${roughDuration(leftMs)})`;
  }
  return `${most}about ${roughDuration(leftMs)} left`;
}
