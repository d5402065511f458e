import type { OutputLoss } from '../model/output-loss.ts';
import type { Protocol } from '../model/protocol.ts';
import type { CellPlace, Fault } from '../stats/faults.ts';
import { code, enumeration, type Line, line, text } from './document.ts';
import { duration, memorySize } from './format-number.ts';
import { kindWords, num } from './words.ts';

/** What became of an expected output, after its name: "`stdout` of cell 3 is missing". */
export const LOSS_WORDS: Readonly<Record<OutputLoss['loss'], string>> = {
  missing: 'is missing',
  doubled: 'came twice',
  cut: 'is cut short',
  moved: 'is under another cell',
  differs: 'has another content',
};

/** `cell 3`, counted from 0 as in the table of runs; with several notebooks, `cell 3 of a.ipynb`. */
export function cellWords({ notebook, cell }: CellPlace, { notebooks }: Protocol): Line {
  const place = line`cell ${num(String(cell))}`;
  return notebooks.length < 2 ? place : line`${place} of ${code(notebooks[notebook]?.name ?? 'unknown')}`;
}

/** `cells 3, 7 and 12 more`; with several notebooks each with its own. Empty: there is none. */
export function cellsWords(cells: readonly CellPlace[], further: number, protocol: Protocol): Line {
  const isOne = protocol.notebooks.length < 2 && cells.length > 1;
  const named = cells.map((cell) => (isOne ? line`${num(String(cell.cell))}` : cellWords(cell, protocol)));
  const all = enumeration(further === 0 ? named : [...named, line`${num(String(further))} more`]);
  return isOne ? line`cells ${all}` : all;
}

/** A fault in words, a clause without a full stop. */
export function faultWords(fault: Fault, protocol: Protocol): Line {
  switch (fault.is) {
    case 'error': {
      const at = fault.at === null ? line`` : line` in ${cellWords(fault.at, protocol)}`;
      const row = fault.line === null ? line`` : line`, line ${num(String(fault.line))}`;
      const below = fault.frame === null ? line`` : line`, last in ${code(fault.frame)}`;
      const said = fault.message === null ? line`` : line`: ${code(fault.message)}`;
      return line`${code(fault.ename)}${at}${row}${below}${said}`;
    }
    case 'exit': {
      const how = exitWords(fault.code, fault.signal);
      const said = fault.words === null ? line`` : line`: ${code(fault.words)}`;
      return line`${text(kindWords(fault.kind))}${how}${said}`;
    }
    case 'output':
      return fault.at === null
        ? line`${code(fault.output)} of several cells ${text(LOSS_WORDS[fault.loss])}`
        : line`${code(fault.output)} of ${cellWords(fault.at, protocol)} ${text(LOSS_WORDS[fault.loss])}`;
    case 'slow': {
      const limit = text(duration(protocol.slowAfterMs ?? null));
      return fault.at === null
        ? line`a cell took ${limit} or longer`
        : line`${cellWords(fault.at, protocol)} took ${limit} or longer`;
    }
    case 'memory':
      return line`memory passed ${text(memorySize(protocol.memoryAboveBytes ?? 0))}`;
    case 'stack':
      return fault.frames.length === 0
        ? line`${text(kindWords(fault.kind))}; where its main thread stood is not known`
        : line`${text(kindWords(fault.kind))}; its main thread stood in ${calls(fault.frames)}`;
    case 'request': {
      const of = fault.request === null ? line`` : line`, ${code(fault.request)}`;
      const by =
        fault.source === null || !fault.kind.startsWith('lost-') ? '' : `, lost by the ${fault.source}`;
      const why =
        fault.rejections.length === 0
          ? line``
          : line`; not taken: ${enumeration(fault.rejections.map((each) => [code(each)]))}`;
      return line`${text(kindWords(fault.kind))}${of}${text(by)}${why}`;
    }
    case 'kind':
      return line`${text(kindWords(fault.kind))}`;
  }
}

/** ` (exit code 1)`, ` (signal SIGSEGV)`; nothing where neither is known. */
function exitWords(exitCode: number | null, signal: string | null): Line {
  if (signal !== null) return line` (signal ${code(signal)})`;
  return exitCode === null ? line`` : line` (exit code ${num(String(exitCode))})`;
}

/** `a, called from b, called from c`. */
function calls(frames: readonly string[]): Line {
  return frames.flatMap((frame, index) => (index === 0 ? [code(frame)] : line`, called from ${code(frame)}`));
}
