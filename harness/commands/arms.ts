import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createTwoFilesPatch } from 'diff';
import { loadArmSpec } from '../arms/arm-spec.ts';
import { type Arm, loadArm, shippedArmNames } from '../arms/arms.ts';
import { armsUnderClient } from '../arms/client-change.ts';
import { OVERLAY_PACKAGES } from '../arms/packages.ts';
import { armKernelMaker } from '../kernel/arm-kernels.ts';
import { checkArmsOfClient, prepareClient } from '../kernel/client-arms.ts';
import { type FunctionSource, functionSources } from '../kernel/function-sources.ts';
import type { Overlay } from '../kernel/overlay.ts';
import { isClientPackage } from '../model/arm.ts';
import { cleanText, terminalText } from '../model/clean-text.ts';
import { EXIT_CODES, type ExitCode, SoakError } from '../model/errors.ts';
import type { RunSurroundings } from '../model/surroundings.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { registerArmsInstall } from './install-arms.ts';

const CLIENT = { name: 'nbclient', cellTimeoutSeconds: null } as const;
const HASH_LENGTH = 16;

/** `soak arms`: what there is, what one changes, and whether a function is the same in several releases. */
export function registerArms(
  program: Command,
  surroundings: () => RunSurroundings,
  onExit: (code: ExitCode) => void,
): void {
  const arms = program
    .command('arms')
    .description('list the arms that ship; show what one changes; compare a function across releases')
    .action(async () => {
      const { write } = surroundings();
      write(await listText());
    });
  arms.command('list', { hidden: true }).action(async () => {
    const { write } = surroundings();
    write(await listText());
  });
  addOptions(
    arms
      .command('show')
      .description('what an arm is and changes: role, range, engagement, hashes, environment, diff')
      .argument('<arm>', 'as --arm takes it: a name, a folder, ipykernel==7.4.0, my.diff, git:PATH@REV, …'),
    'arms show',
  ).action(async (spec: string, options: RawOptions<'arms show'>) => {
    const { write, signal } = surroundings();
    write(await showText(spec, options, signal));
  });
  addOptions(
    arms
      .command('same')
      .description('whether a function is byte-identical in several releases and trees: hashes and a diff')
      .argument('<function>', 'name, or Class.name, such as SubshellManager._send_on_shell_channel')
      .argument('<version...>', 'releases such as 7.3.0, and folders of clones, such as ./ipykernel'),
    'arms same',
  )
    .addHelpText(
      'after',
      '\nReleases are fetched as wheels and read, never installed or imported.\n\nExit codes: 0 the same in all of them, 1 not, 2 bad input, 4 environment.',
    )
    .action(async (searched: string, versions: string[], raw: RawOptions<'arms same'>) => {
      const { package: name, python, json } = parsedOptions('arms same', raw);
      const { write, signal } = surroundings();
      const sources = await functionSources({
        function: searched,
        package: name,
        versions,
        python: python ?? undefined,
        onProgress: (line) => process.stderr.write(`${terminalText(line)}\n`),
        signal,
      });
      write(json ? `${JSON.stringify(sources, null, 2)}\n` : sameText(name, sources));
      onExit(isSame(sources) ? EXIT_CODES.done : EXIT_CODES.failed);
    });
  registerArmsInstall(arms, surroundings);
}

async function listText(): Promise<string> {
  const arms = await Promise.all((await shippedArmNames()).map(loadArm));
  const width = Math.max(...arms.map(({ name }) => name.length));
  const lines = arms.map(({ name, manifest }) => {
    const { role, package: changed, appliesTo, description } = manifest;
    return `${name.padEnd(width)}  ${role.padEnd(9)}  ${changed} ${appliesTo}\n${' '.repeat(width + 2)}${description}`;
  });
  return `${lines.join('\n')}\n\nOther arms: a folder with arm.json, ipykernel==7.4.0, py3.13, my.diff, git:PATH@REV; see soak run --help.\n`;
}

/** @throws SoakError what loading and making an arm throws */
async function showText(
  spec: string,
  options: RawOptions<'arms show'>,
  signal: AbortSignal,
): Promise<string> {
  const onProgress = (line: string) => void process.stderr.write(`${terminalText(line)}\n`);
  const read = await loadArmSpec(spec);
  const isOfClient = [read.patchPackage, ...read.trees.map((tree) => tree.package)].some(
    (name) => name === 'nbclient' || name === 'jupyter_client',
  );
  const client = isOfClient ? CLIENT : null;
  const [arm = read] = armsUnderClient([read], client?.name ?? null);
  checkArmsOfClient([arm], client?.name ?? null);
  const kernelsOf = armKernelMaker({ ...options, onProgress, signal });
  const { overlay, environment, siteSha256 } =
    client === null
      ? await kernelsOf(arm)
      : await (await prepareClient([arm], client, kernelsOf, { ...options, onProgress, signal })).armOf(arm);
  const changed = isClientPackage(arm.manifest.package)
    ? null
    : await changesOf(overlay, environment.facts.sourceFolders);
  const { protocolArm } = overlay;
  const rows: [string, string][] = [
    ['role', arm.manifest.role],
    ['description', arm.manifest.description],
    ['changes', `${arm.manifest.package} ${arm.manifest.appliesTo}`],
    ['engagement', arm.manifest.engagement ?? 'none: nothing is counted against the replies'],
    ['patch', protocolArm.patchSha256 ?? 'none'],
    ['sources', protocolArm.treeSha256],
    ['beside it', siteSha256],
    ['environment', environmentText(arm, environment.facts)],
    ...commitRows(arm),
  ];
  const text = rows.map(([name, value]) => `  ${name.padEnd(13)}${terminalText(value, 600)}`).join('\n');
  const diff = changed ?? arm.patch ?? '';
  return `${arm.name}\n${text}\n\n${diff === '' ? 'It changes no source: what runs is what the environment has.' : terminalLines(diff)}\n`;
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

/** As git writes it, without the line of signs before it. */
function unifiedDiff(from: string, to: string, before: string, after: string): string {
  return createTwoFilesPatch(from, to, before, after).replace(/^=+\n/, '');
}

/** A diff of every source that the overlay has otherwise than the environment. */
async function changesOf(overlay: Overlay, installed: Readonly<Record<string, string>>): Promise<string> {
  const { folder } = overlay;
  if (folder === null) return '';
  const diffs: string[] = [];
  for (const path of Object.keys(overlay.sources).sort()) {
    const [name = '', ...rest] = path.split('/');
    const before = await readFile(join(installed[name] ?? '', ...rest), 'utf8').catch(() => '');
    const after = await readFile(join(folder, path), 'utf8');
    if (before !== after && path.endsWith('.py'))
      diffs.push(unifiedDiff(`a/${path}`, `b/${path}`, before, after));
  }
  const isKnown = Object.keys(overlay.sources).some(
    (path) => installed[path.split('/')[0] ?? ''] !== undefined,
  );
  if (!isKnown) {
    throw new SoakError(
      'environment-broken',
      `The environment has none of ${Object.keys(OVERLAY_PACKAGES).join(', ')}.`,
      {
        remedy: 'Clear the cache folder and run the command again.',
        exitCode: EXIT_CODES.environment,
      },
    );
  }
  return diffs.join('');
}

// A whole package could differ; a terminal is no place for more.
const DIFF_CHARACTERS = 200_000;

function terminalLines(diff: string): string {
  return cleanText(diff, DIFF_CHARACTERS).trimEnd();
}

function isSame(sources: readonly FunctionSource[]): boolean {
  return new Set(sources.map(({ found }) => found?.sha256 ?? null)).size === 1;
}

function sameText(name: string, sources: readonly FunctionSource[]): string {
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
