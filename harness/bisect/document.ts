import { isObserved, runStatus } from '../model/run-status.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  phrase,
  type ReportDocument,
  table,
  text,
} from '../report/document.ts';
import { eventWords } from '../report/endpoint-words.ts';
import { counted, duration, percent, percentInterval, significant } from '../report/format-number.ts';
import { expectedLine } from '../report/sections/lost-output.ts';
import { num } from '../report/words.ts';
import { clopperPearson } from '../stats/intervals.ts';
import type { BisectJournal } from './journal.ts';
import type { BisectState } from './results.ts';
import { endWords, labelOf, resultLine, runWords } from './words.ts';

function releaseTable({ bisect, skips }: BisectJournal, state: BisectState): Block {
  const { protocol } = bisect;
  const words = eventWords(protocol);
  const { brought, cured } = state.belief.posterior;
  const rows = protocol.releases.map((name, release): Line[] => {
    const tally = state.tallies[release] ?? { runs: 0, wedged: 0, invalid: 0, endings: {} };
    const skip = skips.find((each) => each.release === release);
    const count = `${tally.wedged}/${tally.runs}${tally.invalid === 0 ? '' : ` + ${tally.invalid} invalid`}`;
    const interval = tally.runs === 0 ? '' : percentInterval(clopperPearson(tally));
    return [
      [code(name)],
      [text(labelOf(protocol, release))],
      skip === undefined ? [num(count)] : line`cannot be run`,
      [num(interval)],
      [num(release <= protocol.bad ? percent(brought[release] ?? null) : '')],
      [num(release > protocol.bad ? percent(cured[release - protocol.bad - 1] ?? null) : '')],
    ];
  });
  if (cured.length > 0) {
    rows.push([line`after the last`, [], [], [], [], [num(percent(cured.at(-1) ?? null))]]);
  }
  return table(
    `What each release did, and how probable it is that the ${words.fault} came or went with it.`,
    `Release | Called | >${words.column} | 95 % (Clopper–Pearson) | >Brought it | >Cured it`,
    rows,
  );
}

function batchTable(journal: BisectJournal): Block {
  const { protocol } = journal.bisect;
  const rows = journal.batches.map(({ plan, runs }): Line[] => [
    [num(String(plan.batch + 1))],
    [code(protocol.releases[plan.probe] ?? '')],
    [num(significant(plan.bits, 2))],
    plan.order.flatMap((release, position): Line => {
      const run = runs[position];
      const outcome = run === undefined ? 'not run' : runWords(run, protocol);
      const who = release === protocol.bad ? 'control' : 'probe';
      return line`${text(position === 0 ? '' : ', ')}${text(who)} ${text(outcome)}`;
    }),
  ]);
  return table(
    'Every batch, in the order in which it was run.',
    '>Batch | Probe | >Bits expected | Runs',
    rows,
  );
}

/** The model, as every result states it. */
function modelLines({ bisect }: Pick<BisectJournal, 'bisect'>): Line[] {
  const { protocol } = bisect;
  const { model, bad, releases } = protocol;
  const cure = releases.length - 1 > bad;
  const words = eventWords(protocol);
  const fault = text(words.fault);
  const nouns = text(words.nouns);
  return [
    ...(protocol.endpoint === undefined
      ? []
      : [
          line`The event is ${code(protocol.endpoint)}. ${text(words.definition)} A run that failed in another way says nothing about it and is left out.`,
        ]),
    ...(protocol.expected === undefined ? [] : [expectedLine(protocol.expected)]),
    line`One release brought the ${fault}${text(cure ? ', and a release after the bad one cured it' : '')}. The releases in between have it. Beforehand, every release is equally likely. The labels are claims too: that the good release already has the ${fault}${text(cure ? ', or that the fixed one still has it,' : '')} is as likely as each release.`,
    line`A batch is one run of the bad release (the positive control) and one to four runs of one other release (the probe), in an order drawn from the seed. The bisect picks the release and the number of runs that are expected to tell most about the change point per run.`,
    line`The rates are unknown and are integrated out. The control's ${text(words.rate)} has a uniform prior. The rate of another release that has the ${fault} lies around the control's, with a Beta prior that weighs ${num(counted(model.likeness, 'run'))}: a ${fault} that became rarer is then not soon taken for a cured one. All releases without the ${fault} share one rate of false ${nouns}, with the prior Beta(1, ${num(String(model.falseRateBeta))}).`,
    line`Some batches may be blind: nothing in them can ${text(words.infinitive)}, except falsely. Their share has the prior Beta(1, ${num(String(model.blindBeta))}). So how much a clean run counts depends on whether the control of its batch ${text(words.past)}, and nothing is ever found unless a control ${text(words.present)}.`,
    line`Every run was executed by the harness, straight to the kernel. A client such as ${code('nbclient')} or a server has faults of its own, which no release of ${code(protocol.package)} cures: ${code('soak locate')} looks for them.`,
    line`Only complete batches count. Invalid runs are left out and listed. The probability is that of the whole claim. If the model holds, so does the probability, whenever one stops.`,
  ];
}

/** `bisect.md`, in the words of the bisect's endpoint. */
export function bisectDocument(journal: BisectJournal, state: BisectState): ReportDocument {
  const { bisect, sessions, abandoned, skips, torn } = journal;
  const { protocol, environment } = bisect;
  const words = eventWords(protocol);
  const end = endOf(journal);
  const { posterior } = state.belief;
  const runs = journal.batches.flatMap((batch) => batch.runs);
  const invalid = runs.filter((run) => !isObserved(runStatus(run, protocol)));
  const spentMs = runs.reduce((sum, { startMs, notebookMs }) => sum + (startMs ?? 0) + (notebookMs ?? 0), 0);
  const span = line`${code(protocol.releases[0] ?? '')} to ${code(protocol.releases.at(-1) ?? '')}`;
  return {
    title: line`Bisect of ${code(protocol.package)}, ${span}`,
    lead: [
      paragraph(resultLine(protocol, state, end)),
      paragraph(
        line`The control ${code(protocol.releases[protocol.bad] ?? '')} ${text(words.past)} in ${num(`${state.tallies[protocol.bad]?.wedged ?? 0} of ${counted(state.tallies[protocol.bad]?.runs ?? 0, 'valid run')}`)}, interleaved with the others. The rates, estimated together with the change points: control ${num(percent(posterior.controlRate))}, false ${text(words.nouns)} ${num(percent(posterior.falseRate))}, blind batches ${num(percent(posterior.blindShare))}.`,
      ),
      { kind: 'figure', name: 'posterior' },
    ],
    sections: [
      {
        id: 'releases',
        title: 'Releases',
        blocks: [
          releaseTable(journal, state),
          paragraph(
            line`How many runs a release had depended on how runs went. So the intervals only describe, and the claim rests on the posterior.`,
          ),
        ],
      },
      { id: 'model', title: 'The model', blocks: [{ kind: 'list', items: modelLines(journal) }] },
      { id: 'batches', title: 'Batches', blocks: [batchTable(journal)] },
      ...(invalid.length + skips.length === 0
        ? []
        : [
            {
              id: 'excluded',
              title: 'Excluded',
              blocks: [
                {
                  kind: 'list' as const,
                  items: [
                    ...skips.map(
                      ({ release, reason }) =>
                        line`${code(protocol.releases[release] ?? '')} cannot be run: ${phrase(reason)}`,
                    ),
                    ...invalid.map(
                      ({ run, outcome }) =>
                        line`${code(run)}: ${text(outcome.kind)}, ${phrase(outcome.reason)}`,
                    ),
                  ],
                },
              ],
            },
          ]),
      {
        id: 'record',
        title: 'How it was done',
        blocks: [
          {
            kind: 'list',
            items: [
              line`${num(counted(runs.length, 'run'))} in ${num(counted(journal.batches.length, 'batch', 'batches'))}, one at a time, each with a fresh kernel, ${num(duration(spentMs))} in all. The bisect ended because ${text(end === null ? 'it was interrupted' : (endWords(end, protocol) ?? end))}. It was asked for ${num(percent(protocol.confidence))} and at most ${num(counted(protocol.maxRuns, 'run'))}.`,
              line`${text(protocol.traffic)} traffic with latency ${code(protocol.latency.spec)} over ${num(counted(protocol.notebook.codeCells.length, 'cell'))} of ${code(protocol.notebook.name)} (SHA-256 ${code(protocol.notebook.sha256.slice(0, 16))}).`,
              line`Each release had its own kernel environment, with the same lock for everything else: ${environmentsLine(journal)}. Every kernel reported the hashes of the files that it had loaded. Releases differ in more than one change: the result names a release, not one of its commits.`,
              line`${code(environment.python)}, ${code(environment.platform)} ${code(environment.arch)}, ${num(counted(environment.cpus, 'CPU'))}; harness ${code(protocol.harness)}, Node ${code(environment.node)}; begun ${code(bisect.at)}.`,
              line`Protocol, frozen and hashed before run 1, SHA-256 ${code(bisect.protocolSha256)}. Journal as read here: SHA-256 ${code(journal.sha256)}. Everything here follows from the journal.`,
              line`${num(counted(Math.max(0, sessions.filter(({ event }) => event === 'resumed').length), 'resumption'))}, ${num(counted(abandoned.length, 'run'))} begun and never recorded${text(torn ? '; a last line was cut short and set aside' : '')}.`,
            ],
          },
          { kind: 'verbatim', language: 'sh', content: bisect.command },
        ],
      },
    ],
  };
}

/** Packages that differ between the releases that were run, besides the one that is bisected. */
function environmentsLine({ bisect, releases }: BisectJournal): Line {
  const all = [bisect.environment, ...releases.map(({ environment }) => environment)];
  const names = new Set(all.flatMap(({ packages }) => Object.keys(packages)));
  const others = [...names]
    .filter((name) => name !== bisect.protocol.package)
    .filter((name) => new Set(all.map(({ packages }) => packages[name] ?? 'absent')).size > 1)
    .sort();
  if (others.length === 0) return line`no other package differs between the environments`;
  return line`besides it, ${text(others.length === 1 ? 'one package differs' : 'these packages differ')} between the environments: ${others.flatMap((name, index): Line => [...(index === 0 ? [] : [text(', ')]), code(`${name} ${[...new Set(all.map(({ packages }) => packages[name] ?? 'absent'))].join(' / ')}`)])}`;
}

/** Why the last session ended; `null` when it was interrupted or still goes on. */
export function endOf({ sessions }: Pick<BisectJournal, 'sessions'>): string | null {
  const last = sessions.at(-1);
  return last?.event === 'finished' ? last.reason : null;
}
