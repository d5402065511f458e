import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readJournal } from '../../harness/journal/read.ts';
import { SoakError } from '../../harness/model/errors.ts';
import { buildReport } from '../../harness/report/report.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import { SoakProcess } from '../testing/soak-process.ts';
import { journalDifferences } from './journal-differences.ts';

/** How a night is rehearsed on one machine. */
export interface LocalNight {
  /** Empty; the journals and the evidence stay in it. */
  readonly folder: string;
  readonly shards: number;
  /** Blocks of the whole experiment. */
  readonly blocks: number;
  /** Times that each shard is killed, at most: one that has ended is not. */
  readonly kills: number;
  /** Of the experiment and of the kills. */
  readonly seed: number;
  /** Of a cell that waits for ever, in seconds. */
  readonly timeoutSeconds: number;
  readonly onProgress: (line: string) => void;
}

/** What a rehearsed night came to. */
export interface LocalNightResult {
  /** Processes that were killed. */
  readonly kills: number;
  /** Runs that a kill cut off: each was run again. */
  readonly abandoned: number;
  readonly runs: number;
  /** What the merged shards have otherwise than the unsharded experiment, times apart; empty: equal. */
  readonly differences: readonly string[];
}

/** Sequential traffic does not wedge (reports/sequential-plain), so that both experiments have one outcome to reach. */
const EXPERIMENT = [
  '--arms',
  'control,sham,fix',
  '--notebook',
  'notebooks/plain.ipynb',
  '--traffic',
  'sequential',
];
const POLL_MS = 20;
const GREATEST_DELAY_MS = 900;
/** A process that neither records nor ends for so long hangs. */
const HANGS_AFTER_MS = 180_000;

/**
 * The nightly's steps on one machine: every shard a process of its own, all at once, killed outright and
 * resumed; the shards merged and verified; and the same protocol run in one piece, to be compared with it.
 *
 * When a shard is killed is drawn from the seed: once so many runs have begun, a moment later, so that kills
 * come while kernels start, while cells run and while a line is being written.
 *
 * @throws SoakError `nightly-local` when a step ends with another exit code than 0
 */
export async function runLocalNight(night: LocalNight): Promise<LocalNightResult> {
  const { folder, shards, blocks, seed, timeoutSeconds, onProgress } = night;
  const options = [
    ...EXPERIMENT,
    '--runs',
    `${blocks}`,
    '--seed',
    `${seed}`,
    '--timeout',
    `${timeoutSeconds}`,
  ];
  const indices = Array.from({ length: shards }, (_, index) => index + 1);
  const parts = indices.map((index) => join(folder, `shard-${index}`));
  const kills = await Promise.all(
    parts.map((part, index) => {
      const shard = `${index + 1}/${shards}`;
      return shardWithKills(part, ['run', ...options, '--shard', shard, '--out', part], shard, night);
    }),
  );
  const merged = join(folder, 'night');
  await soak([
    'merge',
    ...parts,
    '--out',
    merged,
    '--fail-on',
    'treatment-event,worse,competing>0.1,invalid>0.1',
  ]);
  await soak(['verify', merged]);
  onProgress('merged and verified; now the same protocol in one piece');
  const whole = join(folder, 'whole');
  await soak(['run', ...options, '--out', whole]);
  const [night1, inOne] = await Promise.all([readJournal(merged), readJournal(whole)]);
  const resumed = await Promise.all(parts.map(async (part) => (await readJournal(part)).journal));
  return {
    kills: kills.reduce((sum, count) => sum + count, 0),
    abandoned: resumed.flatMap(({ sessions }) => sessions.flatMap((session) => session.abandoned)).length,
    runs: night1.journal.runs.length,
    differences: journalDifferences(
      { journal: night1.journal, report: buildReport(night1.journal) },
      { journal: inOne.journal, report: buildReport(inOne.journal) },
    ),
  };
}

async function shardWithKills(
  part: string,
  args: readonly string[],
  shard: string,
  { kills, seed, shards, blocks, onProgress }: LocalNight,
): Promise<number> {
  const uniform = seededUniform(seed, `kills of shard ${shard}`);
  const runsOfShard = Math.ceil((blocks * 3) / shards);
  let done = 0;
  for (let attempt = 0; attempt < kills; attempt += 1) {
    const started = attempt === 0 ? args : ['run', '--resume', part];
    const child = new SoakProcess(started);
    const begun = 1 + Math.floor((attempt + uniform()) * (runsOfShard / (kills + 1)));
    const waitMs = Math.floor(uniform() * GREATEST_DELAY_MS);
    await Promise.race([child.ended, hasBegun(part, begun)]);
    if (!child.isOver) await Promise.race([child.ended, delay(waitMs)]);
    if (child.isOver) {
      await assertEnded(child, started);
      onProgress(`shard ${shard} ended before kill ${attempt + 1}`);
      return done;
    }
    await child.kill();
    done += 1;
    onProgress(`shard ${shard} killed ${waitMs} ms after its run ${begun} began`);
  }
  await soak(done === 0 ? args : ['run', '--resume', part]);
  onProgress(`shard ${shard} done`);
  return done;
}

async function assertEnded(soak: SoakProcess, args: readonly string[]): Promise<void> {
  await soak.ended;
  if (soak.code === 0) return;
  throw new SoakError(
    'nightly-local',
    `soak ${args.join(' ')} ended with ${soak.code ?? soak.process.signalCode}: ${soak.said.slice(-4000)}`,
    { remedy: 'Read what it said; the folder of the night keeps what was recorded.' },
  );
}

async function soak(args: readonly string[]): Promise<void> {
  await assertEnded(new SoakProcess(args), args);
}

/** Until so many runs have begun, the resumed ones counted again. */
async function hasBegun(part: string, count: number): Promise<void> {
  const due = Date.now() + HANGS_AFTER_MS;
  while (beginsIn(part) < count) {
    if (Date.now() > due) {
      throw new SoakError('nightly-local', `${part}: no run ${count} within ${HANGS_AFTER_MS / 1000} s.`, {
        remedy: 'Run that shard alone to see why.',
      });
    }
    await delay(POLL_MS);
  }
}

function beginsIn(part: string): number {
  try {
    return readFileSync(join(part, 'journal.jsonl'), 'utf8').split('{"type":"begin"').length - 1;
  } catch {
    return 0; // not there yet
  }
}
