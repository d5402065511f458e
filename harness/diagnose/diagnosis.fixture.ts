import type { Journal, RunRecord } from '../model/journal.ts';
import type { OutcomeKind } from '../model/outcome.ts';
import { syntheticJournal } from '../report/fixtures/synthetic-journal.ts';
import type { WayJournal } from './diagnosis.ts';
import type { Asked } from './next-command.ts';

/** How one run ended: a kind, a stall that ended, an exception, or a cell whose output is lost. */
export interface Ending {
  readonly kind: OutcomeKind;
  readonly cell?: number;
  readonly stalls?: number;
  readonly error?: { readonly ename: string; readonly evalue: string };
  readonly lostAt?: number;
  readonly source?: RunRecord['outcome']['source'];
}

export const COMPLETED: Ending = { kind: 'completed' };
export const WEDGED: Ending = { kind: 'wedged-stranded', cell: 5, source: 'kernel' };
export const STALLED: Ending = { kind: 'stalled', cell: 7, source: 'client' };

/** So many runs of the same ending. */
export function runsOf(count: number, ending: Ending): Ending[] {
  return Array.from({ length: count }, () => ending);
}

/** A way with one run for each ending. */
export function way(
  name: string,
  ipykernel: string,
  endings: readonly Ending[],
  planned?: number,
): WayJournal {
  const journal = syntheticJournal({
    arms: [{ name: 'control', role: 'control', hazard: 0 }],
    blocks: planned ?? endings.length,
    protocol: {
      endpoint: 'any',
      expected: { kind: 'reference', rulesSha256: 'a'.repeat(64) },
      ...(name === 'direct'
        ? {}
        : {
            client: {
              name: 'nbclient',
              cellTimeoutMs: null,
              versions: { nbclient: '0.10.2', 'jupyter-client': '8.6.3' },
            },
          }),
    },
  });
  const { environment } = journal.experiment;
  return {
    name,
    journal: {
      ...journal,
      experiment: { ...journal.experiment, environment: { ...environment, ipykernel } },
      runs: journal.runs.slice(0, endings.length).map((run, index) => ended(run, endings[index] as Ending)),
    } satisfies Journal,
  };
}

function ended(run: RunRecord, ending: Ending): RunRecord {
  const { kind, cell = null, stalls = 0, error = null, lostAt, source } = ending;
  return {
    ...run,
    losses:
      lostAt === undefined ? [] : ([{ cell: lostAt, loss: 'missing' }] as unknown as RunRecord['losses']),
    ...(stalls === 0
      ? {}
      : { stalls: Array.from({ length: stalls }, () => ({ cell: 7 })) as RunRecord['stalls'] }),
    outcome: {
      ...run.outcome,
      kind,
      cell,
      error,
      source: source ?? (kind === 'cell-error' ? 'notebook' : null),
    },
  } as RunRecord;
}

/** What a user asked for. */
export function asked(change: Partial<Asked> = {}): Asked {
  return {
    notebook: 'my.ipynb',
    folder: 'soak-reports/x',
    given: [],
    environment: [],
    arm: 'control',
    client: 'nbclient',
    runs: 10,
    maxMinutes: 5,
    timeoutSeconds: 60,
    isTimeoutGiven: false,
    ...change,
  };
}
