import {
  type Block,
  code,
  enumeration,
  type Line,
  line,
  list,
  paragraph,
  phrase,
  type ReportDocument,
  strong,
  table,
  text,
} from '../report/document.ts';
import { capital, eventWords } from '../report/endpoint-words.ts';
import { duration, percent, percentInterval } from '../report/format-number.ts';
import { kindCounts, num, shortHash } from '../report/words.ts';
import { type Diagnosis, diagnosisOf, type Fault, type WayJournal, type WayResult } from './diagnosis.ts';
import type { Whose } from './findings.ts';
import { commandText, nextArguments } from './next-command.ts';
import type { DiagnosisRecord } from './record.ts';
import { answer } from './sentences.ts';

const WHOSE: Readonly<Record<Whose, string>> = {
  kernel: 'the kernel',
  client: 'the client',
  notebook: 'the notebook',
  unknown: 'cannot be told',
};

/** Labels of the three sentences. */
export const QUESTIONS = {
  whether: 'Does something go wrong?',
  what: 'What, and at whose fault?',
  toDo: 'What to do?',
} as const;

/** `diagnosis.md`. Pure: the same journals and record, the same bytes. */
export function diagnosisDocument(journals: readonly WayJournal[], record: DiagnosisRecord): ReportDocument {
  const diagnosis = diagnosisOf(journals);
  const { whether, what, toDo } = answer(diagnosis);
  const next = commandText(nextArguments(diagnosis, record.asked));
  return {
    title: line`What happens to ${code(diagnosis.notebook.name)}: ${code(diagnosis.kernel)}`,
    lead: [
      asked(QUESTIONS.whether, whether),
      asked(QUESTIONS.what, what),
      asked(QUESTIONS.toDo, toDo),
      { kind: 'verbatim', content: next, language: 'sh' },
      ...differing(diagnosis),
      waysTable(diagnosis),
      ...(diagnosis.faults.length === 0 ? [] : [faultsTable(diagnosis)]),
    ],
    sections: [
      { id: 'run', title: 'What was run', blocks: whatWasRun(diagnosis, record, journals) },
      { id: 'reading', title: 'How to read it', blocks: reading(diagnosis) },
    ],
  };
}

function asked(question: string, sentence: Line): Block {
  return { kind: 'callout', line: line`${strong(text(question))} ${sentence}` };
}

function wayWords({ name, kind }: Pick<WayResult, 'name' | 'kind'>): Line {
  return kind === 'direct' ? line`directly` : line`by ${code(name)}`;
}

function waysTable({ ways }: Diagnosis): Block {
  return table(
    'Runs by each way',
    'Way | >Runs | >Something went wrong | >95 % (Clopper–Pearson) | >Excluded above | Ended otherwise | >Planned',
    ways.map((way): Line[] => [
      wayWords(way),
      [num(String(way.runs))],
      [num(String(way.events))],
      [num(way.runs === 0 ? '' : percentInterval(way.interval))],
      [num(way.runs === 0 ? '' : percent(way.upper))],
      [
        text(
          [
            ...(Object.keys(way.otherwise).length === 0 ? [] : [kindCounts(way.otherwise)]),
            ...(way.unobserved === 0 ? [] : [`${way.unobserved} not observed`]),
          ].join(', '),
        ),
      ],
      [num(String(way.planned))],
    ]),
  );
}

function faultsTable({ faults, ways }: Diagnosis): Block {
  return table(
    'What went wrong, and at whose fault',
    [
      'Event',
      'At fault',
      ...ways.map((way) => `>${way.kind === 'direct' ? 'Directly' : way.name}`),
      'Example',
    ],
    faults.map((fault): Line[] => [
      [text(capital(eventWords({ endpoint: fault.event }).noun))],
      [text(WHOSE[fault.whose])],
      ...ways.map((way): Line => [num(countOf(fault, way))]),
      [code(`${fault.example.way}/${fault.example.run.run}`)],
    ]),
  );
}

function countOf({ counts }: Fault, way: WayResult): string {
  const count = counts.find((each) => each.way === way.name)?.count ?? 0;
  return `${count}/${way.runs}`;
}

/** That runs by the two ways show different outputs in most runs: a loss in most runs is taken for what is expected. */
function differing({ otherReferences: cells }: Diagnosis): Block[] {
  if (cells.length === 0) return [];
  const named = enumeration(cells.slice(0, 5).map(({ cell }) => line`${num(String(cell))}`));
  return [
    paragraph(
      line`${strong(text('The ways differ in what they show'))}: most runs by one way show something else than most by the other at cell ${named} (counting from 0). A loss in most runs by a way is not counted. Compare with ${code('--expect saved')}, or with an executed notebook.`,
    ),
  ];
}

function whatWasRun(
  { kernel, python, client, notebook, arm, ways, timeoutMs }: Diagnosis,
  { why }: DiagnosisRecord,
  journals: readonly WayJournal[],
): Block[] {
  const packages =
    client.length === 0
      ? line`No client executed it: ${text('only ipykernel can be started by one here.')}`
      : line`The client's packages: ${enumeration(client.map((each) => line`${code(each)}`))}.`;
  return [
    list([
      line`${code(notebook.name)}, ${num(String(notebook.cells))} code cells, on ${code(kernel)} and ${code(python)}, arm ${code(arm)}: ${phrase(why)}.`,
      packages,
      line`Deadline of a cell ${num(duration(timeoutMs))}. The ways took turns, run by run, and each run had a fresh kernel. No run was retried.`,
      ...ways.map((way, index): Line => {
        const { protocolSha256, protocol } = (journals[index] as WayJournal).journal.experiment;
        const { seed } = protocol;
        return line`${code(way.name)}: a run took ${num(duration(way.medianMs))} at the median; seed ${num(String(seed))}, protocol ${shortHash(protocolSha256)}. Its evidence is in the folder of that name.`;
      }),
    ]),
  ];
}

function reading({ ways, timeoutMs }: Diagnosis): Block[] {
  return [
    paragraph(
      line`Something went wrong in a run if the kernel wedged, hung, died, did not start or lost an answer, if the client stalled, if a cell raised that is not marked ${code('raises-exception')}, or if a cell showed less, twice or elsewhere what most runs by the same way show. An event is placed by what was recorded of its run, and where the record does not say, it cannot be told. The evidence of each way leaves out what is the notebook's own, such as an error of a cell: its endpoint is ${code('any')}.`,
    ),
    paragraph(
      line`A run whose cell was still at work after ${num(duration(timeoutMs))} does not count: it does not show what would have come. An interval holds for each way by itself. That the ways differ is no comparison of them.`,
    ),
    ...(ways.length === 1
      ? [
          paragraph(
            line`No client executed the notebook, so nothing is known about the client. A client can be tried with ipykernel only.`,
          ),
        ]
      : []),
  ];
}
