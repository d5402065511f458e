import type { EndpointRule } from '../../harness/model/endpoint.ts';
import type { FaultName } from '../testing/faulty-kernel.ts';

/** A fault of the test kernel, and the endpoint that must count it. */
export interface FaultRow {
  /** Names the row in the results; several faults may be events of one endpoint. */
  readonly name: string;
  readonly rule: EndpointRule;
  /** Each is drawn with its share of the row's probability. */
  readonly faults: readonly FaultName[];
  /** A fault that keeps this endpoint from being observed; `null`: there is none. */
  readonly competing: FaultName | null;
  /** Of faults with a delay, milliseconds. */
  readonly delayMs?: number;
  /** The cells sleep until the traffic interrupts them, which is what the faults are about. */
  readonly isInterrupted?: true;
  /** The fault is the client's: nbclient executes the notebook, and stalls where the test kernel asks for it. */
  readonly client?: 'stalling';
}

/** A cell that answers at once must not reach it, however busy the machine is. */
export const SLOW_AFTER_MS = 1_500;
const SLOW_CELL_MS = 2_000;

/** The test kernel holds some 30 MiB, and 256 MiB more when it leaks. */
const MEMORY_ABOVE_BYTES = 150 * 2 ** 20;

const OUTPUT_FAULTS = {
  dropped: 'drops-output',
  doubled: 'doubles-output',
  moved: 'moves-output',
  cut: 'cuts-output',
} as const;

export const FAULT_ROWS: readonly FaultRow[] = [
  { name: 'died', rule: { endpoint: 'died' }, faults: ['exits'], competing: 'cell-error' },
  {
    name: 'start-failed',
    rule: { endpoint: 'start-failed' },
    faults: ['dies-at-start'],
    // A kernel that became ready has answered this question.
    competing: null,
  },
  {
    name: 'cell-error',
    rule: { endpoint: 'cell-error' },
    faults: ['cell-error'],
    competing: 'exits',
  },
  { name: 'hung', rule: { endpoint: 'hung' }, faults: ['sleeps-for-ever'], competing: 'exits' },
  {
    name: 'lost reply',
    rule: { endpoint: 'lost-answer' },
    faults: ['idle-without-reply'],
    competing: 'exits',
  },
  {
    name: 'lost idle',
    rule: { endpoint: 'lost-answer' },
    faults: ['reply-without-idle'],
    competing: 'exits',
  },
  {
    name: 'stalled',
    rule: { endpoint: 'stalled' },
    faults: ['stalls-client'],
    competing: 'exits',
    client: 'stalling',
  },
  { name: 'wedged', rule: { endpoint: 'wedged' }, faults: ['strands'], competing: 'exits' },
  {
    name: 'slow',
    rule: { endpoint: 'slow', slowAfterMs: SLOW_AFTER_MS },
    faults: ['late'],
    delayMs: SLOW_CELL_MS,
    competing: 'exits',
  },
  ...(['dropped', 'doubled', 'moved', 'cut'] as const).map(
    (loss): FaultRow => ({
      name: `${loss} output`,
      rule: { endpoint: 'lost-output' },
      faults: [OUTPUT_FAULTS[loss]],
      competing: 'exits',
    }),
  ),
  {
    name: 'leak',
    rule: { endpoint: 'memory', memoryAboveBytes: MEMORY_ABOVE_BYTES },
    faults: ['leaks'],
    competing: 'exits',
  },
  {
    name: 'interrupt',
    rule: { endpoint: 'interrupt' },
    faults: ['loses-interrupted', 'delays-interrupted'],
    // Longer than the deadline, and shorter than the deadline and its grace.
    delayMs: 3_400,
    competing: 'exits',
    isInterrupted: true,
  },
  {
    name: 'any',
    rule: { endpoint: 'any' },
    faults: ['exits', 'dies-at-start', 'idle-without-reply'],
    // What a cell raises is the notebook's, and none of its.
    competing: 'cell-error',
  },
];

/** @throws Error for a name that is none */
export function faultRow(name: string): FaultRow {
  const row = FAULT_ROWS.find((each) => each.name === name);
  if (row === undefined) throw new Error(`There is no row ${name}.`);
  return row;
}
