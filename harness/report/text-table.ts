import stringWidth from 'string-width';

/**
 * Rows as lines of a terminal, in columns of equal width, two spaces apart. No line ends in spaces.
 *
 * @param isRight whether a column is aligned at its right end
 */
export function textTable(
  rows: readonly (readonly string[])[],
  isRight: (column: number) => boolean,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => stringWidth(row[column] ?? ''))),
  );
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
