import stringWidth from 'string-width';
import { terminalColumns } from '../model/terminal-width.ts';
import { wrapped } from '../model/wrapped.ts';

/**
 * Rows as lines of a terminal, in columns of equal width, two spaces apart. The first row names the columns. No line ends
 * in spaces. Where the terminal is narrower than that, each row becomes a paragraph: its first cell, and under it the
 * others with the names of their columns, so that no figure loses its heading.
 *
 * @param isRight whether a column is aligned at its right end
 * @param width of the terminal, in columns
 */
export function textTable(
  rows: readonly (readonly string[])[],
  isRight: (column: number) => boolean,
  width = terminalColumns(),
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => stringWidth(row[column] ?? ''))),
  );
  const whole = widths.reduce((sum, each) => sum + each + 2, -2);
  if (whole > width) return stackedRows(rows, width);
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const pad = ' '.repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(cell)));
        return isRight(column) ? `${pad}${cell}` : `${cell}${pad}`;
      })
      .join('  ')
      .trimEnd(),
  );
}

function stackedRows([names = [], ...rows]: readonly (readonly string[])[], width: number): string[] {
  const nameWidth = Math.max(...names.slice(1).map((name) => stringWidth(name)));
  const indent = ' '.repeat(nameWidth + 4);
  return rows.flatMap(([first = '', ...cells]) => [
    wrapped(first, '', width),
    ...cells.flatMap((cell, index) => {
      if (cell === '') return [];
      const name = names[index + 1] ?? '';
      const gap = ' '.repeat(nameWidth - stringWidth(name) + 2);
      return [`  ${name}${gap}${wrapped(cell, indent, width)}`];
    }),
  ]);
}
