import { setTimeout as delay } from 'node:timers/promises';
import { median } from 'simple-statistics';
import { seededUniform, type Uniform } from '../../harness/stats/random.ts';
import { residentMemory } from '../testing/resident-memory.ts';
import type { SoakProcess } from '../testing/soak-process.ts';
import { type Campaign, type FaultResult, resultOf } from './campaign.ts';
import { reported, type Seen, signalled, type Trial } from './trial.ts';

/** A start, its first kernels and their end: kills come in all of it. */
const KILL_WITHIN_MS = 4_500;
const WORKERS = 2;
const SAMPLE_EVERY_MS = 200;

/**
 * `kill -9` of the harness at random moments, again and again, each time gone on with: nothing recorded is lost,
 * nothing is left, and the experiment that came through equals one that nobody killed.
 */
export async function killHarness(campaign: Campaign): Promise<FaultResult> {
  const { kills, blocks } = campaign.extent;
  const experiment = campaign.experiment(blocks);
  const whole = await campaign.whole(experiment);
  const trials: Trial[] = [];
  let done = 0;
  const worker = async (uniform: Uniform) => {
    while (done < kills) {
      const trial = campaign.trial();
      trials.push(trial);
      // One that was killed while it wrote its report has nothing to go on with: `finish` has the report written.
      while (done < kills && !trial.hasFinished) {
        const process = trial.start(trial.argumentsFor(experiment));
        await Promise.race([process.ended, delay(uniform() * KILL_WITHIN_MS)]);
        if (process.isOver) {
          if (process.code !== 0)
            trial.failures.push(`ended with ${process.code}: ${process.said.slice(-400)}`);
          break;
        }
        done += 1;
        if (done % 20 === 0) campaign.say(`  ${done} kills of the harness`);
        await process.kill();
        trial.acknowledge();
        await trial.assertNothingLeft();
      }
      await trial.finish(experiment, whole);
    }
  };
  await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      worker(seededUniform(campaign.seed, `kills of the harness ${index}`)),
    ),
  );
  return resultOf('`kill -9` of the harness', done, trials, `${trials.length} experiments came through`);
}

/** What is killed while a soak goes on, and how runs may then end. */
interface Victims {
  readonly fault: string;
  readonly options: readonly string[];
  readonly find: (trial: Trial, soak: SoakProcess) => readonly Seen[];
  readonly outcomes: ReadonlySet<string>;
}

async function killBeside(
  campaign: Campaign,
  { fault, options, find, outcomes }: Victims,
): Promise<FaultResult> {
  const { kills, blocks } = campaign.extent;
  const wanted = Math.max(1, Math.round(kills / 10));
  const uniform = seededUniform(campaign.seed, fault);
  const trials: Trial[] = [];
  let done = 0;
  while (done < wanted) {
    const trial = campaign.trial();
    trials.push(trial);
    const experiment = campaign.experiment(blocks, options);
    const soak = trial.start(trial.argumentsFor(experiment));
    const before = done;
    // Some runs have to be left whole: an arm without one is no experiment.
    while (!soak.isOver && done < wanted && done - before < blocks) {
      await Promise.race([soak.ended, delay(300 + uniform() * 1_200)]);
      const found = find(trial, soak);
      const victim = found[Math.floor(uniform() * found.length)];
      if (victim !== undefined && signalled(victim.pid, 'SIGKILL')) done += 1;
    }
    await soak.ended;
    if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
    await trial.finish(experiment, null);
    if (done === before) {
      trial.failures.push('nothing to kill was found');
      break;
    }
    const { journal } = await reported(trial.out);
    const others = journal.runs.filter(({ outcome }) => outcome.kind !== 'completed');
    if (others.length > done - before) {
      trial.failures.push(`${others.length} runs did not complete after ${done - before} kills`);
    }
    for (const { run, outcome } of others) {
      if (!outcomes.has(outcome.kind)) trial.failures.push(`${run} is ${outcome.kind}: ${outcome.reason}`);
    }
  }
  return resultOf(fault, done, trials);
}

/** A kernel that is killed died: no wedge, in no rate. */
export function killKernels(campaign: Campaign): Promise<FaultResult> {
  return killBeside(campaign, {
    fault: '`kill -9` of kernels',
    options: [],
    find: (trial) => trial.processes(/soak_kernel\.py/),
    outcomes: new Set(['died', 'start-failed']),
  });
}

/** A launcher is the harness's own: what ends with it is no kernel's death. */
export function killLaunchers(campaign: Campaign): Promise<FaultResult> {
  return killBeside(campaign, {
    fault: '`kill -9` of the launcher that forks kernels',
    options: ['--launch', 'fork'],
    find: (trial, soak) =>
      trial.processes(/soak_fork\.py/).filter(({ parent }) => parent === soak.process.pid),
    outcomes: new Set(['harness-fault']),
  });
}

/** A server that ends under an experiment stops it; going on starts another. */
export async function killServers(campaign: Campaign): Promise<FaultResult> {
  const wanted = Math.max(1, Math.round(campaign.extent.kills / 40));
  const uniform = seededUniform(campaign.seed, 'kills of the server');
  const trial = campaign.trial();
  const experiment = campaign.experiment(campaign.extent.blocks, ['--transport', 'server']);
  let done = 0;
  for (let attempt = 0; attempt < wanted; attempt += 1) {
    const soak = trial.start(trial.argumentsFor(experiment));
    while (!soak.isOver && trial.processes(/jupyter_server/).length === 0) {
      await Promise.race([soak.ended, delay(50)]);
    }
    await Promise.race([soak.ended, delay(1_500 + uniform() * 3_000)]);
    for (const { pid } of trial.processes(/-m jupyter_server/)) {
      if (signalled(pid, 'SIGKILL')) done += 1;
    }
    await soak.ended;
    trial.acknowledge();
    await trial.assertNothingLeft();
    if (soak.code === 0) break;
    trial.assertRefused(soak, 4, /server/i);
  }
  await trial.finish(experiment, null);
  const { journal } = await reported(trial.out);
  for (const { run, arm, outcome } of journal.runs) {
    // A server asks kernel_info when a kernel starts, which may wedge the released ipykernel: real where it is proved.
    const isProved = outcome.observations?.revivedByRearm === true && arm === 'control';
    if (!['completed', 'harness-fault'].includes(outcome.kind) && !isProved)
      trial.failures.push(`${run} is ${outcome.kind}: ${outcome.reason}`);
  }
  return resultOf('`kill -9` of the Jupyter Server', done, [trial]);
}

/** Thousands of runs with kernels and launchers killed at random: memory and descriptors stay flat. */
export async function longNight(campaign: Campaign): Promise<FaultResult> {
  const { nightRuns } = campaign.extent;
  const uniform = seededUniform(campaign.seed, 'long night');
  const trial = campaign.trial();
  const options = ['--launch', 'fork', '--concurrency', '2', '--prefix', '2'];
  const experiment = campaign.experiment(nightRuns / 2, options);
  const soak = trial.start(trial.argumentsFor(experiment));
  const sampled = sample(trial, soak);
  let done = 0;
  while (!soak.isOver) {
    await Promise.race([soak.ended, delay(1_000 + uniform() * 2_000)]);
    const found = trial.processes(/soak_fork\.py/);
    const victim = found[Math.floor(uniform() * found.length)];
    if (victim !== undefined && !soak.isOver && signalled(victim.pid, 'SIGKILL')) done += 1;
  }
  if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
  await trial.finish(experiment, null);
  const samples = await sampled;
  const [early, late] = [quarter(samples, 1), quarter(samples, 3)];
  // A short night ends before V8 has looked for garbage once.
  if (campaign.extent.isWhole && late.mib > early.mib * 1.15)
    trial.failures.push(`memory grew from ${early.mib} to ${late.mib} MiB`);
  if (late.files > early.files + 5)
    trial.failures.push(`open files grew from ${early.files} to ${late.files}`);
  if (trial.acknowledged !== nightRuns) trial.failures.push(`${trial.acknowledged} of ${nightRuns} runs`);
  const seen = `second quarter and last: at most ${early.mib.toFixed(0)} and ${late.mib.toFixed(0)} MiB, in the median ${early.files} and ${late.files} open files`;
  return resultOf('a long night: kernels and launchers killed at random', done, [trial], seen);
}

interface Sample {
  readonly files: number;
  readonly mib: number;
}

/** What a harness has in use, looked at until it ends. */
async function sample(trial: Trial, soak: SoakProcess): Promise<Sample[]> {
  const samples: Sample[] = [];
  const pid = soak.process.pid ?? -1;
  while (!soak.isOver) {
    const [files, memory] = [trial.openFiles(pid), residentMemory(pid)];
    if (files !== null && memory !== null) samples.push({ files, mib: memory.nowMiB });
    await Promise.race([soak.ended, delay(SAMPLE_EVERY_MS)]);
  }
  return samples;
}

/**
 * Of files the median, since those of kernels that come and go are no growth. Of memory the most: it rises until V8
 * looks for garbage, over a hundred runs and more.
 */
function quarter(samples: readonly Sample[], which: 1 | 3): Sample {
  const size = Math.floor(samples.length / 4);
  const part = samples.slice(which * size, (which + 1) * size);
  return { files: median(part.map(({ files }) => files)), mib: Math.max(...part.map(({ mib }) => mib)) };
}
