import { z } from 'zod';
import { triedArms } from '../arms/arm-spec.ts';
import { shownArmSpec } from '../arms/arm-words.ts';
import { SoakError } from '../model/errors.ts';
import { LAUNCH_METHODS } from '../model/launch-method.ts';
import { DEFAULT_LATENCY, TRAFFIC_PROFILES } from '../model/protocol.ts';
import { quoted } from '../model/quoted.ts';
import { serverUrl } from '../model/server-url.ts';
import { type Shard, shardSchema } from '../model/shard.ts';
import { shellWord } from '../model/shell-word.ts';
import { TRANSPORTS } from '../model/transport.ts';
import { clientOptionSchema, DEFAULT_CLIENT_TIMEOUT_SECONDS, parsedClientOption } from './client-options.ts';
import { socketOptions } from './socket-options.ts';

/** `soak run`'s options, parsed: what an experiment is made from. Kept beside a journal until it has finished. */
export const runOptionsSchema = z.object({
  /** Empty where `kernels` are given. */
  arms: z.array(z.string()),
  /** Kernelspecs in place of arms. */
  kernels: z.array(z.string()).default([]),
  notebooks: z.array(z.string()).min(1),
  runs: z.number().int().positive(),
  timeoutSeconds: z.number().positive(),
  startTimeoutSeconds: z.number().positive(),
  /** 0: only at the deadline. */
  suspectAfterSeconds: z.number().min(0),
  traffic: z.array(z.enum(TRAFFIC_PROFILES)).min(1),
  latency: z.string(),
  /** Leading code cells of each notebook that are executed; `null`: all. */
  prefix: z.number().int().positive().nullable().default(null),
  /** Tuning record that traffic, latency, notebook and prefix are of; `null`: they were named. */
  tuned: z.string().nullable().default(null),
  pipelineDepth: z.number().int().positive(),
  concurrency: z.number().int().positive(),
  seed: z.number().int().nonnegative(),
  p0: z.number().min(0).max(1).nullable(),
  alpha: z.number().positive().lt(1),
  untilDecided: z.boolean(),
  saveNotebooks: z.boolean(),
  /** Wedges that get a rung of the revival ladder. */
  autopsy: z.union([z.literal('full'), z.literal('none'), z.number().int().positive()]).default('none'),
  /** The program that executes the notebooks; `null`: the harness's own front end. */
  client: clientOptionSchema.nullable().default(null),
  /** How kernels come about, where an arm does not say it. */
  launch: z.enum(LAUNCH_METHODS).default('spawn'),
  /** How the front end gets to the kernels. */
  transport: z.enum(TRANSPORTS).default('direct'),
  /** CurveZMQ between kernels and whoever speaks to them. */
  encrypt: z.boolean().default(false),
  /** Unix sockets in place of TCP. */
  ipc: z.boolean().default(false),
  /** Address of a server that is there already; `null`: none, or one of the harness's own. */
  serverUrl: z.string().nullable().default(null),
  baseline: z.string().nullable(),
  /** The part of the blocks that is run; `null`: all. */
  shard: shardSchema.nullable().default(null),
  python: z.string().nullable(),
  env: z.string().nullable(),
});
export type RunOptions = z.infer<typeof runOptionsSchema>;

/** Defaults that `--help` states and the reproduce-it command leaves out. */
export const RUN_DEFAULTS = {
  arms: ['control', 'sham', 'fix'],
  runs: 20,
  maxRuns: 200,
  timeoutSeconds: 10,
  startTimeoutSeconds: 60,
  suspectAfterSeconds: 1,
  traffic: ['widgets'],
  latency: DEFAULT_LATENCY,
  pipelineDepth: 4,
  concurrency: 1,
  alpha: 0.05,
  alphaUntilDecided: 0.001,
} as const;

/** Values as commander hands them over: strings, or absent. */
export interface RawRunOptions {
  readonly arm?: string[];
  readonly arms?: string;
  readonly try?: string;
  readonly kernel?: string[];
  readonly runs?: string;
  readonly maxRuns?: string;
  readonly notebook?: string[];
  readonly timeout?: string;
  readonly startTimeout?: string;
  readonly suspectAfter?: string;
  readonly traffic?: string;
  readonly latency?: string;
  readonly prefix?: string;
  readonly tuned?: string;
  readonly pipelineDepth?: string;
  readonly concurrency?: string;
  readonly seed?: string;
  readonly p0?: string;
  readonly alpha?: string;
  readonly untilDecided?: boolean;
  readonly saveNotebooks?: boolean;
  readonly autopsy?: string;
  readonly client?: string;
  readonly clientTimeout?: string;
  readonly launch?: string;
  readonly transport?: string;
  readonly serverUrl?: string;
  readonly encrypt?: boolean;
  readonly ipc?: boolean;
  readonly baseline?: string;
  readonly shard?: string;
  readonly python?: string;
  readonly env?: string;
}

interface NumberRule {
  readonly whole?: boolean;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

// Number() would also read '', '0x10' and 'Infinity'.
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * A number of a command line.
 *
 * @throws SoakError `bad-option`
 */
export function numberOption(
  flag: string,
  text: string | undefined,
  fallback: number,
  rule: NumberRule,
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  const fits =
    DECIMAL.test(text.trim()) &&
    Number.isFinite(value) &&
    value >= rule.min &&
    value <= rule.max &&
    (rule.whole !== true || Number.isSafeInteger(value));
  if (fits) return value;
  throw new SoakError('bad-option', `${flag} ${quoted(text)} is not usable.`, {
    remedy: `Give ${rule.whole === true ? 'a whole number' : 'a number'} of ${rule.unit} from ${rule.min} to ${rule.max}.`,
  });
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function armNames(raw: RawRunOptions): string[] {
  const listed = raw.arms === undefined ? [] : list(raw.arms);
  if (raw.arms !== undefined && listed.length === 0) {
    throw new SoakError('bad-option', `--arms ${quoted(raw.arms)} names no arm.`, {
      remedy: `Give names with commas, such as --arms ${RUN_DEFAULTS.arms.join(',')}.`,
    });
  }
  const names = [...(raw.arm ?? []), ...listed];
  if (raw.try !== undefined) {
    if (names.length === 0) return [...triedArms(raw.try)];
    throw new SoakError('bad-option', `--try ${quoted(raw.try)} makes its own three arms.`, {
      remedy: `Leave out --arm and --arms, or give all arms by hand: ${triedArms(raw.try)
        .map((arm) => `--arm ${shellWord(arm)}`)
        .join(' ')}.`,
    });
  }
  return names.length > 0 ? names : [...RUN_DEFAULTS.arms];
}

/** `--kernel` is a kernel as it is, so that what treats or chooses ipykernel has nothing to do with it. */
function kernelNames(raw: RawRunOptions): string[] {
  const names = raw.kernel ?? [];
  const [first] = names;
  if (first === undefined) return [];
  for (const flag of ['arm', 'arms', 'try', 'client', 'env', 'python'] as const) {
    if (raw[flag] === undefined) continue;
    throw new SoakError(
      'bad-option',
      `--kernel ${first} is a kernel as its kernelspec has it, and --${flag} is about another.`,
      {
        remedy: `Leave out --kernel, or --${flag}.`,
      },
    );
  }
  if (raw.transport === 'server' && raw.serverUrl === undefined) {
    throw new SoakError('bad-option', `--kernel ${first} is started directly, or by a server that has it.`, {
      remedy: 'Leave out --transport server, or give the address of a server that is there: --server-url.',
    });
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return [...names];
  throw new SoakError('bad-option', `--kernel ${twice} is given twice.`, {
    remedy: 'Give each kernel once.',
  });
}

/** @throws SoakError `bad-option` for a name that is no profile */
export function trafficProfiles(text: string | undefined): RunOptions['traffic'] {
  if (text === undefined) return [...RUN_DEFAULTS.traffic];
  const names = list(text);
  // Nothing named is one unknown name.
  return (names.length > 0 ? names : [text]).map((name) => {
    const profile = TRAFFIC_PROFILES.find((known) => known === name);
    if (profile !== undefined) return profile;
    throw new SoakError('bad-option', `--traffic ${quoted(name)} is no traffic profile.`, {
      remedy: `Profiles there are: ${TRAFFIC_PROFILES.join(', ')}; several, with commas, alternate by block.`,
    });
  });
}

function autopsyOption(text: string | undefined): RunOptions['autopsy'] {
  if (text === undefined || text === 'none' || text === 'full') return text ?? 'none';
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new SoakError('bad-option', `--autopsy ${quoted(text)} is not usable.`, {
    remedy: 'Give full, none, or the number of wedges, from 1 to 999999, that get one.',
  });
}

function launchOption(raw: RawRunOptions): RunOptions['launch'] {
  const method = LAUNCH_METHODS.find((known) => known === (raw.launch ?? 'spawn'));
  if (method === undefined) {
    throw new SoakError('bad-option', `--launch ${quoted(String(raw.launch))} is none that is known.`, {
      remedy: `Give ${LAUNCH_METHODS.join(' or ')}.`,
    });
  }
  if (method === 'spawn') return method;
  const other =
    raw.client !== undefined
      ? `--client ${raw.client}`
      : raw.serverUrl !== undefined || raw.transport === 'server'
        ? 'a server'
        : raw.kernel !== undefined
          ? '--kernel'
          : null;
  if (other === null) return method;
  throw new SoakError(
    'bad-option',
    `--launch ${method} is of kernels that the harness starts with an arm, and ${other} starts them otherwise.`,
    {
      remedy: 'Leave out one of them.',
    },
  );
}

function transportOption(raw: RawRunOptions): RunOptions['transport'] {
  const implied = raw.serverUrl === undefined ? 'direct' : 'server';
  const name = TRANSPORTS.find((known) => known === (raw.transport ?? implied));
  if (name === undefined) {
    throw new SoakError('bad-option', `--transport ${quoted(String(raw.transport))} is none that is known.`, {
      remedy: `Transports there are: ${TRANSPORTS.join(', ')}.`,
    });
  }
  if (name === 'direct' && raw.serverUrl !== undefined) {
    throw new SoakError(
      'bad-option',
      '--server-url is the way through a server, and --transport direct is not.',
      {
        remedy: 'Leave out one of them.',
      },
    );
  }
  if (name !== 'direct' && raw.client !== undefined) {
    throw new SoakError(
      'bad-option',
      `${raw.serverUrl === undefined ? `--transport ${name}` : '--server-url'} is a way of the harness's own front end, and --client ${raw.client} takes its place.`,
      { remedy: 'Leave out one of them.' },
    );
  }
  return name;
}

/** `--shard 2/4`: refused where the parts could not be parts of one experiment. */
function shardOption(raw: RawRunOptions, blocks: number): Shard | null {
  if (raw.shard === undefined) return null;
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(raw.shard.trim()) ?? [];
  const parsed = shardSchema.safeParse({ index: Number(index), count: Number(count) });
  if (!parsed.success) {
    throw new SoakError('bad-option', `--shard ${quoted(raw.shard)} is not usable.`, {
      remedy: 'Give which part of how many, such as --shard 2/4: from 1/4 to 4/4.',
    });
  }
  if (raw.seed === undefined) {
    throw new SoakError(
      'bad-option',
      `--shard ${raw.shard} is a part of one experiment, and without --seed each part would draw a seed of its own.`,
      { remedy: 'Give all shards the same --seed.' },
    );
  }
  if (parsed.data.count > blocks) {
    throw new SoakError(
      'bad-option',
      `--shard ${raw.shard} divides ${blocks} blocks among ${parsed.data.count} shards: some would have none.`,
      { remedy: 'Give at least as many runs of each arm as there are shards.' },
    );
  }
  return parsed.data;
}

const SECONDS = { min: 0.1, max: 86_400, unit: 'seconds' } as const;

/**
 * Parse the command line of `soak run`.
 *
 * @param defaultNotebook used when none is named
 * @param drawSeed gives the seed when none is named: it is then recorded like a given one
 * @throws SoakError `bad-option`
 */
export function parsedRunOptions(
  raw: RawRunOptions,
  defaultNotebook: string,
  drawSeed: () => number,
): RunOptions {
  const untilDecided = raw.untilDecided === true;
  if (raw.maxRuns !== undefined && !untilDecided) {
    throw new SoakError(
      'bad-option',
      `--max-runs ${raw.maxRuns} is the limit of --until-decided, which is not given.`,
      {
        remedy: 'Give --runs for an experiment of fixed size, or add --until-decided.',
      },
    );
  }
  if (raw.runs !== undefined && untilDecided) {
    throw new SoakError(
      'bad-option',
      `--runs ${raw.runs} fixes the size, and --until-decided lets the evidence stop.`,
      {
        remedy: 'Give --max-runs as the limit of --until-decided.',
      },
    );
  }
  if (raw.python !== undefined && raw.env !== undefined) {
    throw new SoakError(
      'bad-option',
      '--python chooses what to make an environment from, and --env an environment that exists.',
      {
        remedy: 'Give one of them.',
      },
    );
  }
  for (const flag of ['traffic', 'latency', 'prefix'] as const) {
    if (raw.tuned === undefined || raw[flag] === undefined) continue;
    throw new SoakError(
      'bad-option',
      `--${flag} ${raw[flag]} would change what --tuned takes from the tuning record.`,
      {
        remedy: `Leave out --${flag}, or --tuned: the protocol may cite a record only for the settings that it chose.`,
      },
    );
  }
  if (raw.tuned !== undefined && (raw.notebook?.length ?? 0) > 1) {
    throw new SoakError('bad-option', '--tuned is about one notebook, and several are given.', {
      remedy: 'Give the notebook that was tuned, or none.',
    });
  }
  const timeoutSeconds = numberOption('--timeout', raw.timeout, RUN_DEFAULTS.timeoutSeconds, SECONDS);
  const client = parsedClientOption(raw, timeoutSeconds);
  const count = { whole: true, min: 1, max: 1_000_000 } as const;
  const pipeline = { whole: true, min: 1, max: 1_000 } as const;
  const runs = untilDecided
    ? numberOption('--max-runs', raw.maxRuns, RUN_DEFAULTS.maxRuns, { ...count, unit: 'runs per arm' })
    : numberOption('--runs', raw.runs, RUN_DEFAULTS.runs, { ...count, unit: 'runs per arm' });
  return {
    arms: raw.kernel === undefined ? armNames(raw) : [],
    kernels: kernelNames(raw),
    notebooks: raw.notebook ?? [defaultNotebook],
    runs,
    timeoutSeconds,
    startTimeoutSeconds: numberOption(
      '--start-timeout',
      raw.startTimeout,
      RUN_DEFAULTS.startTimeoutSeconds,
      SECONDS,
    ),
    suspectAfterSeconds: numberOption('--suspect-after', raw.suspectAfter, RUN_DEFAULTS.suspectAfterSeconds, {
      ...SECONDS,
      min: 0,
    }),
    traffic: trafficProfiles(raw.traffic),
    // A client's latency is its own: nothing is drawn.
    latency: client === null ? (raw.latency ?? RUN_DEFAULTS.latency) : 'none',
    prefix:
      raw.prefix === undefined
        ? null
        : numberOption('--prefix', raw.prefix, 1, { ...count, unit: 'code cells' }),
    tuned: raw.tuned ?? null,
    pipelineDepth: numberOption('--pipeline-depth', raw.pipelineDepth, RUN_DEFAULTS.pipelineDepth, {
      ...pipeline,
      unit: 'cells',
    }),
    concurrency: numberOption('--concurrency', raw.concurrency, RUN_DEFAULTS.concurrency, {
      ...pipeline,
      max: 256,
      unit: 'runs at once',
    }),
    seed:
      raw.seed === undefined
        ? drawSeed()
        : numberOption('--seed', raw.seed, 0, { whole: true, min: 0, max: 2 ** 32 - 1, unit: 'a seed' }),
    p0:
      raw.p0 === undefined ? null : numberOption('--p0', raw.p0, 0, { min: 0, max: 1, unit: 'probability' }),
    alpha: numberOption(
      '--alpha',
      raw.alpha,
      untilDecided ? RUN_DEFAULTS.alphaUntilDecided : RUN_DEFAULTS.alpha,
      {
        min: 1e-12,
        max: 0.5,
        unit: 'probability',
      },
    ),
    untilDecided,
    saveNotebooks: raw.saveNotebooks === true,
    autopsy: autopsyOption(raw.autopsy),
    client,
    launch: launchOption(raw),
    transport: transportOption(raw),
    ...socketOptions(raw),
    serverUrl: raw.serverUrl === undefined ? null : serverUrl(raw.serverUrl),
    baseline: raw.baseline ?? null,
    shard: shardOption(raw, runs),
    python: raw.python ?? null,
    env: raw.env ?? null,
  };
}

/**
 * The command that repeats an experiment: every option that is not the default, the seed always.
 *
 * @param shown turns a path into one that can be published
 */
export function reproduceCommand(options: RunOptions, shown: (path: string) => string): string {
  const words: string[] = [];
  // Folders one by one: their names may have a comma, and a shell replaces a tilde only where a word begins.
  for (const kernel of options.kernels) words.push('--kernel', shellWord(kernel));
  const arms = options.arms.map((spec) => shownArmSpec(spec, shown));
  if (arms.some((arm) => /[/\\,\s]/.test(arm))) for (const arm of arms) words.push('--arm', shellWord(arm));
  else if (arms.length > 0) words.push('--arms', arms.map((arm) => shellWord(arm)).join(','));
  if (options.untilDecided) words.push('--until-decided');
  words.push(options.untilDecided ? '--max-runs' : '--runs', String(options.runs));
  const defaultAlpha = options.untilDecided ? RUN_DEFAULTS.alphaUntilDecided : RUN_DEFAULTS.alpha;
  for (const notebook of options.notebooks) words.push('--notebook', shellWord(shown(notebook)));
  if (options.tuned !== null) words.push('--tuned', shellWord(shown(options.tuned)));
  const setting: [string, string | number, string | number][] = [
    ['--traffic', options.traffic.join(','), RUN_DEFAULTS.traffic.join(',')],
    [
      '--latency',
      options.latency.startsWith('file:') ? `file:${shown(options.latency.slice(5))}` : options.latency,
      RUN_DEFAULTS.latency,
    ],
    ['--prefix', options.prefix ?? '', ''],
  ];
  const clientTimeout =
    options.client === null ? DEFAULT_CLIENT_TIMEOUT_SECONDS : (options.client.cellTimeoutSeconds ?? 'none');
  const optional: [string, string | number, string | number][] = [
    ['--launch', options.launch, 'spawn'],
    ['--transport', options.serverUrl === null ? options.transport : 'direct', 'direct'],
    ['--server-url', options.serverUrl === null ? '' : '<your server>', ''],
    ['--client', options.client?.name ?? '', ''],
    ['--client-timeout', clientTimeout, DEFAULT_CLIENT_TIMEOUT_SECONDS],
    ...(options.tuned === null && options.client === null ? setting : []),
    ['--timeout', options.timeoutSeconds, RUN_DEFAULTS.timeoutSeconds],
    ['--start-timeout', options.startTimeoutSeconds, RUN_DEFAULTS.startTimeoutSeconds],
    ['--suspect-after', options.suspectAfterSeconds, RUN_DEFAULTS.suspectAfterSeconds],
    ['--pipeline-depth', options.pipelineDepth, RUN_DEFAULTS.pipelineDepth],
    ['--concurrency', options.concurrency, RUN_DEFAULTS.concurrency],
    ['--alpha', options.alpha, defaultAlpha],
    ['--autopsy', options.autopsy, 'none'],
  ];
  for (const [flag, value, fallback] of optional) {
    if (value !== fallback) words.push(flag, shellWord(String(value)));
  }
  if (options.encrypt) words.push('--encrypt');
  if (options.ipc) words.push('--ipc');
  if (options.p0 !== null) words.push('--p0', String(options.p0));
  if (options.saveNotebooks) words.push('--save-notebooks');
  if (options.python !== null) words.push('--python', shellWord(shown(options.python)));
  if (options.env !== null) words.push('--env', shellWord('<your environment>'));
  if (options.baseline !== null) words.push('--baseline', shellWord(shown(options.baseline)));
  words.push('--seed', String(options.seed));
  if (options.shard !== null) words.push('--shard', `${options.shard.index}/${options.shard.count}`);
  return `npm run soak -- ${words.join(' ')}`;
}
