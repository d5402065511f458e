import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { packageRoot } from '../../harness/model/package-root.ts';
import { seededUniform } from '../../harness/stats/random.ts';
import { type Campaign, type FaultResult, notPossible, resultOf } from './campaign.ts';
import { reported, signalled, type Trial } from './trial.ts';

/** The wall clock jumps by hours, both ways: no time that matters is taken from it. */
export async function clockJumps(campaign: Campaign): Promise<FaultResult> {
  const experiment = campaign.experiment(campaign.extent.blocks);
  const trial = campaign.trial();
  const preload = [join(packageRoot(), 'tools', 'faults', 'clock-jumps.mjs')];
  const soak = trial.start(trial.argumentsFor(experiment), { preload });
  await soak.ended;
  if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
  await trial.finish(experiment, await campaign.whole(experiment));
  const { journal } = await reported(trial.out);
  const hours = journal.runs.map(({ at }) => new Date(at).getTime() / 3_600_000);
  const seen = `the dates of its runs span ${(Math.max(...hours) - Math.min(...hours)).toFixed(1)} hours`;
  return resultOf('wall clock jumping by up to two hours', 1, [trial], seen);
}

const STOPPED_MS = 6_000;

/** Everything is stopped for longer than a deadline, as by a laptop's lid: no kernel is blamed for it. */
export async function suspended(campaign: Campaign): Promise<FaultResult> {
  const uniform = seededUniform(campaign.seed, 'suspensions');
  const times = campaign.extent.isWhole ? 10 : 1;
  const experiment = campaign.experiment(campaign.extent.blocks, ['--timeout', '3']);
  const trials: Trial[] = [];
  let done = 0;
  while (done < times) {
    const trial = campaign.trial();
    trials.push(trial);
    const soak = trial.start(trial.argumentsFor(experiment));
    for (;;) {
      await Promise.race([soak.ended, delay(2_500 + uniform() * 1_500)]);
      if (soak.isOver || done >= times) break;
      // The harness first and last: nothing can seem to be silent while it looks.
      const mine = trial.processes().map(({ pid }) => pid);
      const all = [soak.process.pid ?? 0, ...mine.filter((pid) => pid !== soak.process.pid)];
      for (const pid of all) signalled(pid, 'SIGSTOP');
      await delay(STOPPED_MS);
      for (const pid of [...all].reverse()) signalled(pid, 'SIGCONT');
      done += 1;
    }
    await soak.ended;
    if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
    await trial.finish(experiment, null);
    const { journal } = await reported(trial.out);
    for (const { run, outcome } of journal.runs) {
      if (['completed', 'harness-fault', 'late'].includes(outcome.kind)) continue;
      trial.failures.push(`${run} is ${outcome.kind}: ${outcome.reason}`);
    }
  }
  return resultOf('everything suspended for 6 s, twice the deadline', done, trials);
}

/** A limit of open files that is reached: said, and no kernel is blamed. */
export async function fewDescriptors(campaign: Campaign): Promise<FaultResult> {
  const { isWhole, blocks } = campaign.extent;
  const experiment = campaign.experiment(isWhole ? blocks : 4, ['--concurrency', '20']);
  const trials: Trial[] = [];
  const seen: string[] = [];
  const ends = { withWords: 0, wholly: 0 };
  // From where Node itself can just load the command to where twenty kernels have what they need.
  for (const limit of isWhole ? [60, 120, 140, 160, 170, 180, 190, 200, 400] : [120, 500]) {
    const trial = campaign.trial();
    trials.push(trial);
    const soak = trial.start(trial.argumentsFor(experiment), {
      wrap: (command) => ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh', ...command],
    });
    await soak.ended;
    trial.acknowledge();
    await trial.assertNothingLeft();
    const isOfNode = soak.code !== 0 && !soak.said.includes('soak: ');
    if (isOfNode) {
      // Too few for Node itself to load the command, which can then say nothing.
      // Its loader says of a module that it cannot open that it does not find it.
      if (!/EMFILE|too many open file|ERR_MODULE_NOT_FOUND/i.test(soak.said))
        trial.failures.push(
          `limit ${limit}: exit ${soak.code} for no reason given: ${soak.said.slice(-300)}`,
        );
    } else if (soak.code !== 0) {
      trial.assertRefused(soak, soak.code === 3 ? 3 : 4, /EMFILE|too many open file|valid run/i);
    }
    // What could not be run stays listed; an experiment that had no chance has nothing to go on with.
    const code = trial.acknowledged > 0 && soak.code === 3 ? 3 : 0;
    await trial.finish(experiment, null, code);
    const { journal } = await reported(trial.out);
    const completed = journal.runs.filter(({ outcome }) => outcome.kind === 'completed').length;
    const isWhollyRun = soak.code === 0 && completed === journal.runs.length;
    if (isWhollyRun) ends.wholly += 1;
    else ends.withWords += 1;
    seen.push(
      `${limit}: exit ${soak.code ?? soak.process.signalCode}${isOfNode ? ' of Node' : ''}, ${trial.acknowledged} runs, ${completed} completed in the end`,
    );
    for (const { run, outcome } of journal.runs) {
      if (['completed', 'harness-fault', 'start-failed'].includes(outcome.kind)) continue;
      trial.failures.push(`limit ${limit}: ${run} is ${outcome.kind}: ${outcome.reason}`);
    }
  }
  // A limit that is never reached, or that always is, would show nothing.
  if (ends.wholly === 0 || ends.withWords === 0)
    trials[0]?.failures.push(`limits were reached in ${ends.withWords} of ${trials.length} experiments`);
  return resultOf('limit of open files', trials.length, trials, seen.join('; '));
}

/** In a network of its own, brings loopback up, takes every port that kernels are given, and starts the command. */
const TAKE_PORTS = `
import fcntl, resource, socket, struct, subprocess, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
any_socket = socket.socket()
fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
held = []
for port in range(20000, 32001):
    one = socket.socket()
    one.bind(("127.0.0.1", port))
    one.listen(1)
    held.append(one)
sys.exit(subprocess.run(sys.argv[1:]).returncode)
`;

/** Every port that kernels are given is taken. */
export async function noPorts(campaign: Campaign): Promise<FaultResult> {
  const fault = 'all ports taken';
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }));
  try {
    execFileSync('unshare', ['-rn', 'true'], { stdio: 'ignore' });
  } catch {
    return notPossible(fault, 'no network namespace can be made here');
  }
  if (!(limit > 12_100)) return notPossible(fault, `only ${limit} files may be open here`);
  const experiment = campaign.experiment(2);
  const trial = campaign.trial();
  const soak = trial.start(trial.argumentsFor(experiment), {
    wrap: (command) => ['unshare', '-rn', 'python3', '-c', TAKE_PORTS, ...command],
  });
  await soak.ended;
  trial.assertRefused(soak, 4, /five free ports/);
  trial.acknowledge();
  await trial.finish(experiment, await campaign.whole(experiment));
  return resultOf(fault, 1, [trial]);
}
