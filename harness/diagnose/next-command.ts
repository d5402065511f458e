import { satisfies } from '@renovatebot/pep440';
import { shellWord } from '../model/shell-word.ts';
import type { Diagnosis, Fault } from './diagnosis.ts';

/**
 * What was asked for, as far as a further command needs it: the user's own words for the terminal, those that can be
 * published for the document.
 */
export interface Asked {
  readonly notebook: string;
  /** Folder of this diagnosis. */
  readonly folder: string;
  /** Options that name the kernel to this command, as given, such as `--env`, `~/venv`. */
  readonly given: readonly string[];
  /** Options that name the same environment to other commands. Empty: it is the one that soak makes. */
  readonly environment: readonly string[];
  /** The arm. `null`: the kernel is started as its kernelspec says, and has no arms. */
  readonly arm: string | null;
  readonly client: string;
  readonly runs: number;
  readonly maxMinutes: number;
  readonly timeoutSeconds: number;
  /** Whether the deadline is not the default. */
  readonly isTimeoutGiven: boolean;
}

/** Where nothing was seen, so many times as many runs come next, and as much time. */
const MORE_RUNS = 5;
/** A deadline that a cell passed is raised to so many times itself. */
const MORE_TIME = 10;

/** The releases in which a raw send can leave a request unread (docs/concepts.md). */
const AFFECTED = '>=7.0.0,<7.4.0';

/** Whether a wedge of this kernel is the one that ipykernel 7.4.0 cured. */
export function isKnownWedge({ ipykernel }: Pick<Diagnosis, 'ipykernel'>, fault: Fault): boolean {
  return (
    fault.event === 'wedged' &&
    fault.certified > 0 &&
    ipykernel !== null &&
    satisfies(ipykernel, AFFECTED, { prereleases: true }) === true
  );
}

/** The words of the command that is worth most after this diagnosis, without `npm run soak --`. */
export function nextArguments(diagnosis: Diagnosis, asked: Asked): string[] {
  const { same, faults } = diagnosis;
  if (same !== null) {
    if (same.kind !== 'busy' && same.kind !== 'late') return explain(asked, same.example);
    return again(asked, {
      timeoutSeconds: asked.timeoutSeconds * MORE_TIME,
      maxMinutes: asked.maxMinutes * MORE_TIME,
    });
  }
  const wedge = faults.find((fault) => isKnownWedge(diagnosis, fault));
  if (wedge !== undefined && asked.arm !== null) return cureOfKernel(asked, asked.arm);
  const [first] = faults;
  if (first?.event === 'stalled') return execute(asked);
  if (first !== undefined) return explain(asked, first.example);
  return again(asked, {
    runs: asked.runs * MORE_RUNS,
    maxMinutes: asked.maxMinutes * MORE_RUNS,
    timeoutSeconds: asked.timeoutSeconds,
  });
}

/** As a line to paste. */
export function commandText(args: readonly string[]): string {
  return `npm run soak -- ${args.map((word) => shellWord(word)).join(' ')}`;
}

function explain({ folder }: Asked, { way, run }: Fault['example']): string[] {
  return ['explain', folder, `${way}/${run.run}`];
}

function again(
  asked: Asked,
  change: {
    readonly runs?: number;
    readonly maxMinutes: number;
    readonly timeoutSeconds: number;
  },
): string[] {
  const { runs = asked.runs, maxMinutes, timeoutSeconds } = change;
  const isLonger = asked.isTimeoutGiven || timeoutSeconds !== asked.timeoutSeconds;
  return [
    asked.notebook,
    ...asked.given,
    ...['--runs', String(runs), '--max-minutes', String(maxMinutes)],
    ...(isLonger ? ['--timeout', String(timeoutSeconds)] : []),
  ];
}

/**
 * The kernel as it is beside the kernel with the change that 7.4.0 has, by each way, a server included: it shows that the
 * wedge goes, and whether the client's own stalls stay.
 */
function cureOfKernel(asked: Asked, arm: string): string[] {
  const cured = arm === 'control' ? 'stream' : `stream + ${arm}`;
  return [
    'locate',
    '--notebook',
    asked.notebook,
    ...asked.environment,
    '--arms',
    `${arm},${cured}`,
    ...(asked.isTimeoutGiven ? ['--timeout', String(asked.timeoutSeconds)] : []),
  ];
}

function execute(asked: Asked): string[] {
  return [
    'exec',
    asked.notebook,
    ...asked.environment,
    ...(asked.arm === null || asked.arm === 'control' ? [] : ['--arm', asked.arm]),
  ];
}
