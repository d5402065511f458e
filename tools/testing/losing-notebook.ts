import type { OutputLoss } from '../../harness/model/output-loss.ts';
import { codeNotebookText, PYTHON_METADATA } from './code-notebook.ts';

// ipykernel 7.1 and later show what a thread prints under the cell that runs at that moment.
const CELLS = [
  "import threading\ngo = threading.Event()\ndef late():\n    go.wait()\n    print('of the thread')\nthread = threading.Thread(target=late)\nthread.start()\nprint('of the cell')",
  "go.set()\nthread.join()\nprint('next')",
];

/** Saved outputs: the thread's are under the cell that started it, as an earlier kernel showed them. */
const SAVED = ['of the cell\nof the thread\n', 'next\n'];

/** A notebook whose saved outputs lose one in every run of ipykernel 7.1 and later. */
export function losingNotebook(): string {
  const notebook = JSON.parse(codeNotebookText(CELLS, PYTHON_METADATA)) as { cells: { outputs: object[] }[] };
  for (const [index, text] of SAVED.entries()) {
    const cell = notebook.cells[index];
    if (cell !== undefined) cell.outputs = [{ output_type: 'stream', name: 'stdout', text }];
  }
  return JSON.stringify(notebook);
}

/** What every such run loses. */
export const LOSSES: readonly OutputLoss[] = [{ loss: 'moved', cell: 0, output: 'stdout', at: 1 }];
