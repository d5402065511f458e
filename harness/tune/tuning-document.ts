import { shellWord } from '../model/shell-word.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  strong,
  text,
} from '../report/document.ts';
import {
  counted,
  duration,
  percent,
  percentInterval,
  perThousand,
  perThousandInterval,
  pValue,
  significant,
} from '../report/format-number.ts';
import { num } from '../report/words.ts';
import { doseContrast, dosePlan } from './dose-response.ts';
import type { TuningRecord } from './record.ts';
import type { CandidateResult, TuningResults, VerdictCost } from './results.ts';

/** Rows in the terminal and the flags that a person copies; the whole table is in the file. */
export const TERMINAL_ROWS = 12;

export const COLUMNS = [
  { title: 'Traffic', align: 'left' },
  { title: 'Latency', align: 'left' },
  { title: 'Cells', align: 'right' },
  { title: 'Wedged', align: 'right' },
  { title: 'Rate (95 %)', align: 'left' },
  { title: 'Replies', align: 'right' },
  { title: 'Per 1000 replies (95 %)', align: 'left' },
  { title: 'Run', align: 'right' },
  { title: 'Verdict within', align: 'right' },
] as const;

/** A candidate's row as words, in the order of `COLUMNS`. Its latency is content; the rest is ours. */
export function rowWords({ candidate, tally, ...result }: CandidateResult): string[] {
  const invalid = tally.invalid === 0 ? '' : ` + ${tally.invalid} invalid`;
  return [
    candidate.traffic,
    candidate.latency.spec,
    String(candidate.cells),
    `${tally.wedged}/${tally.runs}${invalid}`,
    tally.runs === 0 ? 'n/a' : `${percent(result.rate)} (${percentInterval(result.rate95)})`,
    String(tally.replies),
    `${perThousand(result.hazard)} (${perThousandInterval(result.hazard95)})`,
    duration(result.secondsPerRun === null ? null : result.secondsPerRun * 1000),
    result.cost === null ? '' : secondsWords(result.cost),
  ];
}

function secondsWords({ p90Seconds }: VerdictCost): string {
  return p90Seconds === null ? 'too rare' : duration(p90Seconds * 1000);
}

/** Candidates that had a run, best first. */
export function triedResults(results: TuningResults): CandidateResult[] {
  return results.ranked.filter(({ tally }) => tally.runs + tally.invalid > 0);
}

/** The flags of `soak run` that a chosen setting stands for. */
export function settingFlags(record: TuningRecord, { candidate }: CandidateResult): string {
  const notebook = record.notebooks[candidate.notebook];
  const whole = notebook === undefined || candidate.cells === notebook.codeCells.length;
  return [
    `--traffic ${candidate.traffic}`,
    `--latency ${shellWord(candidate.latency.spec)}`,
    `--notebook ${shellWord(notebook?.path ?? '')}`,
    ...(whole ? [] : [`--prefix ${candidate.cells}`]),
  ].join(' ');
}

function costLine(cost: VerdictCost, alpha: number): Line {
  if (cost.p90Blocks === null) {
    return line`At a rate of ${num(percent(cost.rate))} fewer than nine of ten experiments would decide within a thousand blocks.`;
  }
  return line`At a rate of ${num(percent(cost.rate))} in control and sham, and a treatment that never wedges, the e-process at α = ${num(significant(alpha, 3))} decides after ${num(cost.medianBlocks === null ? 'n/a' : String(cost.medianBlocks))} blocks in the median and ${num(String(cost.p90Blocks))} in nine of ten: about ${num(duration((cost.p90Seconds ?? 0) * 1000))}, one run at a time.`;
}

/** What was found, one sentence or two each. */
export function leadLines(record: TuningRecord, results: TuningResults): Line[] {
  const { chosen, confirmation, total } = results;
  const lines: Line[] = [];
  if (record.end === 'interrupted') {
    lines.push(line`${strong(text('Interrupted'))}: what follows rests on the runs until then.`);
  }
  if (chosen === null) {
    lines.push(
      line`${strong(text('Nothing wedged'))} in ${num(counted(total.runs, 'valid run'))} of control: no setting makes this assay sensitive yet, and an experiment with these settings would end inconclusive. Give more minutes, a longer notebook, or other latencies.`,
    );
    return lines;
  }
  const { candidate, tally } = chosen;
  lines.push(
    line`${strong(text('Soonest verdict'))}: ${text(candidate.traffic)} traffic with latency ${code(candidate.latency.spec)} over ${num(counted(candidate.cells, 'cell'))} of ${code(record.notebooks[candidate.notebook]?.name ?? '')}, where control wedged in ${num(`${tally.wedged} of ${counted(tally.runs, 'run')}`)} of the search.`,
  );
  if (confirmation !== null && confirmation.tally.runs > 0) {
    lines.push(
      line`${strong(text('Fresh runs'))} of that setting, their number fixed after it was chosen: control wedged in ${num(`${confirmation.tally.wedged} of ${confirmation.tally.runs}`)}, ${num(percent(confirmation.rate))} (95 % ${num(percentInterval(confirmation.rate95))}), ${num(perThousand(confirmation.hazard))} wedges per 1000 replies (${num(perThousandInterval(confirmation.hazard95))}). Having been picked as the greatest of many does not raise this rate, as it does the one of the search.`,
    );
  }
  const cost = confirmation?.cost ?? chosen.cost;
  if (cost !== null) lines.push(costLine(cost, record.alpha));
  return lines;
}

function contrastBlocks(results: TuningResults): Block[] {
  const contrast = doseContrast(results);
  if (contrast === null) return [];
  const { traffic, without, withLatency, p } = contrast;
  const words = ({ wedges, replies }: typeof without) =>
    num(`${counted(wedges, 'wedge')} in ${counted(replies, 'reply', 'replies')}`);
  return [
    paragraph(
      line`Under ${text(traffic)} traffic: ${words(without)} without latency, ${words(withLatency)} with it; exact conditional test that it is rarer without, one-sided ${num(pValue(p))}. The search put its runs where wedges came, so this describes.`,
    ),
  ];
}

function loadWords({ runs }: TuningRecord): string {
  const loads = runs.map(({ load }) => load);
  const stalls = runs.map(({ loopStallMs }) => loopStallMs);
  if (runs.length === 0) return 'no run was recorded';
  return `load average ${significant(Math.min(...loads), 2)} to ${significant(Math.max(...loads), 2)} while it ran, longest stall of the harness ${duration(Math.max(...stalls))}`;
}

/** `tuning.md`. */
export function tuningDocument(record: TuningRecord, results: TuningResults): ReportDocument {
  const { environment, arm } = record;
  const tried = triedResults(results);
  const plan = dosePlan(record, results);
  const table: Block = {
    kind: 'table',
    caption: 'Every setting that had a run, the one that is expected to decide soonest first.',
    columns: COLUMNS,
    rows: tried.map((result) => rowWords(result).map((word, i) => (i === 1 ? [code(word)] : [num(word)]))),
  };
  const verbatim: Block[] =
    results.chosen === null
      ? []
      : [
          {
            kind: 'verbatim',
            language: 'sh',
            content: `npm run soak -- ${settingFlags(record, results.chosen)} --until-decided --alpha ${record.alpha}`,
          },
          paragraph(
            line`Or with ${code('--tuned tuning.json')}, which takes the same settings from the record and has the protocol cite its hash.`,
          ),
        ];
  return {
    title: line`Tuning of the assay on ipykernel ${code(environment.ipykernel)}, control only`,
    lead: [...leadLines(record, results).map(paragraph), ...verbatim],
    sections: [
      {
        id: 'dose-response',
        title: 'Hazard over latency',
        blocks:
          plan === null
            ? [paragraph(line`No run had a reply.`)]
            : [
                { kind: 'figure', name: plan.name },
                ...contrastBlocks(results),
                paragraph(
                  line`Intervals are Garwood's, cut at the frame. A latency that no message waits for has no effect: under sequential traffic a request is sent after the reply has come.`,
                ),
              ],
      },
      {
        id: 'settings',
        title: 'Every setting tried',
        blocks: [
          paragraph(
            line`Runs before the choice. How many runs a setting had depended on how they went, so the interval of its rate is a confidence sequence, which holds whenever one stops; Garwood's, of the hazard, describes. ${text('“Verdict within”')} is the time within which nine of ten experiments decide, reckoned with the lower quartile of the rate's posterior (Jeffreys), so that few runs do not win by luck.`,
          ),
          table,
        ],
      },
      {
        id: 'record',
        title: 'How it was done',
        blocks: [
          {
            kind: 'list',
            items: [
              line`Arm: ${code(arm.name)}, role control, sources ${code(arm.treeSha256.slice(0, 16))}. No other arm was run: the choice cannot favour a treatment.`,
              line`${num(counted(record.runs.length, 'run'))} in ${num(duration(results.total.seconds * 1000))} of a budget of ${num(counted(record.budgetMinutes, 'minute'))}, one at a time, a fresh kernel each: first each setting once, then Thompson sampling on wedges per second with every other run to the least-tried latency of one of the two leading curves, then fresh runs of the choice.`,
              line`${code(environment.python)}, libzmq ${code(environment.kernelLibzmq)} in the kernel, ${code(environment.platform)} ${code(environment.arch)}, ${num(counted(environment.cpus, 'CPU'))}; harness ${code(record.harness)}, Node ${code(environment.node)}; ${num(loadWords(record))}; begun ${code(record.at)}.`,
              line`Record: ${code('tuning.json')}, SHA-256 of its canonical contents ${code(record.sha256)}. Everything here follows from it.`,
            ],
          },
          { kind: 'verbatim', language: 'sh', content: record.command },
        ],
      },
    ],
  };
}
