import { canonicalJson } from '../model/canonical.ts';
import { twoArmSummary } from '../stats/comparison.ts';
import {
  type Block,
  code,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  table,
  text,
} from './document.ts';
import { armEndings } from './ending-words.ts';
import { percent, percentInterval, points, pointsInterval, probability } from './format-number.ts';
import type { Report } from './report.ts';
import { num, ratio, shortHash } from './words.ts';

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

function armsTable(first: NamedReport, second: NamedReport): Block {
  const names = union(
    first.report.analysis.arms.map(({ name }) => name),
    second.report.analysis.arms.map(({ name }) => name),
  );
  return table(
    'Arms of both experiments',
    [
      'Arm',
      '>First',
      '>95 % interval',
      '>Second',
      '>95 % interval',
      '>Second − first (95 %)',
      '>Fisher, two-sided',
      '>Boschloo, two-sided',
    ],
    names.map((name): Line[] => {
      const [a, b] = [first, second].map(({ report }) =>
        report.analysis.arms.find((arm) => arm.name === name),
      );
      const both =
        a !== undefined && b !== undefined && a.runs > 0 && b.runs > 0 ? twoArmSummary(a, b, null) : null;
      const rates = [a, b].flatMap((arm): Line[] =>
        arm === undefined || arm.runs === 0
          ? [line`${text((arm && armEndings(arm)) || 'none')}`, line``]
          : [
              line`${ratio(arm)} (${num(percent(arm.rate))})${text(armEndings(arm) === '' ? '' : `; ${armEndings(arm)}`)}`,
              [num(percentInterval(arm.clopperPearson95))],
            ],
      );
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
    return verdict === undefined
      ? line`none`
      : line`${text(verdict.word)} (p ${num(probability(verdict.pHolm))})`;
  };
  const names = union(
    first.report.analysis.verdicts.map(({ treatment }) => treatment),
    second.report.analysis.verdicts.map(({ treatment }) => treatment),
  );
  return table(
    'Verdicts of both experiments',
    ['Treatment', 'First', 'Second'],
    [
      ...names.map((name): Line[] => [[code(name)], word(first, name), word(second, name)]),
      [line`protocol`, [shortHash(first.report.protocolSha256)], [shortHash(second.report.protocolSha256)]],
    ],
  );
}

interface SettingDifference {
  readonly setting: string;
  readonly first: string;
  readonly second: string;
}

function settingDifferences(first: Report, second: Report): SettingDifference[] {
  const [a, b] = [settings(first), settings(second)];
  return union([...a.keys()], [...b.keys()]).flatMap((setting) => {
    const [x, y] = [a.get(setting) ?? 'none', b.get(setting) ?? 'none'];
    return x === y ? [] : [{ setting, first: x, second: y }];
  });
}

/** Protocol and environment as flat names and values; the seed and the labels of time are meant to differ. */
function settings({ experiment, protocol }: Report): Map<string, string> {
  const { arms, notebooks, seed: _seed, decision, latency, ...rest } = protocol;
  const { packages, ...machine } = experiment.environment;
  const shown = (value: unknown) => (typeof value === 'string' ? value : canonicalJson(value));
  const entries = (prefix: string, values: object): [string, string][] =>
    Object.entries(values).map(([key, value]) => [`${prefix}${key}`, shown(value)]);
  return new Map([
    ...entries('', rest),
    ...entries('decision.', decision),
    ...entries('latency.', latency),
    ...arms.flatMap((arm) =>
      entries(`arm ${arm.name}: `, { sources: arm.treeSha256.slice(0, 16), role: arm.role }),
    ),
    ...notebooks.map((notebook): [string, string] => [
      `notebook ${notebook.name}`,
      notebook.sha256.slice(0, 16),
    ]),
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
  differences: readonly SettingDifference[],
): Block {
  return table(
    `Settings that differ between ${first.name} and ${second.name}`,
    ['Setting', 'First', 'Second'],
    differences.map(({ setting, first: a, second: b }): Line[] => [[code(setting)], [code(a)], [code(b)]]),
  );
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
