import type { EndpointRule } from '../model/endpoint.ts';
import { shellWord } from '../model/shell-word.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  strong,
  type Table,
  table,
  text,
} from '../report/document.ts';
import { eventWords } from '../report/endpoint-words.ts';
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
import { expectedLine } from '../report/sections/lost-output.ts';
import { num } from '../report/words.ts';
import { doseContrast, dosePlan } from './dose-response.ts';
import type { TuningRecord } from './record.ts';
import type { CandidateResult, TuningResults, VerdictCost } from './results.ts';
import { expectFlags, moreEventsWords } from './words.ts';

/** Every candidate that had a run, best first. */
export function settingsTable(rule: EndpointRule, results: TuningResults): Table {
  const tried = results.ranked.filter(({ tally }) => tally.runs + tally.invalid > 0);
  return table(
    'Every setting that had a run, the one that is expected to decide soonest first.',
    `Traffic | Latency | >Cells | >${eventWords(rule).column} | Rate (95 %) | >Replies | Per 1000 replies (95 %) | >Run | >Verdict within`,
    tried.map(({ candidate, tally, ...result }): Line[] => [
      [text(candidate.traffic)],
      [code(candidate.latency.spec)],
      [num(String(candidate.cells))],
      [num(`${tally.wedged}/${tally.runs}${tally.invalid === 0 ? '' : ` + ${tally.invalid} invalid`}`)],
      [num(tally.runs === 0 ? 'n/a' : `${percent(result.rate)} (${percentInterval(result.rate95)})`)],
      [num(String(tally.replies))],
      [num(`${perThousand(result.hazard)} (${perThousandInterval(result.hazard95)})`)],
      [num(duration(result.secondsPerRun === null ? null : result.secondsPerRun * 1000))],
      [num(result.cost === null ? '' : secondsWords(result.cost))],
    ]),
  );
}

function secondsWords({ p90Seconds }: VerdictCost): string {
  return p90Seconds === null ? 'too rare' : duration(p90Seconds * 1000);
}

/** The flags of `soak run` that ask what the tuning asked, each after a space; empty for the default endpoint. */
export function endpointFlags({
  endpoint,
  slowAfterMs,
  memoryAboveBytes,
  expected,
}: Pick<TuningRecord, 'endpoint' | 'slowAfterMs' | 'memoryAboveBytes' | 'expected'>): string {
  if (endpoint === undefined) return '';
  const expect = expected === undefined ? '' : ` ${expectFlags(expected)}`;
  const slow = slowAfterMs === undefined ? '' : ` --slow-after ${slowAfterMs}ms`;
  const memory = memoryAboveBytes === undefined ? '' : ` --memory-above ${memoryAboveBytes / 1000}KB`;
  return ` --endpoint ${endpoint}${slow}${memory}${expect}`;
}

/** The flags of `soak run` that a chosen setting stands for, and those of the endpoint. */
export function settingFlags(record: TuningRecord, { candidate }: CandidateResult): string {
  const notebook = record.notebooks[candidate.notebook];
  const whole = notebook === undefined || candidate.cells === notebook.codeCells.length;
  return [
    `--traffic ${candidate.traffic}`,
    `--latency ${shellWord(candidate.latency.spec)}`,
    `--notebook ${shellWord(notebook?.path ?? '')}`,
    ...(whole ? [] : [`--prefix ${candidate.cells}`]),
  ]
    .join(' ')
    .concat(endpointFlags(record));
}

function costLine(cost: VerdictCost, record: TuningRecord): Line {
  if (cost.p90Blocks === null) {
    return line`At a rate of ${num(percent(cost.rate))}, fewer than nine of ten experiments would decide within a thousand blocks.`;
  }
  return line`If control and sham ${text(eventWords(record).infinitive)} at a rate of ${num(percent(cost.rate))} and a treatment never does, the e-process at α = ${num(significant(record.alpha, 3))} decides within ${num(cost.medianBlocks === null ? 'n/a' : String(cost.medianBlocks))} blocks in half of the experiments and within ${num(String(cost.p90Blocks))} in nine of ten. These take about ${num(duration((cost.p90Seconds ?? 0) * 1000))}, one run at a time.`;
}

/** What was found, one sentence or two each. */
export function leadLines(record: TuningRecord, results: TuningResults): Line[] {
  const { chosen, confirmation, total } = results;
  const { past, nouns } = eventWords(record);
  const lines: Line[] = [];
  if (record.end === 'interrupted') {
    lines.push(line`${strong(text('Interrupted'))}: all that follows rests on the runs until then.`);
  }
  if (chosen === null) {
    lines.push(
      line`${strong(text(`Nothing ${past}`))} in ${num(counted(total.runs, 'valid run'))} of control. No setting makes this assay sensitive yet, so an experiment with these settings would end inconclusive. Give ${text(moreEventsWords(record))}.`,
    );
    return lines;
  }
  const { candidate, tally } = chosen;
  lines.push(
    line`${strong(text('Soonest verdict'))}: ${text(candidate.traffic)} traffic with latency ${code(candidate.latency.spec)} over ${num(counted(candidate.cells, 'cell'))} of ${code(record.notebooks[candidate.notebook]?.name ?? '')}. There, control ${text(past)} in ${num(`${tally.wedged} of ${counted(tally.runs, 'run')}`)} of the search.`,
  );
  if (confirmation !== null && confirmation.tally.runs > 0) {
    lines.push(
      line`${strong(text('Fresh runs'))} of that setting: control ${text(past)} in ${num(`${confirmation.tally.wedged} of ${confirmation.tally.runs}`)}, ${num(percent(confirmation.rate))} (95 % interval ${num(percentInterval(confirmation.rate95))}), with ${num(perThousand(confirmation.hazard))} ${text(nouns)} per 1000 replies (${num(perThousandInterval(confirmation.hazard95))}). Their number was fixed when the setting was chosen. The search picked the setting as the greatest of many, which raises its rate in the search but not in these runs.`,
    );
  }
  const cost = confirmation?.cost ?? chosen.cost;
  if (cost !== null) lines.push(costLine(cost, record));
  return lines;
}

function contrastBlocks(rule: EndpointRule, results: TuningResults): Block[] {
  const contrast = doseContrast(results);
  if (contrast === null) return [];
  const { traffic, without, withLatency, p } = contrast;
  const { noun, nouns } = eventWords(rule);
  const words = ({ wedges, replies }: typeof without) =>
    num(`${counted(wedges, noun, nouns)} in ${counted(replies, 'reply', 'replies')}`);
  return [
    paragraph(
      line`Under ${text(traffic)} traffic, there were ${words(without)} without latency, and ${words(withLatency)} with it. The exact conditional test (one-sided) that ${text(nouns)} are rarer without latency gives ${num(pValue(p))}. The search put its runs where ${text(nouns)} came, so this p only describes.`,
    ),
  ];
}

function loadWords({ runs }: TuningRecord): string {
  const loads = runs.map(({ load }) => load);
  const stalls = runs.map(({ loopStallMs }) => loopStallMs);
  if (runs.length === 0) return 'no run was recorded';
  return `load average ${significant(Math.min(...loads), 2)} to ${significant(Math.max(...loads), 2)} while it ran, longest stall of the harness ${duration(Math.max(...stalls))}`;
}

/** `tuning.md`, in the words of the tuning's endpoint. */
export function tuningDocument(record: TuningRecord, results: TuningResults): ReportDocument {
  const { environment, arm } = record;
  const words = eventWords(record);
  const plan = dosePlan(record, results);
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
            line`Or use ${code(`--tuned tuning.json${endpointFlags(record)}`)}. It takes the same settings from the record, and the protocol cites the record's hash.`,
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
                ...contrastBlocks(record, results),
                paragraph(
                  line`The intervals are Garwood's, cut at the frame. A latency has no effect if no message waits for it: under sequential traffic, each request is sent after the reply has come.`,
                ),
              ],
      },
      {
        id: 'settings',
        title: 'Every setting tried',
        blocks: [
          paragraph(
            line`These are the runs before the choice. How many runs a setting had depended on how they went. So the interval of its rate is a confidence sequence, which holds whenever one stops, and Garwood's interval of the hazard only describes. “Verdict within” is the time within which nine of ten experiments decide. It is computed with the lower quartile of the rate's posterior (Jeffreys), so that a setting with few runs does not win by luck.`,
          ),
          settingsTable(record, results),
        ],
      },
      {
        id: 'record',
        title: 'How it was done',
        blocks: [
          {
            kind: 'list',
            items: [
              ...(record.endpoint === undefined
                ? []
                : [
                    line`The event is ${code(record.endpoint)}. ${text(words.definition)} A run that failed in another way is left out of every rate.`,
                  ]),
              ...(record.expected === undefined ? [] : [expectedLine(record.expected)]),
              line`Arm: ${code(arm.name)}, role control, sources ${code(arm.treeSha256.slice(0, 16))}. No other arm was run, so the choice cannot favour a treatment.`,
              line`${num(counted(record.runs.length, 'run'))} in ${num(duration(results.total.seconds * 1000))} of a budget of ${num(counted(record.budgetMinutes, 'minute'))}, one at a time, each with a fresh kernel. First, each setting had one run. Then the search used Thompson sampling on ${text(words.nouns)} per second, but gave every other run to the least-tried latency of one of the two leading curves. Last came fresh runs of the chosen setting.`,
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
