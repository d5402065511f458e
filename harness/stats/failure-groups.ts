import { canonicalJson, sha256 } from '../model/canonical.ts';
import type { RunRecord } from '../model/journal.ts';
import type { Protocol } from '../model/protocol.ts';
import { type CellPlace, type Fault, faultsOf, wandering } from './faults.ts';

/** Most groups that are told apart. */
export const MAX_GROUPS = 20;
/** Most cells that a group names. */
export const MAX_GROUP_CELLS = 10;
/** A loss of output, or slowness, at more cells than these is one group: it wanders, and no cell is what it is. */
export const MAX_OWN_CELLS = 3;

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
  /**
   * Cells at which such runs ended, or where a fault that wanders struck, in order, at most `MAX_GROUP_CELLS`. Empty where
   * the fault names its cell.
   */
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
  readonly runs: readonly RunRecord[];
  /** Where a fault that wanders struck. */
  readonly struck: readonly CellPlace[];
}

/** Whether the group is that of the fault, which may be one that wanders. */
export function isOfGroup(fault: Fault, group: Pick<FailureGroup, 'fault'>): boolean {
  const key = canonicalJson(group.fault);
  const anywhere = wandering(fault);
  return key === canonicalJson(fault) || (anywhere !== null && key === canonicalJson(anywhere));
}

/**
 * Events and competing events by fault. A run belongs to several groups if it lost several outputs, for example. All
 * recorded runs count, in whatever order they come. Harness faults belong to no group.
 */
export function failureGroups(protocol: Protocol, runs: readonly RunRecord[]): FailureGroups {
  const found = new Map<string, Gathered & { readonly runs: RunRecord[] }>();
  const valid = new Map<string, number>();
  for (const run of runs) {
    const { status, faults } = faultsOf(run, protocol);
    if (status !== 'invalid') valid.set(run.arm, (valid.get(run.arm) ?? 0) + 1);
    const counted = status === 'wedged' ? 'event' : 'competing';
    for (const [key, fault] of new Map(faults.map((each) => [canonicalJson([counted, each]), each]))) {
      const group = found.get(key) ?? { key, status: counted, fault, runs: [], struck: [] };
      group.runs.push(run);
      found.set(key, group);
    }
  }
  const sorted = withoutPlaces([...found.values()]).sort(
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

/** The groups, with those as one that differ in nothing but one of many cells. */
function withoutPlaces(groups: readonly Gathered[]): Gathered[] {
  const byFault = new Map<string, Gathered[]>();
  for (const group of groups) {
    const anywhere = wandering(group.fault);
    const key = anywhere === null ? group.key : canonicalJson([group.status, anywhere]);
    byFault.set(key, [...(byFault.get(key) ?? []), group]);
  }
  return [...byFault].flatMap(([key, alike]) => {
    const [first] = alike;
    const fault = first === undefined ? null : wandering(first.fault);
    if (first === undefined || fault === null || alike.length <= MAX_OWN_CELLS) return alike;
    const struck = alike.flatMap((group) => ('at' in group.fault ? (group.fault.at ?? []) : []));
    return [
      { key, status: first.status, fault, runs: [...new Set(alike.flatMap(({ runs }) => runs))], struck },
    ];
  });
}

function cellsOf({ fault, runs, struck }: Gathered): Pick<FailureGroup, 'cells' | 'furtherCells'> {
  const places = 'at' in fault || fault.is === 'memory' ? struck : runs.flatMap(endPlace);
  const cells = new Map(places.map((place) => [`${place.notebook} ${place.cell}`, place]));
  const sorted = [...cells.values()].sort((a, b) => a.notebook - b.notebook || a.cell - b.cell);
  return {
    cells: sorted.slice(0, MAX_GROUP_CELLS),
    furtherCells: Math.max(0, sorted.length - MAX_GROUP_CELLS),
  };
}

function endPlace({ notebook, outcome: { cell } }: RunRecord): CellPlace[] {
  return cell === null ? [] : [{ notebook, cell }];
}

function firstOf(runs: readonly RunRecord[]): string {
  const [first] = [...runs].sort(
    (a, b) => a.block - b.block || a.position - b.position || (a.run < b.run ? -1 : 1),
  );
  return first?.run ?? '';
}
