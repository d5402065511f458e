import type { JsonObject } from '../../harness/frontend/notebook.ts';

type AnyOutput = { output_type: string; name?: string; text?: string | string[] };

/**
 * A notebook that nbclient executed, its outputs in their order, each stream message joined to the one before where
 * both are of one stream. nbclient keeps each message as an output of its own, and how many messages a text comes in
 * depends on when the kernel flushes.
 */
export function withMergedStreams(notebook: JsonObject): JsonObject {
  const { cells } = structuredClone(notebook) as { cells: { outputs?: AnyOutput[] }[] };
  for (const cell of cells) {
    if (cell.outputs === undefined) continue;
    const merged: AnyOutput[] = [];
    for (const output of cell.outputs) {
      const last = merged.at(-1);
      if (output.output_type !== 'stream') merged.push(output);
      else if (last?.output_type === 'stream' && last.name === output.name) {
        last.text = [last.text ?? '', output.text ?? ''].flat().join('');
      } else merged.push({ ...output, text: [output.text ?? ''].flat().join('') });
    }
    cell.outputs = merged;
  }
  return { ...notebook, cells };
}
