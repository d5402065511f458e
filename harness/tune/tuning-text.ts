import { terminalText } from '../model/clean-text.ts';
import { shellWord } from '../model/shell-word.ts';
import { plainLine } from '../report/document.ts';
import { textTable } from '../report/text-table.ts';
import { doseText } from './dose-response.ts';
import type { TuningRecord } from './record.ts';
import type { TuningResults } from './results.ts';
import { endpointFlags, leadLines, settingFlags, settingsTable } from './tuning-document.ts';

/** Rows in the terminal; the whole table is in the file. */
const TERMINAL_ROWS = 12;

/** What a person reads at the end of `soak tune`. */
export function tuningText(record: TuningRecord, results: TuningResults, tunedPath: string): string {
  const { columns, rows: tried } = settingsTable(record, results);
  const shown = tried.slice(0, TERMINAL_ROWS);
  const rows = [
    columns.map(({ title }) => title),
    ...shown.map((row) => row.map((cell) => terminalText(plainLine(cell) || '-'))),
  ];
  const rest = tried.length - shown.length;
  const parts = [
    textTable(rows, (column) => columns[column]?.align === 'right').join('\n') +
      (rest > 0 ? `\n… and ${rest} more in tuning.md` : ''),
    doseText(record, results),
    leadLines(record, results).map(plainLine).join('\n'),
  ];
  if (results.chosen !== null) {
    parts.push(
      `To experiment with it:\n  npm run soak -- --tuned ${shellWord(tunedPath)}${endpointFlags(record)} --until-decided --alpha ${record.alpha}\nor, without citing the record:\n  npm run soak -- ${settingFlags(record, results.chosen)} --until-decided --alpha ${record.alpha}`,
    );
  }
  return parts.filter((part) => part !== '').join('\n\n');
}
