import { type Arm, loadArm, shippedArmNames } from '../arms/arms.ts';
import type { FunctionSource } from '../kernel/function-sources.ts';
import { type ArmInspection, unifiedDiff } from '../kernel/inspect-arm.ts';
import { cleanText, terminalText } from '../model/clean-text.ts';

const HASH_LENGTH = 16;

/** The arms that ship, for `soak arms`. */
export async function listText(): Promise<string> {
  const arms = await Promise.all((await shippedArmNames()).map(loadArm));
  const width = Math.max(...arms.map(({ name }) => name.length));
  const lines = arms.map(({ name, manifest }) => {
    const { role, package: changed, appliesTo, description } = manifest;
    return `${name.padEnd(width)}  ${role.padEnd(9)}  ${changed} ${appliesTo}\n${' '.repeat(width + 2)}${description}`;
  });
  return `${lines.join('\n')}\n\nOther arms you can give: a folder with arm.json, ipykernel==7.4.0, py3.13, env:PATH, my.diff, git:PATH@REV; see soak run --help.\n`;
}

/** What one arm is and changes, for `soak arms show`. */
export function armText({ arm, kernels, diff }: ArmInspection): string {
  const { overlay, environment, siteSha256 } = kernels;
  const { protocolArm } = overlay;
  const rows: [string, string][] = [
    ['role', arm.manifest.role],
    ['description', arm.manifest.description],
    ['changes', `${arm.manifest.package} ${arm.manifest.appliesTo}`],
    ['engagement', arm.manifest.engagement ?? 'none: no counter shows whether the change was in effect'],
    ['patch', protocolArm.patchSha256 ?? 'none'],
    ['sources', protocolArm.treeSha256],
    ['beside it', siteSha256],
    ['environment', environmentText(arm, environment.facts)],
    ...commitRows(arm),
  ];
  const text = rows.map(([name, value]) => `  ${name.padEnd(13)}${terminalText(value, 600)}`).join('\n');
  return `${arm.name}\n${text}\n\n${diff === '' ? 'It changes no source: the kernel runs the packages as they are installed.' : terminalLines(diff)}\n`;
}

function commitRows({ trees }: Arm): [string, string][] {
  return trees.map((tree) => ['commit', `${tree.package} ${tree.commit}`]);
}

function environmentText(
  { environment }: Arm,
  facts: {
    readonly implementation: string;
    readonly python: string;
    readonly ipykernel: { readonly version: string } | null;
    readonly packages: Readonly<Record<string, string>>;
    readonly libzmq: string | null;
  },
): string {
  const asked = environment === null ? 'the experiment’s own' : 'its own';
  return `${asked}: ${facts.implementation} ${facts.python}, ipykernel ${facts.ipykernel?.version ?? 'none'}, pyzmq ${facts.packages['pyzmq'] ?? 'none'}, libzmq ${facts.libzmq ?? 'unknown'}`;
}

// A whole package may differ. More than this is of no use in a terminal.
const DIFF_CHARACTERS = 200_000;

function terminalLines(diff: string): string {
  return cleanText(diff, DIFF_CHARACTERS).trimEnd();
}

/** Whether every release has the same source of a function, or none has the function. */
export function isSame(sources: readonly FunctionSource[]): boolean {
  return new Set(sources.map(({ found }) => found?.sha256 ?? null)).size === 1;
}

/** A function in several releases, for `soak arms same`: hashes, diffs and the verdict. */
export function sameText(name: string, sources: readonly FunctionSource[]): string {
  const first = sources.find(({ found }) => found !== null);
  const width = Math.max(...sources.map(({ label }) => label.length));
  const lines = sources.map(({ label, found }, index) => {
    if (found === null) return `  ${label.padEnd(width)}  not there`;
    const before = sources.slice(0, index).findLast((each) => each.found !== null);
    const how =
      before?.found === undefined || before.found === null
        ? ''
        : before.found.sha256 === found.sha256
          ? `, as in ${before.label}`
          : before.found.code === found.code
            ? `, not as in ${before.label}: comments or layout only`
            : `, not as in ${before.label}`;
    return `  ${label.padEnd(width)}  ${found.sha256.slice(0, HASH_LENGTH)}  ${found.file}:${found.line}${how}`;
  });
  const diffs = sources.flatMap(({ label, found }, index) => {
    const before = sources.slice(0, index).findLast((each) => each.found !== null);
    if (found === null || before?.found === undefined || before.found === null) return [];
    if (before.found.sha256 === found.sha256) return [];
    return [unifiedDiff(before.label, label, before.found.source, found.source)];
  });
  const verdict = isSame(sources)
    ? `Byte-identical in ${sources.length === 1 ? 'the one' : `all ${sources.length}`}.`
    : 'Not the same everywhere.';
  const text = [
    `${name} ${first?.found?.name ?? ''}, SHA-256 of its source`,
    ...lines,
    '',
    ...diffs.flatMap((diff) => [terminalLines(diff), '']),
    verdict,
  ];
  return `${text.join('\n')}\n`;
}
