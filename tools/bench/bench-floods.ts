import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeNotebookText } from '../testing/code-notebook.ts';
import type { BenchSurroundings } from './bench-surroundings.ts';
import { watchedSoak } from './watched-soak.ts';

/** What a flood did to the harness, and whether the notebook has all of it. */
export interface Flood {
  readonly what: string;
  readonly seconds: number;
  readonly mostMiB: number;
  readonly kept: boolean;
}

const PRINTED_BYTES = 100_000_000;
const UPDATES = 100_000;

const FLOODS = [
  {
    what: 'a cell that prints 100 MB',
    code: `line = 'x' * 99 + '\\n'\nfor _ in range(1_000):\n    print(line * ${PRINTED_BYTES / 100_000}, end='')`,
    kept: (outputs: readonly Output[]) =>
      outputs.reduce((sum, { text }) => sum + [text ?? ''].flat().join('').length, 0) === PRINTED_BYTES,
  },
  {
    what: 'a cell with 100,000 updates of a display',
    code: `from IPython.display import display\nshown = display(0, display_id=True)\nfor index in range(1, ${UPDATES + 1}):\n    shown.update(index)`,
    kept: ([first, ...others]: readonly Output[]) =>
      others.length === 0 && [first?.data?.['text/plain'] ?? ''].flat().join('') === String(UPDATES),
  },
] as const;

interface Output {
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, string | readonly string[]>>;
}

/** One run of each, its notebook kept. */
export async function benchFloods({ folder }: BenchSurroundings): Promise<Flood[]> {
  const results: Flood[] = [];
  for (const [index, { what, code, kept }] of FLOODS.entries()) {
    const path = join(folder, `flood-${index}.ipynb`);
    await writeFile(path, codeNotebookText([code]));
    const out = join(folder, `flood-${index}`);
    let mostMiB = 0;
    let seconds = 0;
    const args = [
      '--arm',
      'stream',
      '--runs',
      '1',
      '--notebook',
      path,
      '--save-notebooks',
      '--timeout',
      '300',
    ];
    await watchedSoak([...args, '--seed', '1', '--out', out], process.env, (look) => {
      mostMiB = Math.max(mostMiB, look.peakMiB);
      ({ seconds } = look);
    });
    const text = await readFile(join(out, 'notebooks', `b000-stream-flood-${index}.ipynb`), 'utf8');
    const { cells } = JSON.parse(text) as { cells: { outputs: Output[] }[] };
    results.push({ what, seconds, mostMiB, kept: kept(cells[0]?.outputs ?? []) });
  }
  return results;
}
