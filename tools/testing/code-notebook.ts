import { type Notebook, parsedNotebook } from '../../harness/frontend/notebook.ts';

/** As notebooks of Python say it of themselves. */
export const PYTHON_METADATA = {
  kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' },
} as const;

/** What the file of a notebook of code cells holds, one for each source. */
export function codeNotebookText(sources: readonly string[], metadata: object = {}): string {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    id: `c${index}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells });
}

/** A notebook of code cells that was never in a file. */
export function codeNotebook(name: string, sources: readonly string[]): Notebook {
  return parsedNotebook(Buffer.from(codeNotebookText(sources)), name);
}
