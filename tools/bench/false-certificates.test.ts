import { expect, test } from 'vitest';
import { certificates, falseCertificates } from './false-certificates.ts';
import { falseCertificatesMarkdown } from './false-certificates-report.ts';
import { slowNotebook } from './slow-notebook.ts';

// What `npm run false-certificates` does at full size, in half a minute.
const SLOW_CELLS = 60;
const CLEAN_RUNS = 6;

test('slow cells and clean runs are never certified, nor looked at', async () => {
  const result = await falseCertificates({
    slowCells: SLOW_CELLS,
    cleanRuns: CLEAN_RUNS,
    seed: 7,
    slowAtOnce: 2,
    cleanAtOnce: 1,
    env: null,
    onProgress: () => {},
  });
  expect(result.ipykernel).toBe('7.4.0');
  expect(certificates(result)).toBe(0);
  expect(result.slow).toMatchObject({ cells: SLOW_CELLS, looks: 0, kinds: { completed: 1 } });
  expect(result.clean).toMatchObject({ looks: 0, kinds: { completed: CLEAN_RUNS } });
  // The check would show nothing if the cells were not slow enough to be suspected.
  expect(result.slow.silent).toBeGreaterThanOrEqual(SLOW_CELLS);
  expect(falseCertificatesMarkdown(result)).toContain('**0 certificates.**');
}, 300_000);

test('a slow notebook is the seed’s, and has no command that the platform lacks', () => {
  const sources = (seed: number, platform: NodeJS.Platform) =>
    slowNotebook(200, seed, platform).codeCells.map(({ source }) => source);
  expect(sources(1, 'linux')).toEqual(sources(1, 'linux'));
  expect(sources(1, 'linux')).not.toEqual(sources(2, 'linux'));
  expect(sources(1, 'linux').some((source) => source.includes("'sleep'"))).toBe(true);
  expect(sources(1, 'win32').some((source) => source.includes("'sleep'"))).toBe(false);
});
