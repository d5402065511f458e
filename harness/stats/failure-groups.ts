import { canonicalJson, sha256 } from '../model/canonical.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type CellPlace, type Fault, faultsOf } from './faults.ts';

/** Most groups that are told apart. */
export const MAX_GROUPS = 20;
/** Most cells that a group names. */
export const MAX_GROUP_CELLS = 10;

/** Runs of one arm with a fault, among its recorded runs but harness faults. */
export interface GroupCount {
  readonly arm: string;
  readonly runs: number;
  readonly valid: number;
}

/** The runs that show one and the same fault. */
export interface FailureGroup {
  /** First 12 hexadecimal digits of the SHA-256 of status and fault: the same in every experiment. */
  readonly fingerprint: string;
  /** What such a run counts as: the endpoint's event or a competing event. */
  readonly status: 'event' | 'competing';
  readonly fault: Fault;
  /** Of all arms. */
  readonly runs: number;
  /** Every arm of the protocol, in its order. */
  readonly arms: readonly GroupCount[];
  /** Cells at which such runs ended, in order, at most `MAX_GROUP_CELLS`. Empty where the fault names its cell. */
  readonly cells: readonly CellPlace[];
  /** How many further cells there are. */
  readonly furtherCells: number;
  /** The first of these runs in the schedule. */
  readonly example: string;
}

export interface FailureGroups {
  /** The largest first, at most `MAX_GROUPS`. */
  readonly groups: readonly FailureGroup[];
  /** The groups beyond those, together; `null`: there are none. */
  readonly rest: {
    readonly groups: number;
    readonly runs: number;
    readonly arms: readonly GroupCount[];
  } | null;
}

interface Gathered {
  readonly key: string;
  readonly status: FailureGroup['status'];
  readonly fault: Fault;
  readonly runs: RunRecord[];
}

/**
 * Events and competing events by fault. A run belongs to several groups if it lost several outputs, for example. All
 * recorded runs count, in whatever order they come. Harness faults belong to no group.
 */
export function failureGroups(protocol: Protocol, runs: readonly RunRecord[]): FailureGroups {
  const found = new Map<string, Gathered>();
  const valid = new Map<string, number>();
  for (const run of runs) {
    const { status, faults } = faultsOf(run, protocol);
    if (status !== 'invalid') valid.set(run.arm, (valid.get(run.arm) ?? 0) + 1);
    const counted = status === 'wedged' ? 'event' : 'competing';
    for (const [key, fault] of new Map(faults.map((each) => [canonicalJson([counted, each]), each]))) {
      const group = found.get(key) ?? { key, status: counted, fault, runs: [] };
      group.runs.push(run);
      found.set(key, group);
    }
  }
  const sorted = [...found.values()].sort(
    (a, b) => b.runs.length - a.runs.length || (a.key < b.key ? -1 : 1),
  );
  const counts = (some: readonly RunRecord[]) =>
    protocol.arms.map(({ name }) => ({
      arm: name,
      runs: some.filter(({ arm }) => arm === name).length,
      valid: valid.get(name) ?? 0,
    }));
  const others = sorted.slice(MAX_GROUPS);
  const otherRuns = [...new Set(others.flatMap((group) => group.runs))];
  return {
    groups: sorted.slice(0, MAX_GROUPS).map((group) => ({
      fingerprint: sha256(group.key).slice(0, 12),
      status: group.status,
      fault: group.fault,
      runs: group.runs.length,
      arms: counts(group.runs),
      ...cellsOf(group),
      example: firstOf(group.runs),
    })),
    rest:
      others.length === 0 ? null : { groups: others.length, runs: otherRuns.length, arms: counts(otherRuns) },
  };
}

/** Whether there is more to tell than that one event happened: several faults, or a competing event. */
export function areTelling({ groups }: FailureGroups): boolean {
  return groups.length > 1 || groups.some(({ status }) => status === 'competing');
}

function cellsOf({ fault, runs }: Gathered): Pick<FailureGroup, 'cells' | 'furtherCells'> {
  if ('at' in fault || fault.is === 'memory') return { cells: [], furtherCells: 0 };
  const cells = new Map<string, CellPlace>();
  for (const { notebook, outcome } of runs) {
    if (outcome.cell !== null) cells.set(`${notebook} ${outcome.cell}`, { notebook, cell: outcome.cell });
  }
  const sorted = [...cells.values()].sort((a, b) => a.notebook - b.notebook || a.cell - b.cell);
  return {
    cells: sorted.slice(0, MAX_GROUP_CELLS),
    furtherCells: Math.max(0, sorted.length - MAX_GROUP_CELLS),
  };
}

function firstOf(runs: readonly RunRecord[]): string {
  const [first] = [...runs].sort(
    (a, b) => a.block - b.block || a.position - b.position || (a.run < b.run ? -1 : 1),
  );
  return first?.run ?? '';
}
