import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import type { Reported } from '../nightly/journal-differences.ts';
import { SoakProcess } from '../testing/soak-process.ts';
import { reported, Trial } from './trial.ts';

/** How often each fault is made to happen. */
export interface Extent {
  /** Kills of the harness; of everything else that is killed, a tenth. */
  readonly kills: number;
  /** Blocks of an experiment of two arms. */
  readonly blocks: number;
  /** Runs of the long night. */
  readonly nightRuns: number;
  /** Whether faults are made that take an installation of a minute, or all ports of the machine. */
  readonly isWhole: boolean;
}

/** What came of one kind of fault. */
export interface FaultResult {
  readonly fault: string;
  /** How often it happened. */
  readonly times: number;
  /** Runs that were recorded while it did, each looked for after every fault. */
  readonly runs: number;
  /** What the command said, once each. */
  readonly said: readonly string[];
  /** What was not as promised; empty: all of it was. */
  readonly failures: readonly string[];
  /** What else was seen. */
  readonly seen?: string;
  /** Why the fault could not be made here; absent: it was. */
  readonly notPossible?: string;
}

/**
 * What a campaign's scenarios share. Its experiments send one request after another to a notebook of plain cells,
 * which does not wedge (reports/sequential-plain): there is one outcome to reach, with faults and without.
 */
export class Campaign {
  readonly extent: Extent;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly #folder: string;
  readonly #wholes = new Map<string, Promise<Reported>>();
  #trials = 0;

  constructor(parts: { folder: string; extent: Extent; seed: number; say: (line: string) => void }) {
    this.#folder = parts.folder;
    this.extent = parts.extent;
    this.seed = parts.seed;
    this.say = parts.say;
  }

  /** A folder of its own for whatever needs one. */
  newFolder(): string {
    this.#trials += 1;
    const folder = join(this.#folder, `${this.#trials}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  trial(variables: Readonly<Record<string, string>> = {}): Trial {
    return new Trial(this.newFolder(), variables);
  }

  /** Options of an experiment of control and stream. */
  experiment(blocks: number, more: readonly string[] = []): readonly string[] {
    const notebook = join(packageRoot(), 'notebooks', 'plain.ipynb');
    return [
      ...['--arms', 'control,stream', '--notebook', notebook, '--prefix', '6', '--traffic', 'sequential'],
      ...[
        '--runs',
        String(blocks),
        '--seed',
        String(this.seed),
        ...(more.includes('--timeout') ? [] : ['--timeout', '30']),
        ...more,
      ],
    ];
  }

  /** The same experiment without a fault, run once. */
  whole(experiment: readonly string[]): Promise<Reported> {
    const key = experiment.join(' ');
    const known = this.#wholes.get(key);
    if (known !== undefined) return known;
    const made = this.#run(experiment);
    this.#wholes.set(key, made);
    return made;
  }

  async #run(experiment: readonly string[]): Promise<Reported> {
    const out = join(this.newFolder(), 'whole');
    const process = new SoakProcess(['run', ...experiment, '--out', out]);
    await process.ended;
    if (process.code !== 0) throw new Error(`The experiment without faults failed: ${process.said}`);
    return reported(out);
  }
}

/** What came of trials. */
export function resultOf(fault: string, times: number, trials: readonly Trial[], seen?: string): FaultResult {
  return {
    fault,
    times,
    runs: trials.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    said: [...new Set(trials.flatMap(({ said }) => said))],
    failures: trials.flatMap(({ failures }) => failures),
    ...(seen === undefined ? {} : { seen }),
  };
}

/** A fault that cannot be made on this machine. */
export function notPossible(fault: string, why: string): FaultResult {
  return { fault, times: 0, runs: 0, said: [], failures: [], notPossible: why };
}
