import { cleanLine } from '../model/clean-text.ts';
import type { Outcome } from '../model/outcome.ts';
import { publicText } from '../model/public-text.ts';

/** Where a cell raised, as far as its traceback says. */
export type ErrorPlace = Pick<NonNullable<Outcome['error']>, 'line' | 'frame'>;

// A traceback is the kernel's word: so much of it is looked at, from its end, where the last frame stands.
const MAX_ENTRIES = 100;
const MAX_CHARACTERS = 20_000;
const MAX_LINE_CHARACTERS = 400;
const MAX_FRAME_CHARACTERS = 120;

// IPython 8.6 and later, then 8.0 to 8.5. Headers of older releases have no line number.
const CELL =
  /^\s*(?:Cell In ?\[\d+\], line (\d+)|Input In \[\d+\], in <cell line: (\d+)>)(?:, in ([^\s(]+))?/;
// IPython's header of a file, then Python's own.
const IPYTHON_FILE = /^File (.+?):(\d+)(?:, in ([^\s(]+))?/;
const PYTHON_FILE = /^\s+File "(.+?)", line (\d+)(?:, in (\S+))?/;
const NEXT_EXCEPTION = /^(?:During handling of the above|The above) exception/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: IPython colours its tracebacks
const COLOURS = /\u001b\[[\d;]*m/g;

/**
 * The place of an error in a traceback of IPython or Python: line of the cell, and the last frame where it is another.
 * Of a chain of exceptions, that of the last one. Empty where the traceback has another form.
 *
 * @param traceback `traceback` of a reply or of an `error` message: a list of strings, or one string
 */
export function errorPlace(traceback: unknown): ErrorPlace {
  let cell: number | undefined;
  let last: { readonly isCell: boolean; readonly frame: string } | null = null;
  for (const each of headers(traceback)) {
    if (NEXT_EXCEPTION.test(each)) {
      cell = undefined;
      last = null;
      continue;
    }
    const ofCell = CELL.exec(each);
    const ofFile = IPYTHON_FILE.exec(each) ?? PYTHON_FILE.exec(each);
    if (ofCell !== null) {
      const line = Number(ofCell[1] ?? ofCell[2]);
      // The first is the cell that runs; a function of an earlier cell comes below it.
      last = { isCell: cell === undefined, frame: `cell:${line} ${ofCell[3] ?? '<module>'}` };
      cell ??= line;
    } else if (ofFile !== null) {
      const [, path = '', line, name] = ofFile;
      last = {
        isCell: false,
        frame: `${path.split(/[/\\]/).at(-1)}:${line} ${name ?? '<module>'}`,
      };
    }
  }
  return {
    ...(cell !== undefined && Number.isSafeInteger(cell) && cell > 0 ? { line: cell } : {}),
    ...(last === null || last.isCell
      ? {}
      : { frame: publicText(cleanLine(last.frame, MAX_LINE_CHARACTERS)).slice(0, MAX_FRAME_CHARACTERS) }),
  };
}

/** The lines of a traceback, bounded; IPython has an entry of several lines for each frame. */
function headers(traceback: unknown): string[] {
  const entries = typeof traceback === 'string' ? [traceback] : Array.isArray(traceback) ? traceback : [];
  const texts = entries
    .slice(-MAX_ENTRIES)
    .filter((entry): entry is string => typeof entry === 'string')
    .map((entry) => entry.slice(-MAX_CHARACTERS));
  return texts
    .join('\n')
    .slice(-MAX_CHARACTERS)
    .replace(COLOURS, '')
    .split('\n')
    .map((each) => each.slice(0, MAX_LINE_CHARACTERS));
}
