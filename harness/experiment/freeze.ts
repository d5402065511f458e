import type { Notebook } from '../frontend/notebook.ts';
import type { ProtocolNotebook } from '../model/protocol.ts';

/** The protocol's entry for a notebook. */
export function protocolNotebook(notebook: Notebook): ProtocolNotebook {
  return {
    name: notebook.name,
    sha256: notebook.sha256,
    codeCells: notebook.codeCells.map(({ index }) => index),
  };
}
