import { isObserved, outcomeStatus } from '../model/outcome.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  phrase,
  type ReportDocument,
  text,
} from '../report/document.ts';
import { counted, duration, percent, percentInterval, significant } from '../report/format-number.ts';
import { num } from '../report/words.ts';
import { clopperPearson } from '../stats/intervals.ts';
import type { BisectJournal } from './journal.ts';
import type { BisectState } from './results.ts';
import { END_WORDS, labelOf, resultLine } from './words.ts';

function releaseTable({ bisect, skips }: BisectJournal, state: BisectState): Block {
  const { protocol } = bisect;
  const { brought, cured } = state.belief.posterior;
  const rows = protocol.releases.map((name, release): Line[] => {
    const tally = state.tallies[release] ?? { runs: 0, wedged: 0, invalid: 0 };
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
  return {
    kind: 'table',
    caption: 'What each release did, and how probable it is that the wedge came or went with it.',
    columns: [
      { title: 'Release', align: 'left' },
      { title: 'Called', align: 'left' },
      { title: 'Wedged', align: 'right' },
      { title: '95 % (Clopper–Pearson)', align: 'left' },
      { title: 'Brought it', align: 'right' },
      { title: 'Cured it', align: 'right' },
    ],
    rows,
  };
}

function batchTable(journal: BisectJournal): Block {
  const { protocol } = journal.bisect;
  const rows = journal.batches.map(({ plan, runs }): Line[] => [
    [num(String(plan.batch + 1))],
    [code(protocol.releases[plan.probe] ?? '')],
    [num(significant(plan.bits, 2))],
    plan.order.flatMap((release, position): Line => {
      const outcome = runs[position]?.outcome.kind ?? 'not run';
      const who = release === protocol.bad ? 'control' : 'probe';
      return line`${text(position === 0 ? '' : ', ')}${text(who)} ${text(outcome)}`;
    }),
  ]);
  return {
    kind: 'table',
    caption: 'Every batch, in the order in which it was run.',
    columns: [
      { title: 'Batch', align: 'right' },
      { title: 'Probe', align: 'left' },
      { title: 'Bits expected', align: 'right' },
      { title: 'Runs', align: 'left' },
    ],
    rows,
  };
}

/** The model, as every result states it. */
export function modelLines({ bisect }: Pick<BisectJournal, 'bisect'>): Line[] {
  const { model, bad, releases } = bisect.protocol;
  const cure = releases.length - 1 > bad;
  return [
    line`One release brought the wedge${text(cure ? ', and one after the bad one cured it' : '')}; the releases between have it. Beforehand each is as likely as the next, and the labels are claims like any other: that the good release has it already${text(cure ? ', or that the fixed one still has it,' : '')} is as likely as each release.`,
    line`A batch is one run of the bad release, the positive control, and one to four of one other, in an order drawn from the seed. The release and the number are those that teach most a run: the greatest expected information on the change point.`,
    line`Rates are unknown and integrated out. The control's wedge rate: uniform. That of another release that has the wedge: around the control's, Beta with the weight of ${num(counted(model.likeness, 'run'))}, so that a wedge that became rarer does not soon pass for one that was cured. Of one that has not: a false rate, Beta(1, ${num(String(model.falseRateBeta))}), one for all.`,
    line`A share of the batches, Beta(1, ${num(String(model.blindBeta))}), may be blind: nothing in them can wedge but falsely. So a clean run counts in so far as the control of its own batch wedges, and without a wedge of the control nothing is ever found.`,
    line`Beliefs change with complete batches only. Invalid runs are left out of them and listed. The probability is that of the whole claim, and it holds whenever one stops, if the model does.`,
  ];
}

/** `bisect.md`. */
export function bisectDocument(journal: BisectJournal, state: BisectState): ReportDocument {
  const { bisect, sessions, abandoned, skips, torn } = journal;
  const { protocol, environment } = bisect;
  const end = endOf(journal);
  const { posterior } = state.belief;
  const runs = journal.batches.flatMap((batch) => batch.runs);
  const invalid = runs.filter(({ outcome }) => !isObserved(outcomeStatus(outcome.kind, 'wedged')));
  const spentMs = runs.reduce((sum, { startMs, notebookMs }) => sum + (startMs ?? 0) + (notebookMs ?? 0), 0);
  const span = line`${code(protocol.releases[0] ?? '')} to ${code(protocol.releases.at(-1) ?? '')}`;
  return {
    title: line`Bisect of ${code(protocol.package)}, ${span}`,
    lead: [
      paragraph(resultLine(protocol, state, end)),
      paragraph(
        line`The control ${code(protocol.releases[protocol.bad] ?? '')} wedged in ${num(`${state.tallies[protocol.bad]?.wedged ?? 0} of ${counted(state.tallies[protocol.bad]?.runs ?? 0, 'valid run')}`)}, interleaved with the others. Rates estimated with the change points: control ${num(percent(posterior.controlRate))}, false wedges ${num(percent(posterior.falseRate))}, blind batches ${num(percent(posterior.blindShare))}.`,
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
            line`How many runs a release had depended on how runs went, so the intervals describe; the claim rests on the posterior.`,
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
              line`${num(counted(runs.length, 'run'))} in ${num(counted(journal.batches.length, 'batch', 'batches'))}, one at a time, a fresh kernel each, ${num(duration(spentMs))} of kernels; ended because ${text(end === null ? 'it was interrupted' : (END_WORDS[end] ?? end))}. Asked for: ${num(percent(protocol.confidence))}, at most ${num(counted(protocol.maxRuns, 'run'))}.`,
              line`${text(protocol.traffic)} traffic with latency ${code(protocol.latency.spec)} over ${num(counted(protocol.notebook.codeCells.length, 'cell'))} of ${code(protocol.notebook.name)} (SHA-256 ${code(protocol.notebook.sha256.slice(0, 16))}).`,
              line`Each release in a kernel environment of its own, made with the same lock for everything else: ${environmentsLine(journal)}. Every kernel reported the hashes of the files that it had loaded. Releases differ in more than one change: this names a release, not a commit of it.`,
              line`${code(environment.python)}, ${code(environment.platform)} ${code(environment.arch)}, ${num(counted(environment.cpus, 'CPU'))}; harness ${code(protocol.harness)}, Node ${code(environment.node)}; begun ${code(bisect.at)}.`,
              line`Protocol, frozen and hashed before run 1, SHA-256 ${code(bisect.protocolSha256)}. Journal as read here: SHA-256 ${code(journal.sha256)}. Everything here follows from it.`,
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
