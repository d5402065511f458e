import stringWidth from 'string-width';
import { terminalText } from '../model/clean-text.ts';
import { shellWord } from '../model/shell-word.ts';
import type {} from '../report/document.ts';
import { plainLine, type Table } from '../report/document.ts';
import { doseText } from './dose-response.ts';
import type { TuningRecord } from './record.ts';
import type { TuningResults } from './results.ts';
import { leadLines, settingFlags, settingsTable } from './tuning-document.ts';

/** Rows in the terminal; the whole table is in the file. */
const TERMINAL_ROWS = 12;

function aligned(rows: readonly (readonly string[])[], columns: Table['columns']): string[] {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => stringWidth(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((word, column) => {
        const pad = ' '.repeat((widths[column] ?? 0) - stringWidth(word));
        return columns[column]?.align === 'right' ? pad + word : word + pad;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** What a person reads at the end of `soak tune`. */
export function tuningText(record: TuningRecord, results: TuningResults, tunedPath: string): string {
  const { columns, rows: tried } = settingsTable(results);
  const shown = tried.slice(0, TERMINAL_ROWS);
  const rows = [
    columns.map(({ title }) => title),
    ...shown.map((row) => row.map((cell) => terminalText(plainLine(cell) || '-'))),
  ];
  const rest = tried.length - shown.length;
  const parts = [
    aligned(rows, columns).join('\n') + (rest > 0 ? `\n… and ${rest} more in tuning.md` : ''),
    doseText(results),
    leadLines(record, results).map(plainLine).join('\n'),
  ];
  if (results.chosen !== null) {
    parts.push(
      `To experiment with it:\n  npm run soak -- --tuned ${shellWord(tunedPath)} --until-decided --alpha ${record.alpha}\nor, without citing the record:\n  npm run soak -- ${settingFlags(record, results.chosen)} --until-decided --alpha ${record.alpha}`,
    );
  }
  return parts.filter((part) => part !== '').join('\n\n');
}
