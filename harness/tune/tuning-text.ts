import { terminalText } from '../model/clean-text.ts';
import { shellWord } from '../model/shell-word.ts';
import { plainLine } from '../report/document.ts';
import { textTable } from '../report/text-table.ts';
import { doseText } from './dose-response.ts';
import type { TuningRecord } from './record.ts';
import type { TuningResults } from './results.ts';
import {
  COLUMNS,
  leadLines,
  rowWords,
  settingFlags,
  TERMINAL_ROWS,
  triedResults,
} from './tuning-document.ts';

/** What a person reads at the end of `soak tune`. */
export function tuningText(record: TuningRecord, results: TuningResults, tunedPath: string): string {
  const tried = triedResults(results);
  const shown = tried.slice(0, TERMINAL_ROWS);
  const rows = [
    COLUMNS.map(({ title }) => title),
    ...shown.map((each) => rowWords(each).map((word) => terminalText(word === '' ? '-' : word))),
  ];
  const rest = tried.length - shown.length;
  const parts = [
    textTable(rows, (column) => COLUMNS[column]?.align === 'right').join('\n') +
      (rest > 0 ? `\n… and ${rest} more in tuning.md` : ''),
    doseText(results),
    leadLines(record, results).map(plainLine).join('\n'),
  ];
  if (results.chosen !== null) {
    parts.push(
      `Experiment with it:\n  npm run soak -- --tuned ${shellWord(tunedPath)} --until-decided --alpha ${record.alpha}\nor, without citing the record:\n  npm run soak -- ${settingFlags(record, results.chosen)} --until-decided --alpha ${record.alpha}`,
    );
  }
  return parts.filter((part) => part !== '').join('\n\n');
}
