import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJournal } from '../../harness/journal/read.ts';
import { JournalWriter } from '../../harness/journal/write.ts';
import { type Campaign, type FaultResult, notPossible, resultOf } from './campaign.ts';
import type { Trial } from './trial.ts';

type Command = readonly [string, ...string[]];

/** Whether file systems can be mounted in a namespace of one's own. */
export function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** A command in a mount namespace of its own, after the shell's `before`; then `after`, with its exit code. */
function mounted(before: string, after: string): (command: Command) => Command {
  return (command) => [
    ...(['unshare', '-rm', 'sh', '-c', `${before}\n"$@"; code=$?; ${after}; exit $code`, 'sh'] as const),
    ...command,
  ];
}

/** A disk that fills up while an experiment is recorded: what is recorded stays, and it can be gone on with. */
export async function fullDisk(campaign: Campaign): Promise<FaultResult> {
  const fault = 'disk full';
  if (!canMount()) return notPossible(fault, 'no file system can be mounted here');
  const experiment = campaign.experiment(campaign.extent.blocks);
  const trials: Trial[] = [];
  // Full at the first line, among the runs, and while the report is written.
  for (const kib of campaign.extent.isWhole ? [4, 16, 24, 48] : [16]) {
    const trial = campaign.trial();
    trials.push(trial);
    mkdirSync(trial.out);
    const disk = join(trial.temporary, '..', 'disk');
    mkdirSync(disk);
    const soak = trial.start(['run', ...experiment, '--out', disk], {
      wrap: mounted(`mount -t tmpfs -o size=${kib}k tmpfs ${disk}`, `cp -r ${disk}/. ${trial.out}`),
    });
    await soak.ended;
    trial.assertRefused(soak, 4, /(cannot|could not) be written: .*(ENOSPC|no space)/i);
    trial.acknowledge();
    const shown = new Set(soak.said.match(/\bb\d{3,}-(?:control|stream)\b/g) ?? []);
    if (shown.size > trial.acknowledged + 1)
      trial.failures.push(`${shown.size} runs were shown, ${trial.acknowledged} are recorded`);
    await trial.assertNothingLeft();
    await trial.finish(experiment, await campaign.whole(experiment));
  }
  return resultOf(fault, trials.length, trials);
}

/** A report folder that cannot be written to, from the start or from some moment on. */
export async function readOnlyFolder(campaign: Campaign): Promise<FaultResult> {
  const fault = 'report folder read-only';
  if (!canMount()) return notPossible(fault, 'no file system can be mounted here');
  const experiment = campaign.experiment(campaign.extent.blocks);
  const trials: Trial[] = [];
  for (const when of campaign.extent.isWhole ? (['at once', 'later'] as const) : (['at once'] as const)) {
    const trial = campaign.trial();
    trials.push(trial);
    mkdirSync(trial.out);
    const disk = join(trial.temporary, '..', 'disk');
    mkdirSync(disk);
    const remount = `mount -o remount,ro ${disk}`;
    const before = `mount -t tmpfs -o size=8m tmpfs ${disk}; ${when === 'at once' ? remount : `(sleep 4; ${remount}) 2>/dev/null &`}`;
    const soak = trial.start(['run', ...experiment, '--out', disk], {
      wrap: mounted(before, `cp -r ${disk}/. ${trial.out}`),
    });
    await soak.ended;
    // A file that is open for writing keeps its file system writable: then it came through.
    if (when === 'at once' || soak.code !== 0)
      trial.assertRefused(soak, 4, /cannot be written: .*(EROFS|read-only)/i);
    trial.acknowledge();
    await trial.assertNothingLeft();
    await trial.finish(experiment, await campaign.whole(experiment));
  }
  return resultOf(fault, trials.length, trials);
}

/** A journal that ends at any byte of its last three records: whole lines stay, the rest is run again. */
export async function truncatedJournal(campaign: Campaign): Promise<FaultResult> {
  const experiment = campaign.experiment(campaign.extent.blocks);
  const trial = campaign.trial();
  // The shortest time there is: the first block is begun in it and never the last one, so that there is more to do.
  const soak = trial.start(['run', ...experiment, '--out', trial.out, '--max-minutes', '0.01']);
  await soak.ended;
  const bytes = readFileSync(join(trial.out, 'journal.jsonl'));
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  const from = bytes.length - lines.slice(-3).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const folder = campaign.newFolder();
  const path = join(folder, 'journal.jsonl');
  for (let cut = from; cut < bytes.length; cut += 1) {
    writeFileSync(path, bytes.subarray(0, cut));
    const { writer, text } = await JournalWriter.resume(folder);
    await writer.append({ type: 'session', at: 'now', event: 'resumed', reason: 'cut', abandoned: [] });
    await writer.close();
    const wholeLines = bytes.subarray(0, cut).toString('utf8').split('\n').length - 1;
    const again = parseJournal(readFileSync(path), path);
    const isKept = readFileSync(path).subarray(0, text.wholeBytes).equals(bytes.subarray(0, text.wholeBytes));
    const recorded = lines.slice(0, wholeLines).filter((line) => line.startsWith('{"type":"run"')).length;
    if (!isKept || again.journal.torn || again.journal.runs.length !== recorded) {
      trial.failures.push(`cut at byte ${cut}: ${again.journal.runs.length} of ${recorded} runs`);
    }
  }
  // And gone on with, cut in the middle of each of the three, or of the first.
  const trials = [trial];
  let start = from;
  for (const line of lines.slice(-3).slice(0, campaign.extent.isWhole ? 3 : 1)) {
    const other = campaign.trial();
    trials.push(other);
    mkdirSync(other.out);
    copyFileSync(join(trial.out, 'resume.json'), join(other.out, 'resume.json'));
    writeFileSync(join(other.out, 'journal.jsonl'), bytes.subarray(0, start + Math.floor(line.length / 2)));
    other.acknowledge();
    await other.finish(experiment, await campaign.whole(experiment));
    start += Buffer.byteLength(line) + 1;
  }
  await trial.finish(experiment, await campaign.whole(experiment));
  return resultOf('journal cut at each byte of its last three records', bytes.length - from, trials);
}

/** A folder for temporary files that nothing can be written to. */
export async function noTemporaryFolder(campaign: Campaign): Promise<FaultResult> {
  const fault = 'folder for temporary files not writable';
  if (!canMount()) return notPossible(fault, 'no file system can be mounted here');
  const experiment = campaign.experiment(2);
  const trial = campaign.trial();
  const soak = trial.start(trial.argumentsFor(experiment), {
    wrap: mounted(`mount -t tmpfs -o ro tmpfs ${trial.temporary}`, 'true'),
  });
  await soak.ended;
  trial.assertRefused(soak, 4, /folder for temporary files/);
  trial.acknowledge();
  await trial.finish(experiment, await campaign.whole(experiment));
  return resultOf(fault, 1, [trial]);
}

/** Another file in a file's place; what a link there points to stays as it is. */
function replaceFile(path: string, text: string): void {
  rmSync(path);
  writeFileSync(path, text);
}

/** Damage to the cached environment: made anew, and said. */
export async function damagedCache(campaign: Campaign): Promise<FaultResult> {
  const fault = 'cached environment damaged';
  if (!campaign.extent.isWhole) return notPossible(fault, 'left out of the short form: installations');
  const cache = campaign.newFolder();
  const experiment = campaign.experiment(1, ['--prefix', '2']);
  const trials: Trial[] = [];
  const soakOnce = async (words: RegExp | null) => {
    const trial = campaign.trial({ KERNEL_SOAK_CACHE: cache });
    trials.push(trial);
    const soak = trial.start(trial.argumentsFor(experiment));
    await soak.ended;
    if (soak.code !== 0) trial.failures.push(`ended with ${soak.code}: ${soak.said.slice(-400)}`);
    if (words !== null && !words.test(soak.said))
      trial.failures.push(`not said (${words}): ${soak.said.slice(0, 400)}`);
    await trial.finish(experiment, null);
  };
  await soakOnce(null);
  const find = (name: string) =>
    execFileSync('find', [cache, '-path', `*${name}`], { encoding: 'utf8' }).split('\n')[0] ?? '';
  const damages: readonly (readonly [() => void, RegExp | null])[] = [
    [() => replaceFile(find('/complete.json'), '{"form'), null],
    [() => execFileSync('rm', ['-r', find('/site-packages/zmq')]), /making it anew/],
    // Put in its place and not written through it: it is a link to the machine's own interpreter.
    [() => replaceFile(find('/bin/python'), 'no program'), null],
    [() => execFileSync('rm', ['-r', find('/overlays')]), null],
  ];
  for (const [damage, words] of damages) {
    damage();
    await soakOnce(words);
  }
  return resultOf(fault, damages.length, trials);
}
