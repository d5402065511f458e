import { z } from 'zod';

/** When an interrupt is due: uniform between two times, counted from one of two moments. */
export interface InterruptMoment {
  /** `sent`: the cell's request was sent and is next in turn. `busy`: the kernel said that it began it. */
  readonly from: 'sent' | 'busy';
  readonly lowMs: number;
  readonly highMs: number;
}

/** The default: the time in which a small cell begins and ends. */
export const DEFAULT_INTERRUPT_AFTER = '0-10ms';
/** The longest that is taken, milliseconds. */
export const MAX_INTERRUPT_AFTER_MS = 600_000;

const TIME = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(ms|s)$/;

/**
 * Read `0-10ms`, `5ms`, `busy`, `busy+500ms` or `busy+0-2s`. In a range the unit is that of both ends.
 *
 * @returns `null` for any other text, and for times that descend or are longer than `MAX_INTERRUPT_AFTER_MS`
 */
export function interruptMoment(text: string): InterruptMoment | null {
  if (text === 'busy') return { from: 'busy', lowMs: 0, highMs: 0 };
  const from = text.startsWith('busy+') ? 'busy' : 'sent';
  const [, low, high = low, unit] = TIME.exec(from === 'busy' ? text.slice('busy+'.length) : text) ?? [];
  const [lowMs, highMs] = [low, high].map((amount) => Number(amount) * (unit === 's' ? 1000 : 1));
  if (lowMs === undefined || highMs === undefined) return null;
  return lowMs <= highMs && highMs <= MAX_INTERRUPT_AFTER_MS ? { from, lowMs, highMs } : null;
}

/** How an interrupt reaches the kernel: a signal, a message on the control channel, or a request to the server. */
export const INTERRUPT_WAYS = ['signal', 'message', 'rest'] as const;
export type InterruptWay = (typeof INTERRUPT_WAYS)[number];

/** What became of an interrupt by the end of its run. */
export const INTERRUPT_RESULTS = [
  /** The cell was answered with the error of an interrupt, or as not executed. */
  'interrupted',
  /** The cell was answered as if there had been no interrupt. That is no fault: the cell may have been over. */
  'ignored',
  /** The cell was answered with another error. Whether the interrupt brought it cannot be told. */
  'raised',
  /** The cell was answered as if there had been none, and the next cell with the error of an interrupt. */
  'passed-on',
  /** The cell has no reply. How the run ended says whether the reply is late or lost. */
  'unanswered',
] as const;
export type InterruptResult = (typeof INTERRUPT_RESULTS)[number];

export const sentInterruptSchema = z.object({
  /** 0-based position, among the executed cells, of the cell that the kernel owed a reply to. */
  cell: z.number().int().nonnegative(),
  /** From the cell's request to the interrupt, milliseconds. */
  afterMs: z.number().nonnegative(),
  /** From the busy status of the cell to the interrupt, milliseconds; `null`: none had come by then. */
  afterBusyMs: z.number().nonnegative().nullable(),
  result: z.enum(INTERRUPT_RESULTS),
  /** From the interrupt to the cell's reply, milliseconds; `null`: there was none. */
  answeredMs: z.number().nonnegative().nullable(),
});
export type SentInterrupt = z.infer<typeof sentInterruptSchema>;

/** The interrupts of a run. */
export const interruptsSchema = z.object({
  by: z.enum(INTERRUPT_WAYS),
  /** In the order sent. */
  sent: z.array(sentInterruptSchema),
  /** Cells that were over when their interrupt was due, so that none was sent. Absent: none. */
  spared: z.number().int().positive().optional(),
  /** Interrupts by message or request that were not confirmed in time. Absent: none. */
  unconfirmed: z.number().int().positive().optional(),
});
export type Interrupts = z.infer<typeof interruptsSchema>;

/**
 * Whether an interrupt bears on what a run waited for: one was sent during the cell at which it ended, or during the cell
 * before. Such a request is the interrupted one or the next one.
 *
 * @param cell where the run ended, as an outcome has it
 */
export function followsInterrupt(interrupts: Interrupts | undefined, cell: number | null): boolean {
  if (interrupts === undefined || cell === null) return false;
  return interrupts.sent.some((sent) => sent.cell === cell || sent.cell + 1 === cell);
}

/** The interrupt that `followsInterrupt` means: of the same cell, else of the one before. */
export function interruptBefore(sent: readonly SentInterrupt[], cell: number | null): SentInterrupt | null {
  if (cell === null) return null;
  const last = (at: number) => sent.findLast((each) => each.cell === at);
  return last(cell) ?? last(cell - 1) ?? null;
}
