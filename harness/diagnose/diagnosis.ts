import { type NotebookCell, otherReferences } from '../locate/localisation.ts';
import { endpointRule } from '../model/endpoint.ts';
import type { Journal, RunRecord, SessionRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import type { KindCounts } from '../stats/arm-summary.ts';
import type { Interval } from '../stats/counts.ts';
import { clopperPearson, upperBound } from '../stats/intervals.ts';
import { type AskedEndpoint, eventOrder, findingsOf, type WayKind, type Whose } from './findings.ts';

/** What was recorded by one way. */
export interface WayJournal {
  /** `direct`, or the client's name. It is the name of the folder too. */
  readonly name: string;
  readonly journal: Journal;
}

/** What came out by one way. */
export interface WayResult {
  readonly name: string;
  readonly kind: WayKind;
  /** Runs that completed or showed an event. */
  readonly runs: number;
  /** Runs among them in which something went wrong. */
  readonly events: number;
  /** Clopper–Pearson, 95 %. `null`: there is no run. */
  readonly interval: Interval | null;
  /** One-sided 95 %: a rate above it is excluded. `null`: there is no run. */
  readonly upper: number | null;
  /** Runs that ended otherwise, so that they do not show whether something would have gone wrong. */
  readonly otherwise: KindCounts;
  /** Runs that the harness could not observe. */
  readonly unobserved: number;
  readonly planned: number;
  /** Why no further run was begun, by the last session. */
  readonly end: SessionRecord['event'] | 'open';
  /** Milliseconds of the whole run at the median, the kernel's start included. `null`: there is no run. */
  readonly medianMs: number | null;
}

/** One thing that goes wrong, over all runs. */
export interface Fault {
  readonly event: AskedEndpoint;
  readonly whose: Whose;
  /** Runs with it, by way; only ways with one. */
  readonly counts: readonly { readonly way: string; readonly count: number; readonly runs: number }[];
  /** Runs with it, over all ways. */
  readonly total: number;
  /** Those of them whose certificate says that the request lies unread in the kernel's socket. */
  readonly certified: number;
  /** A run with it: its way and its name. */
  readonly example: { readonly way: string; readonly run: RunRecord };
  /** The cells at which it happened, 0-based among the executed ones, most frequent first. */
  readonly cells: readonly number[];
}

/** Every run ended in the same way at the same place: nothing comes and goes here. */
export interface SameEnding {
  readonly kind: OutcomeKind;
  readonly cell: number | null;
  readonly runs: number;
  readonly example: { readonly way: string; readonly run: RunRecord };
}

/** What happens to a notebook. */
export interface Diagnosis {
  readonly notebook: { readonly name: string; readonly cells: number };
  readonly arm: string;
  readonly ways: readonly WayResult[];
  readonly faults: readonly Fault[];
  readonly same: SameEnding | null;
  /** Version of ipykernel. `null`: the kernel is another, started as its kernelspec says. */
  readonly ipykernel: string | null;
  /** The kernel in words. */
  readonly kernel: string;
  readonly python: string;
  /** The client's packages and their versions; empty without one. */
  readonly client: readonly string[];
  readonly timeoutMs: number;
  /** Runs by the client that could have shown a stall: it never waited for a kernel that had wedged before. */
  readonly stallable: { readonly runs: number; readonly upper: number | null };
  /** Cells of which most runs by one way show something else than by the other. */
  readonly otherReferences: readonly NotebookCell[];
}

/** Endings that, at the same cell in every run, are no matter of chance. */
const DETERMINED: readonly OutcomeKind[] = [
  'cell-error',
  'start-failed',
  'died',
  'hung',
  'busy',
  'late',
  'aborted',
];

/** Runs of each way before all of them can be said to end in the same way. */
export const SAME_AFTER = 2;

/**
 * Whether every run so far ended in the same way: of the same kind, at the same cell, with the same exception.
 *
 * @param ways the runs by each way
 * @returns `null` as long as a way has fewer than `SAME_AFTER` runs, and where one run was different
 */
export function sameEnding(
  ways: readonly { readonly name: string; readonly runs: readonly RunRecord[] }[],
): SameEnding | null {
  const observed = ways.map(({ name, runs }) => ({
    way: name,
    runs: runs.filter(({ outcome }) => outcome.kind !== 'harness-fault'),
  }));
  if (observed.some(({ runs }) => runs.length < SAME_AFTER)) return null;
  const all = observed.flatMap(({ way, runs }) => runs.map((run) => ({ way, run })));
  const [example] = all;
  if (example === undefined) return null;
  const { kind, cell, error } = example.run.outcome;
  if (!DETERMINED.includes(kind)) return null;
  const isSame = all.every(
    ({ run: { outcome } }) =>
      outcome.kind === kind && outcome.cell === cell && outcome.error?.ename === error?.ename,
  );
  return isSame ? { kind, cell, runs: all.length, example } : null;
}

/** What the journals of all ways say. Pure. */
export function diagnosisOf(journals: readonly WayJournal[]): Diagnosis {
  const [first] = journals;
  if (first === undefined) throw new Error('A diagnosis needs at least one way.');
  const { experiment } = first.journal;
  const { protocol, environment } = experiment;
  const [arm] = protocol.arms;
  const clients = journals.filter((way) => kindOf(way) === 'client');
  const spec = arm?.kernelspec;
  const ipykernel = spec === undefined ? environment.ipykernel : null;
  const stallable = clients.flatMap(({ journal }) =>
    journal.runs.filter(
      ({ outcome, stalls }) =>
        outcome.kind === 'completed' || outcome.kind === 'stalled' || (stalls ?? []).length > 0,
    ),
  );
  const stalled = stallable.filter(
    ({ outcome, stalls }) => outcome.kind === 'stalled' || (stalls ?? []).length > 0,
  );
  return {
    notebook: {
      name: protocol.notebooks[0]?.name ?? '',
      cells: protocol.notebooks[0]?.codeCells.length ?? 0,
    },
    arm: arm?.name ?? '',
    ways: journals.map(wayResult),
    faults: faultsOf(journals),
    same: sameEnding(journals.map(({ name, journal }) => ({ name, runs: journal.runs }))),
    ipykernel,
    kernel:
      spec === undefined
        ? `ipykernel ${environment.ipykernel}`
        : `${spec.implementation ?? spec.name} ${spec.version ?? ''}`.trim(),
    python: environment.python,
    client: clients.flatMap(({ journal }) =>
      Object.entries(journal.experiment.protocol.client?.versions ?? {}).map(
        ([name, version]) => `${name} ${version}`,
      ),
    ),
    timeoutMs: protocol.timeoutMs,
    stallable: {
      runs: stallable.length,
      upper: stallable.length === 0 ? null : upperBound({ wedged: stalled.length, runs: stallable.length }),
    },
    otherReferences: journals.length > 1 ? otherReferences(journals) : [],
  };
}

/** Whether there is a run that says anything. */
export function wasObserved({ ways }: Diagnosis): boolean {
  return ways.some(({ runs, otherwise }) => runs > 0 || Object.keys(otherwise).length > 0);
}

export function kindOf({ journal }: WayJournal): WayKind {
  return journal.experiment.protocol.client === undefined ? 'direct' : 'client';
}

function wayResult(way: WayJournal): WayResult {
  const { runs, experiment, sessions } = way.journal;
  const { protocol } = experiment;
  const kind = kindOf(way);
  const rule = endpointRule(protocol);
  const wrong = runs.filter((run) => findingsOf(run, rule, kind).length > 0);
  const ended = runs.filter((run) => !wrong.includes(run));
  const completed = ended.filter(({ outcome }) => outcome.kind === 'completed').length;
  const unobserved = ended.filter(({ outcome }) => outcome.kind === 'harness-fault').length;
  const otherwise: Partial<Record<OutcomeKind, number>> = {};
  for (const { outcome } of ended) {
    if (outcome.kind === 'completed' || outcome.kind === 'harness-fault') continue;
    otherwise[outcome.kind] = (otherwise[outcome.kind] ?? 0) + 1;
  }
  const count = { wedged: wrong.length, runs: wrong.length + completed };
  const last = sessions.at(-1)?.event ?? 'open';
  return {
    name: way.name,
    kind,
    runs: count.runs,
    events: count.wedged,
    interval: count.runs === 0 ? null : clopperPearson(count),
    upper: count.runs === 0 ? null : upperBound(count),
    otherwise,
    unobserved,
    planned: protocol.blocks,
    end: last,
    medianMs: median(runs.map(({ startMs, notebookMs }) => (startMs ?? 0) + (notebookMs ?? 0))),
  };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

interface Seen {
  readonly way: string;
  readonly run: RunRecord;
  readonly event: AskedEndpoint;
  readonly whose: Whose;
}

/** The faults, the most frequent first; those of equal counts in the order in which they are told. */
function faultsOf(journals: readonly WayJournal[]): Fault[] {
  const seen = journals.flatMap((way): Seen[] => {
    const rule = endpointRule(way.journal.experiment.protocol);
    return way.journal.runs.flatMap((run) =>
      findingsOf(run, rule, kindOf(way)).map((finding) => ({ ...finding, way: way.name, run })),
    );
  });
  const runsOf = new Map(journals.map((way) => [way.name, wayResult(way).runs]));
  const groups = new Map<string, Seen[]>();
  for (const each of seen) {
    // One and the same loss is placed by the direct way, where nothing else is beside the kernel.
    const key = each.event === 'lost-output' ? each.event : `${each.event} ${each.whose}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()]
    .flatMap((group): Fault[] => {
      const [example] = group;
      if (example === undefined) return [];
      const ways = [...new Set(group.map(({ way }) => way))];
      return [
        {
          event: example.event,
          whose: group.find(({ whose }) => whose !== 'unknown')?.whose ?? 'unknown',
          counts: ways.map((way) => ({
            way,
            count: group.filter((each) => each.way === way).length,
            runs: runsOf.get(way) ?? 0,
          })),
          total: group.length,
          certified: group.filter(({ run }) => run.outcome.kind === 'wedged-stranded').length,
          example,
          cells: cellsOf(group),
        },
      ];
    })
    .sort((a, b) => b.total - a.total || eventOrder(a.event) - eventOrder(b.event));
}

function cellsOf(group: readonly Seen[]): number[] {
  const counts = new Map<number, number>();
  for (const { event, run } of group) {
    const lost = run.losses?.find(({ loss }) => loss !== 'differs')?.cell ?? null;
    const stalled = run.stalls?.[0]?.cell ?? run.outcome.cell;
    const cell = event === 'lost-output' ? lost : event === 'stalled' ? stalled : run.outcome.cell;
    if (cell !== null) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b).map(([cell]) => cell);
}
