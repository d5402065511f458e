import logUpdate from 'log-update';
import type { Display } from '../experiment/carry-out.ts';
import { monotonicMs } from '../frontend/precise-timer.ts';
import { terminalText } from '../model/clean-text.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { eventSeen, stallSeen } from '../report/event-seen.ts';
import { duration } from '../report/format-number.ts';
import { limitWords } from '../report/limit-signs.ts';
import { Board, type ShownPart } from './display-board.ts';
import { leftWords, screen } from './display-screen.ts';

// Often enough to look alive; a redraw must not take time from the front ends.
const REDRAW_MS = 250;

/** One line of a run, for logs. */
function runLine(record: RunRecord, protocol: Protocol, board: Board): string {
  const took = duration((record.startMs ?? 0) + (record.notebookMs ?? 0));
  const { kind, reason, cell, error } = record.outcome;
  const cells = protocol.notebooks[record.notebook]?.codeCells.length ?? 0;
  const where = cell === null ? '' : cell < cells ? ` at cell ${cell}` : ' after the last cell';
  const raised = error === null ? '' : ` (${terminalText(`${error.ename}: ${error.evalue}`, 120)})`;
  const seen = eventSeen(record, protocol);
  const event = seen === null ? '' : `, ${seen}`;
  const why = kind === 'completed' ? '' : `: ${reason}${raised}`;
  const stall = stallSeen(record, protocol);
  const stalls = stall === null ? '' : `; ${stall}`;
  const limits = limitWords(record, protocol);
  const left = record.left === undefined ? '' : `; left behind: ${record.left.join(' ')}`;
  return `run ${board.recorded} of ${board.planned}, ${terminalText(record.run)}: ${kind}${where} in ${took}${event}${why}${limits === '' ? '' : `; ${limits}`}${stalls}${left}`;
}

/** How an experiment is shown. */
export interface DisplayOptions extends ShownPart {
  /** Default: whether standard output is one. */
  readonly isTerminal?: boolean;
}

/** A display that redraws on a terminal, and writes one plain line a run elsewhere. */
export function openDisplay(
  protocol: Protocol,
  recorded: readonly RunRecord[],
  write: (text: string) => void,
  { isTerminal = process.stdout.isTTY === true, ...part }: DisplayOptions = {},
): Display {
  const board = new Board(protocol, recorded, monotonicMs(), part);
  const draw = (isOver = false) => logUpdate(screen(board, protocol, monotonicMs(), { isOver }));
  // A log names the price once, after the first block.
  let isPriced = false;
  const timer = isTerminal ? setInterval(() => draw(), REDRAW_MS) : undefined;
  return {
    events: {
      onStart: (order) => board.start(order, monotonicMs()),
      onRun: (record) => {
        board.finish(record);
        if (isTerminal) return;
        write(`${runLine(record, protocol, board)}\n`);
        const price = isPriced ? null : leftWords(board, monotonicMs());
        if (price !== null) write(`${price}\n`);
        isPriced ||= price !== null;
      },
      onBlock: (decision) => {
        board.decision = decision;
      },
    },
    close() {
      clearInterval(timer);
      board.slots.clear();
      if (isTerminal) {
        draw(true);
        logUpdate.done();
      }
      write('\n');
    },
  };
}
