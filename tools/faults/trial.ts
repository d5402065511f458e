import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readJournal } from '../../harness/journal/read.ts';
import type { RunRecord } from '../../harness/model/journal.ts';
import { buildReport } from '../../harness/report/report.ts';
import { journalDifferences, type Reported } from '../nightly/journal-differences.ts';
import { SoakProcess, type SoakStart } from '../testing/soak-process.ts';

const GONE_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** A process of a trial, seen in /proc. */
export interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Send a process a signal. @returns whether it was there: it may have ended since it was seen */
export function signalled(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** An experiment and its report, from its folder. */
export async function reported(folder: string): Promise<Reported> {
  const { journal } = await readJournal(folder);
  return { journal, report: buildReport(journal) };
}

/**
 * One experiment that faults happen to: a report folder, a folder for temporary files that no other process has,
 * and what was found not to be as promised. Linux only: processes are looked for in /proc.
 */
export class Trial {
  /** Its report folder, not made yet. */
  readonly out: string;
  /** Its folder for temporary files. */
  readonly temporary: string;
  readonly failures: string[] = [];
  /** The last of what each of its processes said that was to fail. */
  readonly said: string[] = [];
  readonly #variables: Readonly<Record<string, string>>;
  /** Lines of the journal that were there whole, by run. */
  readonly #acknowledged = new Map<string, string>();

  constructor(folder: string, variables: Readonly<Record<string, string>> = {}) {
    this.out = join(folder, 'report');
    this.temporary = join(folder, 'tmp');
    mkdirSync(this.temporary, { recursive: true });
    this.#variables = { TMPDIR: this.temporary, ...variables };
  }

  /** Runs that were ever seen recorded. */
  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Whether its runs are all recorded; its report may still have to be written. */
  get hasFinished(): boolean {
    const last = this.#lines().at(-1) ?? '{}';
    const { type, event } = JSON.parse(last) as { type?: string; event?: string };
    return type === 'session' && event === 'finished';
  }

  start(args: readonly string[], options: SoakStart = {}): SoakProcess {
    return new SoakProcess(args, { ...options, variables: { ...this.#variables, ...options.variables } });
  }

  /** The arguments that begin it, or go on with it where its journal has begun. */
  argumentsFor(experiment: readonly string[]): readonly string[] {
    return this.#lines().length > 0
      ? ['run', '--resume', this.out]
      : ['run', ...experiment, '--out', this.out];
  }

  /** What of it lives: whatever has its folder for temporary files in its environment or among its arguments. */
  processes(pattern = /./): Seen[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
          const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
          if (!this.#isMine(environment) && !this.#isMine(words)) return [];
          const command = words.replaceAll('\0', ' ').trim();
          const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
          const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
          return command !== '' && pattern.test(command) ? [{ pid: Number(name), parent, command }] : [];
        } catch {
          return []; // it has ended meanwhile, or is not ours to look at
        }
      });
  }

  /** How many files a process of it has open; `null`: it has ended. */
  openFiles(pid: number): number | null {
    try {
      readlinkSync(`/proc/${pid}/cwd`);
      return readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      return null;
    }
  }

  /** Take note of every run that is recorded now. Each that was before has to be there still, once, unchanged. */
  acknowledge(): void {
    const found = new Map<string, string>();
    for (const line of this.#lines()) {
      const record = JSON.parse(line) as RunRecord;
      if (record.type !== 'run') continue;
      if (found.has(record.run)) this.failures.push(`the run ${record.run} is recorded twice`);
      found.set(record.run, line);
    }
    for (const [run, line] of this.#acknowledged) {
      if (found.get(run) !== line) this.failures.push(`the run ${run} was recorded and is gone or changed`);
    }
    for (const [run, line] of found) this.#acknowledged.set(run, line);
  }

  /** Nothing of it lives or lies about, a moment after its command ended. */
  async assertNothingLeft(withinMs = GONE_WITHIN_MS): Promise<void> {
    const due = performance.now() + withinMs;
    for (;;) {
      const left = [
        ...this.processes().map(({ pid, command }) => `process ${pid} (${command.slice(0, 80)})`),
        ...readdirSync(this.temporary).map((name) => `${name} in the folder for temporary files`),
      ];
      if (left.length === 0) return;
      if (performance.now() > due) {
        this.failures.push(...left.map((what) => `left behind: ${what}`));
        return;
      }
      await delay(LOOK_EVERY_MS);
    }
  }

  /** Note what a process said that could not do what it was asked, and whether that was said as it has to be. */
  assertRefused(process: SoakProcess, code: number, words: RegExp): void {
    const said = process.said
      .slice(Math.max(0, process.said.lastIndexOf('soak: ')))
      .split('\n')
      .slice(0, 2)
      .join(' ')
      .replaceAll(dirname(this.out), '…')
      .replace(/(?<=\bprocess )\d+|(?<=\bsoak-)[0-9a-f]{12}/g, '…');
    this.said.push(said);
    if (process.code !== code) {
      this.failures.push(
        `exit code ${process.code ?? process.process.signalCode} instead of ${code}: ${said.slice(0, 300)}`,
      );
    }
    if (!words.test(process.said) || process.said.includes('internal error')) {
      this.failures.push(`not said as it has to be (${words}): ${said.slice(0, 300)}`);
    }
  }

  /** Let the experiment end without a fault; then nothing is left, and it equals the one that had none. */
  async finish(experiment: readonly string[], whole: Reported | null, code = 0): Promise<void> {
    const args = this.hasFinished ? ['report', this.out] : this.argumentsFor(experiment);
    const process = this.start(args);
    await process.ended;
    if (process.code !== (args[0] === 'report' ? 0 : code)) {
      this.failures.push(`soak ${args[0]} ended with ${process.code}: ${process.said.slice(-400)}`);
    }
    this.acknowledge();
    await this.assertNothingLeft();
    for (const name of readdirSync(this.out)) {
      if (/\.lock|\.partial|resume\.json/.test(name)) this.failures.push(`left behind: ${name}`);
    }
    const verified = this.start(['verify', this.out]);
    await verified.ended;
    if (verified.code !== 0) this.failures.push(`soak verify: ${verified.said.slice(-300)}`);
    if (whole === null) return;
    const mine = await reported(this.out).catch((error: Error) => error);
    this.failures.push(...(mine instanceof Error ? [mine.message] : journalDifferences(mine, whole)));
  }

  /** Whether an environment or a command line names its folder for temporary files. */
  #isMine(text: string): boolean {
    return text.includes(`${this.temporary}\0`) || text.includes(`${this.temporary}/`);
  }

  /** The whole lines of its journal. */
  #lines(): string[] {
    const path = join(this.out, 'journal.jsonl');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  }
}
