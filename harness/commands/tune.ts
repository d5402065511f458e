import { randomInt } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadArmSpecs } from '../arms/arm-spec.ts';
import { type Latency, parseLatency } from '../frontend/latency.ts';
import { folderStamp } from '../journal/report-folders.ts';
import { assertWritable } from '../journal/writable-folder.ts';
import { about, EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import { packageRoot } from '../model/package-root.ts';
import { publicPath } from '../model/public-path.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { hasProfile } from '../model/traffic.ts';
import { addOptions } from '../options/add-options.ts';
import { assertExpectedBeforehand } from '../options/expected-beforehand.ts';
import { parsedOptions, sharedOptions } from '../options/given.ts';
import { repeatingCommand } from '../options/repeat.ts';
import { parsedRunOptions, type RunOptions } from '../options/run-options.ts';
import type { RawOptions } from '../options/table.ts';
import { readRecord } from '../tune/record.ts';

import { tuningResults } from '../tune/results.ts';
import { carryOutTuning } from './tune-session.ts';

/** Add `soak tune`. `surroundings` is called when the command starts. */
export function registerTune(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  addOptions(
    program
      .command('tune')
      .description('Find the traffic, latency and notebook length that reach a verdict soonest'),
    'tune',
  )
    .addHelpText('after', TUNE_EXAMPLES)
    .action(async (raw: RawOptions<'tune'>) => {
      onExit(await (raw.render === undefined ? tuneCommand(raw, surroundings()) : renderCommand(raw.render)));
    });
}

const TUNE_EXAMPLES = `
Examples:
  Three minutes, all traffic profiles and latencies:
    soak tune
  Ten minutes, my notebook in three lengths:
    soak tune --minutes 10 --notebook my.ipynb --prefix 10,20,40
  The settings under which the kernel dies soonest:
    soak tune --endpoint died --notebook my.ipynb
  An experiment with what was found:
    soak run --tuned soak-reports/…/tuning.json --until-decided

Only a control is run, so that the choice cannot favour a treatment. Ctrl-C keeps what is recorded.

Exit codes: 0 a setting was chosen, 1 no run showed the event, 2 bad input, 3 no valid run, 4 environment, 130 interrupted.`;

async function renderCommand(folder: string): Promise<ExitCode> {
  const { RECORD_FILE, writeTuningFiles } = await import('../tune/write-tuning.ts');
  const record = await readRecord(join(folder, RECORD_FILE));
  await writeTuningFiles(folder, record);
  return tuningResults(record).total.runs === 0 ? EXIT_CODES.invalidExperiment : EXIT_CODES.done;
}

async function parsedLatencies(specs: readonly string[]): Promise<Latency[]> {
  const latencies: Latency[] = [];
  for (const spec of new Set(specs)) {
    const option = { name: 'latencies', value: spec };
    if (spec.startsWith('file:')) {
      throw new SoakError('bad-option', `--latencies ${spec} names a file, which a record cannot carry.`, {
        remedy: 'Tune on latencies that have a name of their own, and give the file to the experiment.',
        option,
      });
    }
    const latency = await about(option, () => parseLatency(spec));
    if (!latencies.some((known) => known.spec === latency.spec)) latencies.push(latency);
  }
  return latencies;
}

/** Refuse an arm that is not a control, before anything is made or run: tuning on a treatment would bias its comparison. */
async function assertControl(spec: string): Promise<void> {
  const [arm] = await loadArmSpecs([spec]);
  if (arm === undefined || arm.manifest.role === 'control') return;
  const { name, manifest } = arm;
  throw new SoakError('not-control', `--arm ${name}: its role is ${manifest.role}.`, {
    remedy: 'Tune on a control. Settings that are chosen by how a treatment behaves would favour or harm it.',
  });
}

function experimentOptions(raw: RawOptions<'tune'>): RunOptions {
  const { arm, traffic, expect } = parsedOptions('tune', raw);
  const interrupting = traffic.find((each) => hasProfile(each, 'interrupt'));
  if (interrupting !== undefined) {
    throw new SoakError(
      'bad-option',
      `--traffic ${interrupting} cannot be tuned: a tuning varies the latency, which an interrupt does not wait for.`,
      {
        remedy:
          'Compare some moments in experiments of their own: soak run --traffic interrupt --interrupt-after 0-10ms.',
        option: { name: 'traffic', value: interrupting },
      },
    );
  }
  assertExpectedBeforehand(expect, 'tune');
  const { alpha: _alpha, out: _out, ...given } = sharedOptions('tune', 'run', raw);
  return parsedRunOptions(
    { ...given, arm: [arm], runs: '1', traffic: traffic.join(','), latency: 'none' },
    join(packageRoot(), 'notebooks', 'widgets.ipynb'),
    () => randomInt(2 ** 31),
  );
}

async function tuneCommand(raw: RawOptions<'tune'>, surroundings: RunSurroundings): Promise<ExitCode> {
  const { minutes: budgetMinutes, alpha, prefix: prefixes, ...given } = parsedOptions('tune', raw);
  const latencies = await parsedLatencies(given.latencies);
  const options = experimentOptions(raw);
  await assertControl(given.arm);
  if (raw.out !== undefined) await assertWritable(resolve(raw.out));
  const folder = resolve(raw.out ?? join('soak-reports', `${folderStamp()}-tune`));
  const command = repeatingCommand('tune', givenAgain(raw, budgetMinutes, options.seed), publicPath);
  const record = await carryOutTuning(
    { options, latencies, prefixes, budgetMinutes, alpha, folder, command },
    surroundings,
  );
  const results = tuningResults(record);
  const { RECORD_FILE } = await import('../tune/write-tuning.ts');
  const { tuningText } = await import('../tune/tuning-text.ts');
  surroundings.write(
    `${tuningText(record, results, relative(process.cwd(), join(folder, RECORD_FILE)))}\n\nRecord: ${join(folder, 'tuning.md')}\n`,
  );
  if (record.end === 'interrupted') return EXIT_CODES.interrupted;
  if (results.total.runs === 0) return EXIT_CODES.invalidExperiment;
  return record.chosen === null ? EXIT_CODES.failed : EXIT_CODES.done;
}

/** The options that tune again: those of the call left out, the seed always. */
function givenAgain(
  { out: _out, render: _render, ...given }: RawOptions<'tune'>,
  minutes: number,
  seed: number,
): RawOptions<'tune'> {
  return { ...given, minutes: String(minutes), seed: String(seed) };
}
