import type { Notebook } from '../frontend/notebook.ts';
import type { ProtocolNotebook } from '../model/protocol.ts';

/** A notebook as the protocol names it. */
export function protocolNotebook(notebook: Notebook): ProtocolNotebook {
  return {
    name: notebook.name,
    sha256: notebook.sha256,
    codeCells: notebook.codeCells.map(({ index }) => index),
  };
}
