import { isSameEndpoint } from '../model/endpoint.ts';
import { type ProtocolDifference, protocolDifferences } from '../model/protocol-differences.ts';
import { twoArmSummary } from '../stats/comparison.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  strong,
  table,
  text,
} from './document.ts';
import { endpointName, eventWords, isAboutWedges } from './endpoint-words.ts';
import { percent, percentInterval, points, pointsInterval, probability } from './format-number.ts';
import { stillWords, troubleWords } from './remaining-trouble.ts';
import type { Report } from './report.ts';
import { num, ratio, shortHash, verdictP } from './words.ts';

/** An experiment with the name that it is shown under. */
export interface NamedReport {
  readonly name: string;
  readonly report: Report;
}

/** Two experiments side by side: their arms, and everything else in which they differ. */
export function comparisonDocument(first: NamedReport, second: NamedReport): ReportDocument {
  const differences = settingDifferences(first.report, second.report);
  return {
    title: line`Two experiments: ${code(first.name)} and ${code(second.name)}`,
    lead: [
      paragraph(
        line`The two experiments were not interleaved. A difference between them may come from an arm, from a setting listed below, or from the day. So no verdict follows from it.`,
      ),
      ...endpointBlocks(first, second),
      armsTable(first, second),
    ],
    sections: [
      { id: 'verdicts', title: 'Verdicts', blocks: [verdictTable(first, second)] },
      {
        id: 'settings',
        title: 'What else differs',
        blocks: [
          differences.length === 0
            ? paragraph(
                line`Nothing: the environment is the same, and so is the protocol except for its seed.`,
              )
            : settingsTable(first, second, differences),
        ],
      },
    ],
  };
}

/** Which event is counted, if it is no wedge or the two experiments differ in it. */
function endpointBlocks({ report: a }: NamedReport, { report: b }: NamedReport): Block[] {
  const [one, other] = [endpointName(a.protocol), endpointName(b.protocol)];
  if (!isSameEndpoint(a.protocol, b.protocol))
    return [
      paragraph(
        line`${strong(text('They count different events'))}: the first ${code(one)}, the second ${code(other)}. So their rates are not set against each other.`,
      ),
    ];
  return isAboutWedges(a.protocol) ? [] : [paragraph(line`Both count ${code(one)}.`)];
}

function armsTable(first: NamedReport, second: NamedReport): Block {
  const isAlike = isSameEndpoint(first.report.protocol, second.report.protocol);
  const names = union(
    first.report.analysis.arms.map(({ name }) => name),
    second.report.analysis.arms.map(({ name }) => name),
  );
  return table(
    'Arms of both experiments',
    'Arm | >First | >95 % interval | >Second | >95 % interval | >Second − first (95 %) | >Fisher, two-sided | >Boschloo, two-sided',
    names.map((name): Line[] => {
      const [a, b] = [first, second].map(({ report }) =>
        report.analysis.arms.find((arm) => arm.name === name),
      );
      const both =
        isAlike && a !== undefined && b !== undefined && a.runs > 0 && b.runs > 0
          ? twoArmSummary(a, b, null)
          : null;
      const rates = [first, second].flatMap(({ report }, index): Line[] => {
        const arm = [a, b][index];
        const trouble = arm === undefined ? '' : troubleWords(report, arm);
        if (arm === undefined || arm.runs === 0)
          return [line`${text(trouble === '' ? 'none' : trouble)}`, line``];
        return [
          line`${ratio(arm)} (${num(percent(arm.rate))})${text(trouble === '' ? '' : `; ${trouble}`)}`,
          [num(percentInterval(arm.clopperPearson95))],
        ];
      });
      return [
        [code(name)],
        ...rates,
        both === null
          ? line``
          : line`${num(points(both.difference))} (${num(pointsInterval(both.newcombeDifference95))})`,
        both === null ? line`` : [num(probability(both.fisherTwoSided))],
        both === null ? line`` : [num(probability(both.boschlooTwoSided))],
      ];
    }),
  );
}

function verdictTable(first: NamedReport, second: NamedReport): Block {
  const word = ({ report }: NamedReport, name: string): Line => {
    const verdict = report.analysis.verdicts.find(({ treatment }) => treatment === name);
    if (verdict === undefined) return line`none`;
    const still = verdict.word === 'fixes' ? stillWords(report, [name]) : [];
    const what =
      still.length === 0 ? line`` : line` the ${text(eventWords(report.protocol).noun)}, but ${still}`;
    return line`${text(verdict.word)}${what} (p ${num(probability(verdictP(verdict)))})`;
  };
  const names = union(
    first.report.analysis.verdicts.map(({ treatment }) => treatment),
    second.report.analysis.verdicts.map(({ treatment }) => treatment),
  );
  return table('Verdicts of both experiments', 'Treatment | First | Second', [
    ...names.map((name): Line[] => [[code(name)], word(first, name), word(second, name)]),
    [line`protocol`, [shortHash(first.report.protocolSha256)], [shortHash(second.report.protocolSha256)]],
  ]);
}

/** What differs in the protocols, except for the seed, and in the environments. */
function settingDifferences(first: Report, second: Report): ProtocolDifference[] {
  const [a, b] = [environmentFacts(first), environmentFacts(second)];
  return [
    ...protocolDifferences(first.protocol, second.protocol).filter(({ what }) => what !== 'seed'),
    ...union([...a.keys()], [...b.keys()]).flatMap((what) => {
      const [x, y] = [a.get(what) ?? 'none', b.get(what) ?? 'none'];
      return x === y ? [] : [{ what, first: x, second: y }];
    }),
  ];
}

function environmentFacts({ experiment }: Report): Map<string, string> {
  const { packages, ...machine } = experiment.environment;
  const entries = (prefix: string, values: object): [string, string][] =>
    Object.entries(values).map(([key, value]) => [`${prefix}${key}`, String(value)]);
  return new Map([
    ...entries('machine.', machine),
    ...entries('package ', packages),
    ...Object.entries(experiment.armEnvironments ?? {}).flatMap(([name, own]) =>
      entries(`arm ${name}: `, {
        python: own.python,
        libzmq: own.kernelLibzmq,
        ...Object.fromEntries(
          Object.entries(own.packages)
            .filter(([each, version]) => packages[each] !== version)
            .map(([each, version]) => [`package ${each}`, version]),
        ),
      }),
    ),
  ]);
}

function settingsTable(
  first: NamedReport,
  second: NamedReport,
  differences: readonly ProtocolDifference[],
): Block {
  return table(
    `Settings that differ between ${first.name} and ${second.name}`,
    'Setting | First | Second',
    differences.map(({ what, first: a, second: b }): Line[] => [[code(what)], [code(a)], [code(b)]]),
  );
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
