/** Narrower than this, nothing can be laid out, and a terminal that says so does not know its width. */
const NARROWEST = 20;

/** Columns of the terminal that standard output is. Infinite where it is none, such as a file or a pipe. */
export function terminalColumns(): number {
  const { columns } = process.stdout;
  return columns === undefined || columns < NARROWEST ? Number.POSITIVE_INFINITY : columns;
}
