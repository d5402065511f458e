import type { ProtocolKernelspec } from '../../model/arm.ts';
import type { ArmEnvironment } from '../../model/journal.ts';
import {
  type Block,
  code,
  enumeration,
  type Line,
  line,
  paragraph,
  strong,
  table,
  text,
} from '../document.ts';
import type { Report } from '../report.ts';
import { num } from '../words.ts';

/** Packages shown by arm even where only others differ: what the shell channel runs on. */
const CHIEF_PACKAGES = ['ipykernel', 'pyzmq', 'tornado', 'jupyter-client'];

const HASH_LENGTH = 16;

interface VersionChange {
  readonly name: string;
  /** `null`: not installed. */
  readonly from: string | null;
  readonly to: string | null;
}

/** How an arm's environment differs from the reference arm's. */
interface EnvironmentDifference {
  readonly arm: string;
  readonly reference: string;
  readonly python: VersionChange | null;
  /** Packages that the arm asks for by name. */
  readonly asked: readonly VersionChange[];
  /** Packages that differ without having been asked for. */
  readonly others: readonly VersionChange[];
  /** Whether the arm is patched besides. */
  readonly patched: boolean;
}

/** The arm that the others are compared with: the first control, else the first. */
function referenceName({ protocol }: Report): string {
  return (protocol.arms.find(({ role }) => role === 'control') ?? protocol.arms[0])?.name ?? '';
}

/** The environment of an arm: its own, or the experiment's. */
function environmentOf({ experiment }: Report, arm: string): ArmEnvironment {
  const own = experiment.armEnvironments;
  return own !== undefined && Object.hasOwn(own, arm) ? (own[arm] as ArmEnvironment) : experiment.environment;
}

function changes(from: ArmEnvironment, to: ArmEnvironment): VersionChange[] {
  return [...new Set([...Object.keys(from.packages), ...Object.keys(to.packages)])]
    .sort()
    .map((name) => ({ name, from: from.packages[name] ?? null, to: to.packages[name] ?? null }))
    .filter((change) => change.from !== change.to);
}

/** Empty where every arm has the same environment. In the protocol's order. */
function environmentDifferences(report: Report): EnvironmentDifference[] {
  const reference = referenceName(report);
  return report.protocol.arms.flatMap(
    ({ name, environment, patchSha256, kernelspec }): EnvironmentDifference[] => {
      // A kernel by its kernelspec has no environment that is looked into.
      const isKernel = kernelspec !== undefined;
      if (name === reference || isKernel || report.experiment.armEnvironments === undefined) return [];
      const from = environmentOf(report, reference);
      const to = environmentOf(report, name);
      if (from.key === to.key) return [];
      const wanted = askedApart(
        environment?.requirements ?? [],
        report.protocol.arms.find((arm) => arm.name === reference)?.environment?.requirements ?? [],
      );
      const all = changes(from, to);
      return [
        {
          arm: name,
          reference,
          python: from.python === to.python ? null : { name: 'Python', from: from.python, to: to.python },
          asked: all.filter((change) => wanted.has(change.name)),
          others: all.filter((change) => !wanted.has(change.name)),
          patched: patchSha256 !== null,
        },
      ];
    },
  );
}

/** Names of the packages that one arm asks for and the other does not, or at other versions. */
function askedApart(one: readonly string[], other: readonly string[]): ReadonlySet<string> {
  const apart = [
    ...one.filter((each) => !other.includes(each)),
    ...other.filter((each) => !one.includes(each)),
  ];
  return new Set(apart.map((requirement) => /^[a-z0-9-]+/.exec(requirement)?.[0] ?? ''));
}

/** How many things an arm changes at once against the reference. */
function changeCount({ python, asked, others, patched }: EnvironmentDifference): number {
  return (python === null ? 0 : 1) + asked.length + others.length + (patched ? 1 : 0);
}

function changeWords({ name, from, to }: VersionChange): Line {
  if (from === null) return line`${code(name)} added at ${code(to ?? '')}`;
  if (to === null) return line`${code(name)} ${code(from)} left out`;
  return line`${code(name)} ${code(from)} to ${code(to)}`;
}

function listed(all: readonly VersionChange[]): Line {
  return enumeration(all.map(changeWords));
}

function differenceLine(difference: EnvironmentDifference): Line {
  const { arm, reference, python, asked, others, patched } = difference;
  const head = line`${code(arm)} against ${code(reference)}: `;
  const wanted = [...(python === null ? [] : [python]), ...asked];
  const count = changeCount(difference);
  if (count === 0) return line`${head}another environment with the same Python and the same packages.`;
  if (count === 1 && wanted.length === 1) {
    return line`${head}only ${listed(wanted)}. Nothing else differs between the two locks.`;
  }
  const parts = [
    ...(wanted.length === 0 ? [] : [listed(wanted)]),
    ...(patched ? [line`its patch`] : []),
    ...(others.length === 0
      ? []
      : [line`${num(String(others.length))} more, not asked for: ${listed(others)}`]),
  ];
  return line`${head}${enumeration(parts)}. ${strong(text('Not a one-change comparison'))}.`;
}

/** What the arms' environments do to the comparison: for the section on the arms. */
export function armEnvironmentBlocks(report: Report): Block[] {
  return [...packageBlocks(report), ...differenceBlocks(report)];
}

/** Where the packages are from that the user gave to all arms, and what of them is not in. */
function packageBlocks({ protocol }: Report): Block[] {
  const environments = protocol.arms.flatMap(({ environment }) => environment ?? []);
  const files = new Map(
    environments.flatMap(({ files: each = [] }) => each.map((file) => [file.sha256, file.name])),
  );
  const leftOut = [...new Set(environments.flatMap(({ leftOut: each = [] }) => each))];
  const copies = protocol.arms.filter(({ environment }) => environment?.isCopy === true);
  return [
    ...(files.size === 0
      ? []
      : [
          paragraph(
            line`Packages of every arm: as ${enumeration([...files].map(([hash, name]) => line`${code(name)} (SHA-256 ${code(hash.slice(0, HASH_LENGTH))})`))} ${text(files.size === 1 ? 'names them' : 'name them')}.`,
          ),
        ]),
    ...(copies.length === 0
      ? []
      : [
          paragraph(
            line`${enumeration(copies.map(({ name }) => [code(name)]))}: a copy, at the same versions, of what an environment of the user had installed.`,
          ),
        ]),
    ...(leftOut.length === 0
      ? []
      : [
          paragraph(line`Not in the kernels, because they could not be installed from a package index:`),
          { kind: 'list' as const, items: leftOut.map((each) => [code(each)]) },
        ]),
  ];
}

function differenceBlocks(report: Report): Block[] {
  const differences = environmentDifferences(report);
  if (differences.length === 0) return [];
  return [
    paragraph(line`The arms do not all have the same environment:`),
    { kind: 'list', items: differences.map(differenceLine) },
    versionTable(report),
  ];
}

/** Versions by arm, of the chief packages and of every package that an arm asks for. */
function versionTable(report: Report): Block {
  const { protocol } = report;
  const environments = protocol.arms.map(({ name }) => environmentOf(report, name));
  const asked = environmentDifferences(report).flatMap((difference) =>
    difference.asked.map(({ name }) => name),
  );
  const names = [...new Set([...CHIEF_PACKAGES, ...asked])];
  return table(
    'Versions by arm',
    ['Arm', 'Python', 'libzmq', ...names],
    protocol.arms.map(({ name }, index): Line[] => {
      const environment = environments[index] ?? environmentOf(report, name);
      return [
        [code(name)],
        [code(environment.python)],
        [code(environment.kernelLibzmq)],
        ...names.map((each): Line => {
          const version = environment.packages[each];
          return version === undefined ? line`none` : [code(version)];
        }),
      ];
    }),
  );
}

/** Warnings about comparisons of more than one change. They stand before any verdict. */
export function manyChangesWarnings(report: Report): Line[] {
  const mixed = environmentDifferences(report).filter((difference) => changeCount(difference) > 1);
  if (mixed.length === 0) return [];
  const reference = mixed[0]?.reference ?? '';
  return [
    line`${strong(text('Not a one-change comparison'))}: ${enumeration(mixed.map(({ arm }) => [code(arm)]))} ${text(mixed.length > 1 ? 'differ' : 'differs')} from ${code(reference)} in several things at once, listed under Arms. What follows says whether the rates differ, not which change made them differ.`,
  ];
}

/** Whether the arms differ in a release or a Python that one of them asks for. */
export function comparesReleases(report: Report): boolean {
  return environmentDifferences(report).some(({ asked, python }) => asked.length > 0 || python);
}

/** What environments leave open even where one requirement differs: for "What was not shown". */
export function releaseCaveats(report: Report): Line[] {
  const released = environmentDifferences(report).filter(({ asked, python }) => asked.length > 0 || python);
  if (released.length === 0) return [];
  return [
    line`Which change of a release did it: ${enumeration(released.map(({ arm }) => [code(arm)]))} ${text(released.length > 1 ? 'are releases' : 'is a release')} of its own, with everything that changed in it. To single out one change, patch a release and compare the patch with that release.`,
  ];
}

/** What the kernels of an experiment are, for a title: ipykernel's versions, or kernels by their kernelspecs. */
export function kernelsTitle(report: Report): Line {
  const kernelspecs = report.protocol.arms.flatMap(({ kernelspec }) => kernelspec ?? []);
  if (kernelspecs.length > 0) return enumeration(kernelspecs.map(({ name }) => [code(name)]));
  return line`ipykernel ${enumeration(ipykernelVersions(report).map((version) => [code(version)]))}`;
}

/** `bash_kernel 0.10.0, bash`: what a kernel says of itself. */
export function kernelspecWords({ implementation, version, language }: ProtocolKernelspec): string {
  const what = implementation === null ? 'not asked what it is' : `${implementation} ${version ?? ''}`.trim();
  return language === '' ? what : `${what}, ${language}`;
}

/** Distinct ipykernel versions, that of the reference arm first. */
function ipykernelVersions(report: Report): string[] {
  const names = [referenceName(report), ...report.protocol.arms.map(({ name }) => name)];
  return [...new Set(names.map((name) => environmentOf(report, name).ipykernel))];
}
