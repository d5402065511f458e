import { markdownTable } from 'markdown-table';
import {
  AA_CHANCE,
  CHANCES,
  coverage,
  isCountedRight,
  isCovered,
  LEAST_COVERED,
  LEAST_SHARE,
  type MadeRepeat,
  MOST_DECIDED,
  RUNS,
  SEEDS,
} from './control-results.ts';
import { FAULT_ROWS, type FaultRow } from './fault-rows.ts';

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

/**
 * reports/endpoints/README.md: what the positive controls showed so far.
 *
 * @param overloaded repeats that were made on a machine with too much else to do, and made again
 */
export function controlMarkdown(made: readonly MadeRepeat[], overloaded: readonly MadeRepeat[]): string {
  const plain = made.filter(({ competingChance }) => competingChance === 0);
  const competing = made.filter(({ competingChance }) => competingChance > 0);
  const rows = FAULT_ROWS.filter((row) => made.some((repeat) => repeat.row === row.name));
  const { covered, made: all, interval } = coverage(plain);
  const runs = sum(made.map((repeat) => repeat.runs * repeat.arms.length));
  const wrong = made.filter((repeat) => !isCountedRight(repeat, rowOf(repeat)));
  return `# Positive controls of the endpoints

The test kernel commits a fault with a probability that is known, since it was made. Each endpoint must count it. Each
kernel draws from a seed at its start and writes down what it drew, so that each count can be held against the truth.
A stall is the client's fault: for \`stalled\`, nbclient executes the notebook with a jupyter_client that was made for it,
which really stalls where its kernel drew so ([how](../../tools/endpoints/stalling-client/change.patch)).

- A repeat is an experiment of ${RUNS} runs. There are ${SEEDS} repeats (seeds 1 to ${SEEDS}) for each fault and each of the
  probabilities ${CHANCES.join(', ')}.
- The 95 % interval of Clopper and Pearson must cover the probability in at least ${LEAST_COVERED} of ${SEEDS} repeats each,
  and in at least ${LEAST_SHARE * 100} % of all repeats together.
- Two arms with the same probability (${AA_CHANCE}) may differ at α = 0.05 in at most ${MOST_DECIDED} of ${SEEDS} repeats.

${progress(plain)}

**Covered: ${covered} of ${all} repeats (${all === 0 ? '–' : percent(covered / all)}, 95 % interval ${percent(interval[0])} to ${percent(interval[1])}).**
In ${made.length - wrong.length} of ${made.length} repeats (${runs} runs) the events, the competing events and the runs left out
are exactly what the kernels had drawn.${certifiedText(made)}
${wrongText(wrong)}${overloadedText(overloaded)}
| endpoint | fault | ${CHANCES.map((chance) => `p = ${chance}: covered`).join(' | ')} | A/A: decided |
|---|---|${CHANCES.map(() => '---').join('|')}|---|
${rows.map((row) => coverageRow(row, plain)).join('\n')}

What the kernels draw follows from the seeds, and the seeds were set before the first repeat. So the covered repeats say how
the draws fell. That every count is what was drawn says that the endpoint counts right.

## Competing events

Here a run also suffers, with probability 0.3, a fault that keeps the endpoint from being observed. It must be counted as a
competing event and must not move the rate among the runs that were observed.

${competingTable(rows, competing)}

## Make it again

\`\`\`sh
npm run endpoint-controls -- --minutes 60
\`\`\`

It goes on where it stopped. Each repeat is a line of [repeats.jsonl](repeats.jsonl) as soon as it is made. A kernel's draws
follow from fault, probability, seed and arm, so that a repeat that is made again has the same draws. With
\`--minutes 0\` only this page is written again.
`;
}

function rowOf({ row }: MadeRepeat): FaultRow {
  const found = FAULT_ROWS.find(({ name }) => name === row);
  if (found === undefined) throw new Error(`The results name a row that is none: ${row}.`);
  return found;
}

function progress(plain: readonly MadeRepeat[]): string {
  const planned = FAULT_ROWS.length * CHANCES.length * SEEDS;
  return plain.length >= planned
    ? 'All repeats are made.'
    : `**Not complete: ${plain.length} of ${planned} repeats are made.** The numbers below are of those.`;
}

function certifiedText(made: readonly MadeRepeat[]): string {
  const arms = made.flatMap((repeat) => repeat.arms).filter(({ certified }) => certified !== undefined);
  if (arms.length === 0) return '';
  const stalls = sum(arms.map(({ events }) => events));
  const certified = sum(arms.map((arm) => arm.certified ?? 0));
  return `

Of ${stalls} stalls, ${certified} were certified: the reply was queued in the client's shell socket (POLLIN), whose
descriptor was registered and not readable, with a receive pending and the loop parked.`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function overloadedText(overloaded: readonly MadeRepeat[]): string {
  if (overloaded.length === 0) return '';
  const arms = overloaded.flatMap((repeat) => repeat.arms);
  const leftOut = sum(arms.map(({ invalid }) => invalid));
  const missed = overloaded.filter(({ row, arms: of }) => row === 'slow' && of.some(missesSlow));
  const stalled = overloaded.filter(({ row }) => row === 'stalled');
  return `
${overloaded.length} repeats were made again: a load of 20 to 45 on two processors had made the harness itself stand still. What they gave
first is in [overloaded.jsonl](overloaded.jsonl). Of ${leftOut} runs nothing could be said, and they were left out. In ${missed.length}
repeats of \`slow\`, cells were missed, because every stall of the harness was taken for time that it had added to the
cell. That is mended. In ${stalled.length} of \`stalled\`, one run ended otherwise than its kernel had drawn.
`;
}

/** Cells that were slow, and neither counted nor left out. */
function missesSlow({ events, invalid, drawn }: MadeRepeat['arms'][number]): boolean {
  return events + invalid < (drawn['late'] ?? 0);
}

function wrongText(wrong: readonly MadeRepeat[]): string {
  if (wrong.length === 0) return '';
  const items = wrong.map(
    (repeat) =>
      `- ${repeat.row}, p = ${repeat.chance}, seed ${repeat.seed}: ${repeat.arms
        .map(
          ({ events, competing, invalid, drawn }) =>
            `counted ${events} events, ${competing} competing, ${invalid} left out; drawn ${JSON.stringify(drawn)}`,
        )
        .join('; ')}`,
  );
  return `\nNot so in these:\n\n${items.join('\n')}\n`;
}

function coverageRow(row: FaultRow, plain: readonly MadeRepeat[]): string {
  const own = plain.filter((repeat) => repeat.row === row.name);
  const cells = CHANCES.map((chance) => {
    const of = own.filter((repeat) => repeat.chance === chance);
    return `${of.filter(isCovered).length} of ${of.length}`;
  });
  const pairs = own.filter(({ decided }) => decided !== null);
  const decided = `${pairs.filter((pair) => pair.decided).length} of ${pairs.length}`;
  return `| \`${row.rule.endpoint ?? 'wedged'}\` | ${faultWords(row)} | ${cells.join(' | ')} | ${decided} |`;
}

function faultWords({ faults }: FaultRow): string {
  return faults.map((fault) => `\`${fault}\``).join(', ');
}

function competingTable(rows: readonly FaultRow[], competing: readonly MadeRepeat[]): string {
  const lines = rows.flatMap((row) => {
    const own = competing.filter((repeat) => repeat.row === row.name);
    if (own.length === 0) return [];
    const right = own.filter((repeat) => isCountedRight(repeat, row)).length;
    return [
      [
        `\`${row.rule.endpoint ?? 'wedged'}\``,
        faultWords(row),
        `\`${row.competing}\``,
        `${right} of ${own.length}`,
        `${own.filter(isCovered).length} of ${own.length}`,
      ],
    ];
  });
  if (lines.length === 0) return 'No repeat is made yet.';
  const head = ['endpoint', 'fault', 'competing fault', 'counted as drawn', 'rate covered'];
  return markdownTable([head, ...lines]);
}
