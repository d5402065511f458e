import { triedArms } from '../arms/arm-spec.ts';
import { SoakError } from '../model/errors.ts';
import { shellWord } from '../model/shell-word.ts';
import type { Transport } from '../model/transport.ts';
import { type ClientOption, clientOption } from './client-options.ts';
import { parsedOptions } from './given.ts';
import { decisionLevel } from './levels.ts';
import { assertSocketsHere } from './socket-options.ts';
import type { Options, RawOptions } from './table.ts';

/** Options of the call, not of the experiment. */
type OfTheCall = 'maxMinutes' | 'failOn' | 'out' | 'resume';
/** Options that only together say what is run. */
type Composed = 'arm' | 'try' | 'kernel' | 'notebook' | 'maxRuns' | 'clientTimeout';

/** What an experiment is made from: the options of `soak run`, those that depend on others worked out. */
export interface RunOptions
  extends Omit<
    Options<'run'>,
    OfTheCall | Composed | 'arms' | 'runs' | 'client' | 'transport' | 'seed' | 'alpha' | 'latency'
  > {
  /** Empty where `kernels` are given. */
  readonly arms: readonly string[];
  /** Kernelspecs in place of arms. */
  readonly kernels: readonly string[];
  readonly notebooks: readonly string[];
  /** Of each arm; with `untilDecided` the most. */
  readonly runs: number;
  /** `null`: the harness's own front end. */
  readonly client: ClientOption | null;
  readonly transport: Transport;
  readonly latency: string;
  readonly seed: number;
  readonly alpha: number;
  /** The options that give the same again with this version: kept until the experiment has finished. */
  readonly given: RawOptions<'run'>;
}

/**
 * Parse the options of `soak run`.
 *
 * @param defaultNotebook used when none is named
 * @param drawSeed gives the seed when none is named: it is then recorded like a given one
 * @throws SoakError `bad-option`, which carries the option
 */
export function parsedRunOptions(
  raw: RawOptions<'run'>,
  defaultNotebook: string,
  drawSeed: () => number,
): RunOptions {
  const {
    arm: _arm,
    arms: listed,
    try: _tried,
    kernel,
    notebook,
    maxRuns,
    runs: fixedRuns,
    client: clientName,
    clientTimeout,
    maxMinutes: _maxMinutes,
    failOn: _failOn,
    out: _out,
    resume: _resume,
    ...options
  } = parsedOptions('run', raw);
  const runs = options.untilDecided ? maxRuns : fixedRuns;
  const client =
    clientName === null
      ? null
      : clientOption(clientName, clientTimeout, raw.clientTimeout !== undefined, options.timeoutSeconds);
  const kernels = kernel ?? [];
  assertEachOnce(kernels);
  const arms = kernels.length > 0 ? [] : armNames(raw, listed);
  assertSocketsHere(options);
  assertShardsFit(options.shard, runs);
  if (options.tuned !== null && (notebook?.length ?? 0) > 1) {
    throw new SoakError('bad-option', `--tuned is about one notebook, and ${notebook?.length} are given.`, {
      remedy: 'Give the notebook that was tuned, or none.',
      option: { name: 'notebook' },
    });
  }
  const notebooks = notebook ?? [defaultNotebook];
  const seed = options.seed ?? drawSeed();
  return {
    ...options,
    arms,
    kernels,
    notebooks,
    runs,
    client,
    transport: options.transport ?? (isThroughServer(options) ? 'server' : 'direct'),
    // A client's latency is its own: nothing is drawn.
    latency: client === null ? options.latency : 'none',
    seed,
    alpha: decisionLevel(options.alpha, options.untilDecided),
    given: givenAgain(raw, { arms, runs, notebooks, seed }),
  };
}

/** Whether the kernels are behind a server although no transport is named. */
function isThroughServer({ serverUrl, via }: Pick<Options<'run'>, 'serverUrl' | 'via'>): boolean {
  return serverUrl !== null || via === 'rest';
}

/** The options as given, with what was left to a default or drawn and might be another the next time. */
function givenAgain(
  raw: RawOptions<'run'>,
  { arms, runs, notebooks, seed }: Pick<RunOptions, 'arms' | 'runs' | 'notebooks' | 'seed'>,
): RawOptions<'run'> {
  const { arm, arms: _arms, try: _try, maxMinutes, failOn, out, resume, ...given } = raw;
  // Folders one by one: their names may have a comma, and a shell replaces a tilde only where a word begins.
  const named = arms.some((name) => /[/\\,\s]/.test(name)) ? { arm: arms } : { arms: arms.join(',') };
  return {
    ...given,
    ...(arms.length === 0 ? {} : named),
    ...(given.untilDecided === true ? { maxRuns: String(runs) } : { runs: String(runs) }),
    // A tuning record names its notebook.
    ...(given.tuned === undefined || given.notebook !== undefined ? { notebook: notebooks } : {}),
    seed: String(seed),
  };
}

function armNames(raw: RawOptions<'run'>, listed: readonly string[]): readonly string[] {
  if (raw.try !== undefined) return triedArms(raw.try);
  // The list stands for the default where only single arms are given.
  return [...(raw.arm ?? []), ...(raw.arm !== undefined && raw.arms === undefined ? [] : listed)];
}

function assertEachOnce(kernels: readonly string[]): void {
  const twice = kernels.find((name, index) => kernels.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new SoakError('bad-option', `--kernel ${shellWord(twice)} is given twice.`, {
    remedy: 'Give each kernel once.',
    option: { name: 'kernel', value: twice },
  });
}

/** Refuse a number of parts of which some would have no block. */
function assertShardsFit(shard: Options<'run'>['shard'], blocks: number): void {
  if (shard === null || shard.count <= blocks) return;
  throw new SoakError(
    'bad-option',
    `--shard ${shard.index}/${shard.count} divides ${blocks} blocks among ${shard.count} shards: some would have none.`,
    {
      remedy: 'Give at least as many runs of each arm as there are shards.',
      option: { name: 'shard' },
    },
  );
}
