import { monotonicMs } from '../frontend/precise-timer.ts';
import { type KernelCommandMaker, launchKernel, type RunningKernel } from '../kernel/launch.ts';
import { publicText } from '../model/public-text.ts';
import { cleanUp } from '../run/clean-up.ts';
import type { RunContext } from '../run/run-context.ts';
import { languageCells } from './language-cells.ts';
import { ProbeClient } from './probe-client.ts';
import { type Answer, type CellAnswer, ENDED_AT_START, type ProbeResult } from './probe-result.ts';

/** The longest that a probe takes, from launch to the end of the process, milliseconds. */
const PROBE_MS = 19_000;
// How much of it is kept for the shutdown, and for a start.
const SHUTDOWN_MS = 4_000;
const START_MS = 12_000;
// For each request: a kernel that answers at all does so at once.
const ANSWER_MS = 1_500;
// For a cell that has to fail first, and for the first completion, for which ipykernel imports jedi.
const CELL_MS = 4_000;
// The other half of an answer comes with it.
const OTHER_HALF_MS = 400;
const HEARTBEAT_MS = 500;
// How long `starting` is awaited. It may have been published before we were subscribed.
const QUIET_MS = 1_000;
// How long after a cell began it is interrupted: it runs by then.
const INTERRUPT_AFTER_MS = 300;
const INTERRUPT_MS = 2_500;
const MAX_WORD_CHARACTERS = 80;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Start a kernel and ask it what a soak needs to know. Every wait has a deadline, and all of it is done within 20 s.
 * The result says what was not asked for lack of time.
 *
 * @throws what `launchKernel` throws
 */
export async function probeKernel(
  name: string,
  makeCommand: KernelCommandMaker,
  cwd: string,
  context: Pick<RunContext, 'reaper' | 'variables' | 'sockets'>,
): Promise<ProbeResult> {
  const startedMs = monotonicMs();
  const launch = async (): Promise<Subject> => {
    const kernel = await launchKernel({
      makeCommand,
      cwd,
      reaper: context.reaper,
      variables: context.variables,
      sockets: context.sockets,
    });
    return { kernel, client: new ProbeClient(kernel.connection) };
  };
  const subjects: Subject[] = [await launch()];
  const another = async (): Promise<Subject> => {
    const subject = await launch();
    subjects.push(subject);
    return subject;
  };
  try {
    return await new Probe(name, subjects[0] as Subject, another, startedMs).result();
  } finally {
    for (const { kernel, client } of subjects) await cleanUp(client, kernel);
  }
}

/** A kernel and what asks it. */
interface Subject {
  readonly kernel: RunningKernel;
  readonly client: ProbeClient;
}

class Probe {
  #kernel: RunningKernel;
  #client: ProbeClient;
  readonly #another: () => Promise<Subject>;
  readonly #startedMs: number;
  readonly #found: Mutable<ProbeResult>;
  readonly #unasked: string[] = [];

  constructor(name: string, { kernel, client }: Subject, another: () => Promise<Subject>, startedMs: number) {
    this.#kernel = kernel;
    this.#client = client;
    this.#another = another;
    this.#startedMs = startedMs;
    this.#found = emptyResult(name, kernel.command.interruptMode ?? 'signal');
  }

  async result(): Promise<ProbeResult> {
    const found = this.#found;
    if (await this.#start()) {
      for (const [what, ask] of this.#questions()) {
        if (this.#kernel.exit !== null) this.#unasked.push(`${what}: the kernel had ended`);
        else if (this.#leftMs() <= 0) this.#unasked.push(`${what}: the time was up`);
        else await ask();
      }
      found.deviations = { ...this.#client.deviations };
      await this.#shutDown();
    } else found.deviations = { ...this.#client.deviations };
    found.unasked = this.#unasked;
    found.tookMs = Math.round(monotonicMs() - this.#startedMs);
    const { failure } = this.#client;
    if (failure !== null) throw failure;
    return found;
  }

  #questions(): [string, () => Promise<void>][] {
    return [
      ['control', () => this.#control()],
      ['an empty cell', () => this.#emptyCell()],
      ['comm_info', () => this.#commInfo()],
      ['completion and inspection', () => this.#overlapping()],
      ['cells behind an error', () => this.#abort()],
      ['cells behind an allowed error', () => this.#allowed()],
      ['stdin', () => this.#input()],
      ['an unknown type', () => this.#unknownType()],
      ['an interrupt', () => this.#interrupt()],
    ];
  }

  /** What is left before the shutdown's time begins, milliseconds. */
  #leftMs(): number {
    return this.#startedMs + PROBE_MS - SHUTDOWN_MS - monotonicMs();
  }

  #until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const over = () => condition() || this.#kernel.exit !== null;
    return this.#client.until(over, Math.min(timeoutMs, Math.max(0, this.#leftMs()))).then(condition);
  }

  async #start(): Promise<boolean> {
    const client = this.#client;
    const found = this.#found;
    const isStarting = () =>
      client.heard('iopub').some(({ message }) => message.content['execution_state'] === 'starting');
    await this.#until(isStarting, QUIET_MS);
    const id = client.send('shell', 'kernel_info_request');
    const isReady = await this.#until(() => client.reply(id) !== undefined, START_MS);
    await this.#until(() => client.status(id, 'idle') !== undefined, OTHER_HALF_MS);
    found.starting = isStarting();
    found.welcome = client.heard('iopub').some(({ message }) => message.header.msg_type === 'iopub_welcome');
    const reply = client.reply(id);
    if (!isReady || reply === undefined) {
      found.notReady =
        this.#kernel.exit === null
          ? `kernel_info was not answered on shell within ${START_MS / 1000} s`
          : ENDED_AT_START;
      return false;
    }
    found.startMs = Math.round(reply.atMs - this.#startedMs);
    const { content } = reply.message;
    const language = content['language_info'] as Record<string, unknown> | undefined;
    found.protocolStated = word(content['protocol_version']);
    found.protocolHeaders = word(reply.message.header['version']);
    found.implementation = word(content['implementation']);
    found.implementationVersion = word(content['implementation_version']);
    found.language = word(language?.['name']);
    found.languageVersion = word(language?.['version']);
    // Asked again: the statuses of the first may have gone out before we were subscribed.
    found.shellInfo = await this.#answer(client.send('shell', 'kernel_info_request'));
    return true;
  }

  async #control(): Promise<void> {
    const id = this.#client.send('control', 'kernel_info_request');
    this.#found.controlInfo = await this.#answer(id, 'control');
    this.#found.heartbeat = await this.#client.heartbeat(HEARTBEAT_MS);
  }

  async #emptyCell(): Promise<void> {
    this.#found.emptyCell = await this.#cell(this.#client.execute(''));
  }

  async #commInfo(): Promise<void> {
    this.#found.commInfo = await this.#answer(this.#client.send('shell', 'comm_info_request'));
  }

  async #overlapping(): Promise<void> {
    const client = this.#client;
    const ids = [
      client.send('shell', 'complete_request', { code: 'x', cursor_pos: 1 }),
      client.send('shell', 'inspect_request', { code: 'x', cursor_pos: 0, detail_level: 0 }),
    ];
    const [complete, inspect] = await Promise.all(ids.map((id) => this.#answer(id, 'shell', CELL_MS)));
    this.#found.complete = complete ?? null;
    this.#found.inspect = inspect ?? null;
  }

  async #abort(): Promise<void> {
    const { error } = this.#cells;
    const client = this.#client;
    const ids = [client.execute(error), client.execute(''), client.execute('')];
    const [failed, ...queued] = await Promise.all(ids.map((id) => this.#cell(id)));
    this.#found.failed = failed ?? null;
    this.#found.queued = queued;
    const [first, ...others] = ids.map((id) => client.reply(id)?.message.content);
    this.#found.sameError =
      failed?.status === 'error' && others.some((content) => isSameError(first, content));
    this.#found.afterError = await this.#cell(client.execute(''));
  }

  async #allowed(): Promise<void> {
    const { error } = this.#cells;
    const ids = [this.#client.execute(error, { stopOnError: false }), this.#client.execute('')];
    const [, queued] = await Promise.all(ids.map((id) => this.#cell(id)));
    this.#found.queuedAfterAllowed = queued ?? null;
  }

  async #input(): Promise<void> {
    const { input } = this.#cells;
    if (input === null) {
      this.#unasked.push(`stdin: the probe knows no cell in ${this.#language} that asks for input`);
      return;
    }
    const client = this.#client;
    const id = client.execute(input);
    const asked = () => client.heard('stdin').length > 0;
    await this.#until(() => client.reply(id) !== undefined || asked(), ANSWER_MS);
    // A kernel that asks all the same gets an answer, so that it goes on.
    if (asked()) client.send('stdin', 'input_reply', { value: '' });
    this.#found.input = await this.#cell(id, ANSWER_MS);
    this.#found.inputAsked = asked();
    if (client.reply(id) === undefined) await this.#sendInterrupt();
  }

  async #unknownType(): Promise<void> {
    const client = this.#client;
    this.#found.unknownType = await this.#answer(client.send('shell', 'soak_unknown_request'), 'shell', 600);
    const id = client.send('shell', 'kernel_info_request');
    this.#found.answersAfterUnknown = await this.#until(() => client.reply(id) !== undefined, ANSWER_MS);
  }

  async #interrupt(): Promise<void> {
    const { sleep } = this.#cells;
    if (sleep === null) {
      this.#unasked.push(`an interrupt: the probe knows no slow cell in ${this.#language}`);
      return;
    }
    const client = this.#client;
    const id = client.execute(sleep);
    const isOver = () => client.reply(id) !== undefined;
    await this.#until(() => client.status(id, 'busy') !== undefined, ANSWER_MS);
    await this.#until(isOver, INTERRUPT_AFTER_MS);
    if (isOver()) {
      this.#unasked.push('an interrupt: the cell that takes eight seconds was over at once');
      return;
    }
    this.#found.heartbeatBusy = await client.heartbeat(HEARTBEAT_MS);
    const sentAtMs = monotonicMs();
    await this.#sendInterrupt();
    await this.#until(isOver, INTERRUPT_MS);
    this.#found.endedByInterrupt = !isOver() && this.#kernel.exit !== null;
    this.#found.interrupted = await this.#cell(id, OTHER_HALF_MS);
    const reply = client.reply(id);
    this.#found.interruptMs = reply === undefined ? null : Math.round(reply.atMs - sentAtMs);
  }

  /** As jupyter_client does it: a message on control, or SIGINT to the process group. */
  async #sendInterrupt(): Promise<void> {
    if (this.#found.interruptMode === 'message') {
      this.#client.send('control', 'interrupt_request');
      return;
    }
    try {
      const { pid } = this.#kernel;
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGINT');
    } catch (error) {
      // It has just ended, which the answers show.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async #shutDown(): Promise<void> {
    if (this.#kernel.exit !== null) {
      const { kernel, client } = await this.#another();
      this.#kernel = kernel;
      this.#client = client;
      const id = client.send('shell', 'kernel_info_request');
      if (!(await this.#until(() => client.reply(id) !== undefined, START_MS)) || kernel.exit !== null) {
        this.#unasked.push('shutdown: the kernel had ended, and another was not ready in time');
        return;
      }
    }
    const client = this.#client;
    const sentAtMs = monotonicMs();
    const id = client.send('control', 'shutdown_request', { restart: false });
    let timer: NodeJS.Timeout | undefined;
    const hasEnded = await Promise.race([
      this.#kernel.exited.then(() => true),
      new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), SHUTDOWN_MS);
      }),
    ]);
    clearTimeout(timer);
    this.#found.shutdownMs = hasEnded ? Math.round(monotonicMs() - sentAtMs) : null;
    this.#found.shutdownReply = client.reply(id, 'control') !== undefined;
    const published = client.heard('iopub', id).find(({ message }) => message.header.msg_type !== 'status');
    this.#found.shutdownPublished = published === undefined ? null : word(published.message.header.msg_type);
  }

  get #language(): string {
    const { language } = this.#found;
    return language === null ? 'its language' : `\`${language}\``;
  }

  get #cells() {
    return languageCells(this.#found.language);
  }

  async #answer(
    id: string,
    channel: 'shell' | 'control' = 'shell',
    timeoutMs: number = ANSWER_MS,
  ): Promise<Answer> {
    const client = this.#client;
    const reply = () => client.reply(id, channel);
    const idle = () => client.status(id, 'idle');
    await this.#until(() => reply() !== undefined || idle() !== undefined, timeoutMs);
    await this.#until(() => reply() !== undefined && idle() !== undefined, OTHER_HALF_MS);
    const sentAtMs = client.sentAtMs(id);
    const since = (heard: { atMs: number } | undefined) =>
      heard === undefined ? null : Math.round((heard.atMs - sentAtMs) * 10) / 10;
    return {
      replyType: word(reply()?.message.header.msg_type),
      status: word(reply()?.message.content['status']),
      replyMs: since(reply()),
      busy: client.status(id, 'busy') !== undefined,
      idleMs: since(idle()),
    };
  }

  async #cell(id: string, timeoutMs: number = CELL_MS): Promise<CellAnswer> {
    const answer = await this.#answer(id, 'shell', timeoutMs);
    const count = this.#client.reply(id)?.message.content['execution_count'];
    return {
      ...answer,
      executeInput: this.#client.published(id, 'execute_input'),
      executionCount: typeof count === 'number' ? count : null,
    };
  }
}

function isSameError(
  first: Readonly<Record<string, unknown>> | undefined,
  other: Readonly<Record<string, unknown>> | undefined,
): boolean {
  if (first === undefined || other?.['status'] !== 'error') return false;
  const traceback = other['traceback'];
  if (!Array.isArray(traceback) || traceback.length === 0) return false;
  return ['ename', 'evalue', 'traceback'].every(
    (field) => JSON.stringify(first[field]) === JSON.stringify(other[field]),
  );
}

/** A kernel's word, bounded, fit to be published and to stand between backticks; `null` if it is not text. */
function word(value: unknown): string | null {
  return typeof value === 'string' && value !== ''
    ? publicText(value.slice(0, MAX_WORD_CHARACTERS)).replaceAll('`', "'")
    : null;
}

function emptyResult(kernel: string, interruptMode: 'signal' | 'message'): ProbeResult {
  return {
    schema: 1,
    kernel,
    implementation: null,
    implementationVersion: null,
    language: null,
    languageVersion: null,
    notReady: null,
    startMs: null,
    starting: false,
    welcome: false,
    protocolStated: null,
    protocolHeaders: null,
    shellInfo: null,
    controlInfo: null,
    heartbeat: null,
    heartbeatBusy: null,
    emptyCell: null,
    commInfo: null,
    complete: null,
    inspect: null,
    unknownType: null,
    answersAfterUnknown: null,
    failed: null,
    queued: null,
    sameError: null,
    afterError: null,
    queuedAfterAllowed: null,
    input: null,
    inputAsked: null,
    interruptMode,
    interrupted: null,
    interruptMs: null,
    endedByInterrupt: null,
    shutdownReply: null,
    shutdownPublished: null,
    shutdownMs: null,
    shutdownWaitMs: SHUTDOWN_MS,
    deviations: {},
    unasked: [],
    tookMs: 0,
  };
}
