import { z } from 'zod';
import { withDeadline } from '../model/deadlines.ts';

/** What the helper says about a process (arms/runtime/process_account.py). */
const sampleSchema = z.object({
  cpuMs: z.number().nonnegative(),
  rssBytes: z.number().nonnegative().nullable(),
});
const answerSchema = z.object({
  id: z.number().int(),
  samples: z.array(sampleSchema.nullable()).optional(),
  /** Why it could not be answered. */
  error: z.string().optional(),
});
type HelperSample = z.infer<typeof sampleSchema>;
type Answer = z.infer<typeof answerSchema>;

type Question = { readonly sample: readonly number[] } | { readonly tree: number } | { readonly end: number };

/**
 * Asks the process beside the harness (arms/runtime/reaper.py) about other processes, on systems that Node cannot ask
 * itself: one line each way, for any number of processes.
 */
export class ProcessHelper {
  readonly #write: (line: string) => void;
  readonly #waiting = new Map<number, { answer: (answer: Answer) => void; lost: (error: Error) => void }>();
  #asked = 0;
  #isOver = false;

  /** @param write sends a line to it */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Take a line that it said. */
  hear(line: string): void {
    const answer = answerSchema.parse(JSON.parse(line));
    const asked = this.#waiting.get(answer.id);
    if (answer.error === undefined) asked?.answer(answer);
    else asked?.lost(new Error(`The process beside the harness cannot look at processes: ${answer.error}`));
    this.#waiting.delete(answer.id);
  }

  /** It has ended: pending questions fail. */
  lose(): void {
    this.#isOver = true;
    for (const { lost } of this.#waiting.values())
      lost(new Error('The process beside the harness has ended.'));
    this.#waiting.clear();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A sample of each process, in order. `null`: no such process. @throws DeadlinePassed; Error when it has ended */
  async sample(pids: readonly number[]): Promise<readonly (HelperSample | null)[]> {
    return (await withDeadline('sample-process', this.#ask({ sample: pids }))).samples ?? [];
  }

  /** Samples of a process and of everything below it, the process first. @throws as `sample` */
  async sampleTree(pid: number): Promise<readonly (HelperSample | null)[]> {
    return (await withDeadline('sample-process', this.#ask({ tree: pid }))).samples ?? [];
  }

  /** End a process and what it has started. @throws DeadlinePassed; Error when the helper has ended */
  async end(pid: number): Promise<void> {
    await withDeadline('kill-tree', this.#ask({ end: pid }));
  }

  #ask(question: Question): Promise<Answer> {
    if (this.#isOver) return Promise.reject(new Error('The process beside the harness has ended.'));
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((answer, lost) => {
      this.#waiting.set(id, { answer, lost });
      this.#write(`? ${JSON.stringify({ id, ...question })}\n`);
    });
  }
}

// The newest last: a command has one, tests have several.
const helpers: ProcessHelper[] = [];

/** The helper beside this process. `null`: none was started, or it has ended. */
export function processHelper(): ProcessHelper | null {
  return helpers.findLast((helper) => !helper.isOver) ?? null;
}

/** Use a helper for samples and ends of processes, as long as it lives. */
export function useProcessHelper(helper: ProcessHelper): void {
  helpers.push(helper);
}

/** Use a helper no longer. */
export function dropProcessHelper(helper: ProcessHelper): void {
  helpers.splice(0, helpers.length, ...helpers.filter((each) => each !== helper));
}
