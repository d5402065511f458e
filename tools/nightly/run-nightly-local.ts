import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCommand } from '../testing/built-command.ts';
import { runLocalNight } from './nightly-local.ts';

/**
 * `npm run nightly:local [-- SEED]`: the steps of the nightly workflow with four shards as four processes,
 * killed and resumed, compared with the same protocol in one piece. Exit code 1 where they differ.
 */

const seed = process.argv[2] === undefined ? Math.floor(Date.now() / 1000) : Number(process.argv[2]);
if (!Number.isSafeInteger(seed) || seed < 0)
  throw new Error(`The seed ${process.argv[2]} is not a whole number.`);
await buildCommand();
const folder = await mkdtemp(join(tmpdir(), 'kernel-soak-night-'));
const startedMs = performance.now();
const { kills, abandoned, runs, differences } = await runLocalNight({
  folder,
  shards: 4,
  blocks: 24,
  kills: 2,
  seed,
  timeoutSeconds: 20,
  onProgress: (line) => process.stdout.write(`${line}\n`),
});
const seconds = Math.round((performance.now() - startedMs) / 1000);
process.stdout.write(
  `\nSeed ${seed}, 4 shards, ${kills} kills, ${abandoned} runs cut off and run again, ${runs} runs merged, ${seconds} s: `,
);
if (differences.length === 0) {
  process.stdout.write('equal to the unsharded experiment in everything but times.\n');
  await rm(folder, { recursive: true, force: true });
} else {
  process.stdout.write(
    `not equal to the unsharded experiment:\n- ${differences.join('\n- ')}\nKept: ${folder}\n`,
  );
  process.exitCode = 1;
}
