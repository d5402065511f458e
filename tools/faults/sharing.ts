import { setTimeout as delay } from 'node:timers/promises';
import { type Campaign, type FaultResult, notPossible, resultOf } from './campaign.ts';
import type { Trial } from './trial.ts';

const TOGETHER = 10;

/** Two harnesses that write one report folder, begun at once or one after the other: one of them does. */
export async function twoHarnesses(campaign: Campaign): Promise<FaultResult> {
  const experiment = campaign.experiment(4);
  const trials: Trial[] = [];
  for (const pauseMs of campaign.extent.isWhole ? [0, 0, 0, 0, 0, 700, 1_500, 3_000] : [0, 1_500]) {
    const trial = campaign.trial();
    trials.push(trial);
    const args = trial.argumentsFor(experiment);
    const first = trial.start(args);
    await Promise.race([first.ended, delay(pauseMs)]);
    const second = trial.start(args);
    await Promise.all([first.ended, second.ended]);
    const [winner, loser] = first.code === 0 ? [first, second] : [second, first];
    if (winner.code !== 0) trial.failures.push(`neither came through: ${winner.said.slice(-300)}`);
    trial.assertRefused(loser, 2, /is being written by process|holds another experiment/);
    trial.acknowledge();
    await trial.finish(experiment, await campaign.whole(experiment));
  }
  return resultOf('two harnesses on one report folder', trials.length, trials);
}

/** One environment that ten processes want at once: one of them makes it. */
export async function tenEnvironments(campaign: Campaign): Promise<FaultResult> {
  const fault = 'one environment made by ten at once';
  if (!campaign.extent.isWhole) return notPossible(fault, 'left out of the short form: an installation');
  const cache = campaign.newFolder();
  const experiment = campaign.experiment(1, ['--prefix', '2']);
  const trials: Trial[] = Array.from({ length: TOGETHER }, () =>
    campaign.trial({ KERNEL_SOAK_CACHE: cache }),
  );
  const soaks = trials.map((trial) => trial.start(trial.argumentsFor(experiment)));
  await Promise.all(soaks.map(({ ended }) => ended));
  let made = 0;
  for (const [index, soak] of soaks.entries()) {
    const trial = trials[index] as Trial;
    if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
    if (/Installing|installing/.test(soak.said)) made += 1;
    await trial.finish(experiment, null);
  }
  if (made !== 1) trials[0]?.failures.push(`${made} of ten installed`);
  return resultOf(fault, TOGETHER, trials, `${made} of ten installed, the others waited for it`);
}
