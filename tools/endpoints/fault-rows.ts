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
  /** Its event is a wait for a deadline, so that many runs at once cost no processor time. */
  readonly waits: boolean;
}

/** A cell that answers at once must not reach it, however busy the machine is. */
export const SLOW_AFTER_MS = 1_500;
const SLOW_CELL_MS = 2_000;

export const FAULT_ROWS: readonly FaultRow[] = [
  { name: 'died', rule: { endpoint: 'died' }, faults: ['exits'], competing: 'cell-error', waits: false },
  {
    name: 'start-failed',
    rule: { endpoint: 'start-failed' },
    faults: ['dies-at-start'],
    // A kernel that became ready has answered this question.
    competing: null,
    waits: false,
  },
  {
    name: 'cell-error',
    rule: { endpoint: 'cell-error' },
    faults: ['cell-error'],
    competing: 'exits',
    waits: false,
  },
  { name: 'hung', rule: { endpoint: 'hung' }, faults: ['sleeps-for-ever'], competing: 'exits', waits: true },
  {
    name: 'lost reply',
    rule: { endpoint: 'lost-answer' },
    faults: ['idle-without-reply'],
    competing: 'exits',
    waits: true,
  },
  {
    name: 'lost idle',
    rule: { endpoint: 'lost-answer' },
    faults: ['reply-without-idle'],
    competing: 'exits',
    waits: true,
  },
  { name: 'wedged', rule: { endpoint: 'wedged' }, faults: ['strands'], competing: 'exits', waits: true },
  {
    name: 'slow',
    rule: { endpoint: 'slow', slowAfterMs: SLOW_AFTER_MS },
    faults: ['late'],
    delayMs: SLOW_CELL_MS,
    competing: 'exits',
    waits: true,
  },
  {
    name: 'any',
    rule: { endpoint: 'any' },
    faults: ['exits', 'dies-at-start', 'idle-without-reply'],
    // What a cell raises is the notebook's, and none of its.
    competing: 'cell-error',
    waits: true,
  },
];

/** @throws Error for a name that is none */
export function faultRow(name: string): FaultRow {
  const row = FAULT_ROWS.find((each) => each.name === name);
  if (row === undefined) throw new Error(`There is no row ${name}.`);
  return row;
}
