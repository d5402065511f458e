import { readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { satisfies, validRange } from '@renovatebot/pep440';
import { z } from 'zod';
import {
  ARM_PACKAGES,
  ARM_ROLES,
  citedReferenceSchema,
  isClientPackage,
  KERNEL_COUNTERS,
} from '../model/arm.ts';
import { CLIENT_COUNTERS } from '../model/client.ts';
import { SoakError } from '../model/errors.ts';
import { LAUNCH_METHODS } from '../model/launch-method.ts';
import { didYouMean } from '../model/near-names.ts';
import { packageRoot } from '../model/package-root.ts';
import { quoted } from '../model/quoted.ts';
import { readInput } from '../model/read-input.ts';
import { pythonOf, type WantedEnvironment, wantedEnvironment } from './arm-environment.ts';
import { kernelArguments, kernelVariables } from './arm-launch.ts';
import { EVENT_LOOPS } from './arm-words.ts';
import { diffAlone } from './diff-alone.ts';
import { assertEventLoop } from './event-loop.ts';
import type { GitTree } from './git-tree.ts';
import type { OverlayPackage } from './packages.ts';
import { offeredRelease } from './release-words.ts';

/** What an arm may be called. It becomes part of a run's name, and so of file names. */
export const ARM_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/** Letters. */
export const DESCRIPTION_LENGTH = 200;

/** `arm.json`: what an arm says of itself. */
export const armManifestSchema = z.strictObject({
  role: z.enum(ARM_ROLES),
  /** One line for the evidence. */
  description: z
    .string()
    .min(1)
    .max(DESCRIPTION_LENGTH)
    .regex(/^\P{Cc}*$/u, 'has control characters'),
  /** What the patch changes: the kernel, or a package of the client (`--client`). */
  package: z.enum(ARM_PACKAGES).default('ipykernel'),
  /** PEP 440 range of that package's versions. */
  appliesTo: z.string().refine((range) => range.trim() !== '' && validRange(range), {
    error: 'is not a PEP 440 version range, such as ">=7.0.0,<7.4.0"',
  }),
  /** Unified diff beside the manifest, paths relative to site-packages; absent: no change. */
  patch: z.string().min(1).optional(),
  /** Counter that must equal the replies where the change is in; absent: nothing to count. */
  engagement: z.enum(KERNEL_COUNTERS).optional(),
  /** Whether the change keeps the shell stream as `SubshellManager._shell_stream`. */
  needsStream: z.boolean().default(false),
  /** For a sham: it has the change's extra scheduling without its effect. Implied if `engagement` is callbacks. */
  schedules: z.boolean().default(false),
  /** For a treatment: the rate that it was made against, used if an experiment has no reference arm. */
  citedReference: citedReferenceSchema.optional(),
  /** Start the kernel without overlay, runtime or counters: the observer-effect check. */
  bare: z.boolean().default(false),
  /** Packages of the arm's own environment, names and versions only, such as "ipykernel==7.4.0". */
  requirements: z.array(z.string()).default([]),
  /** Python of the arm's own environment, such as "3.13". */
  python: z.string().optional(),
  /** Environment variables of the arm's kernels. */
  variables: z.record(z.string(), z.string()).default({}),
  /** Arguments of the arm's kernels after the connection file, such as "--IPKernelApp.quiet=False". */
  arguments: z.array(z.string()).default([]),
  /** On Windows: which asyncio event loop the arm's kernels run on. */
  eventLoop: z.enum(EVENT_LOOPS).optional(),
  /** Launch method of the arm's kernels. Default: that of the experiment. */
  launch: z.enum(LAUNCH_METHODS).optional(),
});
export type ArmManifest = z.infer<typeof armManifestSchema>;

/** An arm, read from its folder or made from the words of `--arm` (arm-spec.ts). */
export interface Arm {
  readonly name: string;
  /** `null` for one that no folder describes. */
  readonly folder: string | null;
  readonly manifest: ArmManifest;
  /** What it was read from, without a label: equal for one arm under two names. */
  readonly source: string;
  /** Whether a manifest states its role. If not, the arm can become the reference of an experiment without control. */
  readonly declaresRole: boolean;
  /** Text of the patch; `null` for an arm without one. */
  readonly patch: string | null;
  /** The package that the patch changes. */
  readonly patchPackage: OverlayPackage;
  /** Whether the patch is a repository's diff, whose tests and documents are left out. */
  readonly isRepositoryPatch: boolean;
  /** The file of such a diff, for messages. Absent: the patch is another, or there is none. */
  readonly patchFile?: string;
  /** Packages from commits, in place of the installed ones. */
  readonly trees: readonly GitTree[];
  /** Whether, in place of the change, each file that it touches gets a line without effect. */
  readonly isInert: boolean;
  /** `null`: the experiment's own environment. */
  readonly environment: WantedEnvironment | null;
}

function armsFolder(): string {
  return join(packageRoot(), 'arms');
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Names of the arms that ship with kernel-soak, sorted. */
export async function shippedArmNames(): Promise<string[]> {
  const entries = await readdir(armsFolder(), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const manifest = join(armsFolder(), entry.name, 'arm.json');
    if (await stat(manifest).catch(() => null)) names.push(entry.name);
  }
  return names.sort();
}

function badArm(source: string) {
  return (reason: string, remedy: string, cause?: unknown) =>
    new SoakError('bad-arm', `The arm ${quoted(source)} cannot be used: ${reason}`, {
      remedy,
      cause,
    });
}

/**
 * An arm's manifest from the text of its `arm.json`.
 *
 * @param source names the arm in errors
 * @throws SoakError `bad-arm`
 */
export function parsedManifest(text: string, source: string): ArmManifest {
  const bad = badArm(source);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(`arm.json is not JSON (${(error as Error).message}).`, 'See arms/fix for an example.', error);
  }
  const parsed = armManifestSchema.safeParse(json);
  if (!parsed.success) {
    throw bad(`arm.json: ${z.prettifyError(parsed.error)}`, 'See arms/fix for an example.');
  }
  const manifest = parsed.data;
  if (isClientPackage(manifest.package)) {
    const engagements: readonly string[] = CLIENT_COUNTERS;
    if (manifest.bare || manifest.needsStream) {
      throw bad(
        `it changes ${manifest.package}, but "bare" and "needsStream" are about the kernel.`,
        'Drop them, or "package".',
      );
    }
    if (manifest.engagement !== undefined && !engagements.includes(manifest.engagement)) {
      throw bad(
        `a client does not count ${quoted(manifest.engagement)}.`,
        'Its counters are callbacks and rearms.',
      );
    }
  }
  if (manifest.bare && manifest.patch !== undefined) {
    throw bad('a bare arm runs what is installed and cannot have a patch.', 'Drop "bare" or "patch".');
  }
  if (manifest.bare && (manifest.engagement !== undefined || manifest.needsStream)) {
    throw bad(
      'a bare arm has no counters, so it can have neither an engagement nor a stream.',
      'Drop "bare", or "engagement" and "needsStream".',
    );
  }
  if (manifest.patch !== undefined && basename(manifest.patch) !== manifest.patch) {
    throw bad(
      `its patch ${quoted(manifest.patch)} is not a file beside arm.json.`,
      'Give a file name without folders.',
    );
  }
  return manifest;
}

/**
 * Read an arm by the name of one that ships, or by the path of a folder with an `arm.json`.
 *
 * @throws SoakError `unknown-arm`, `bad-arm`
 */
export async function loadArm(nameOrPath: string): Promise<Arm> {
  const looksLikePath = isAbsolute(nameOrPath) || /[\\/]/.test(nameOrPath) || nameOrPath.startsWith('.');
  const folder = looksLikePath ? resolve(nameOrPath) : join(armsFolder(), nameOrPath);
  const known = await shippedArmNames();
  if (!looksLikePath && !known.includes(nameOrPath)) {
    const release = offeredRelease(nameOrPath);
    throw new SoakError('unknown-arm', `There is no arm named ${quoted(nameOrPath)}.`, {
      remedy: `${release === null ? didYouMean(nameOrPath, known) : `For a release, write ${release}. `}Shipped arms: ${known.join(', ')}. For your own arm, give the path of its folder, such as ./${nameOrPath}.`,
    });
  }
  const name = basename(folder);
  const bad = badArm(nameOrPath);
  if (!ARM_NAME.test(name)) {
    throw bad(
      `its folder's name ${quoted(name)} is not a plain name.`,
      'Use letters, digits, dots, dashes and underscores, 40 at most.',
    );
  }
  if (!(await isFolder(folder)))
    throw bad('the folder does not exist.', `Shipped arms: ${known.join(', ')}.`);
  const manifestPath = join(folder, 'arm.json');
  let text: string;
  try {
    text = String(await readInput(manifestPath));
  } catch (error) {
    throw bad('it has no readable arm.json.', 'See arms/fix for an example.', error);
  }
  const manifest = parsedManifest(text, nameOrPath);
  const patch =
    manifest.patch === undefined
      ? null
      : await readInput(join(folder, manifest.patch))
          .then((bytes) => diffAlone(String(bytes)))
          .catch((error: unknown) => {
            throw bad(`its patch ${manifest.patch} cannot be read.`, 'Put the file beside arm.json.', error);
          });
  const python = manifest.python === undefined ? null : pythonOf(`py${manifest.python}`);
  if (python === null && manifest.python !== undefined) {
    throw bad(`its Python ${quoted(manifest.python)} is not a version.`, 'Give a version such as "3.13".');
  }
  try {
    kernelVariables(manifest.variables);
    kernelArguments(manifest.arguments);
    if (manifest.eventLoop !== undefined) assertEventLoop(manifest.eventLoop, process.platform);
    const environment = wantedEnvironment(manifest.requirements, python);
    return {
      name,
      folder,
      source: nameOrPath,
      manifest,
      declaresRole: true,
      patch,
      patchPackage: manifest.package,
      isRepositoryPatch: false,
      trees: [],
      isInert: false,
      environment,
    };
  } catch (error) {
    if (error instanceof SoakError) throw bad(error.message, error.remedy, error);
    throw error;
  }
}

/** Whether an arm is meant for that version of the package that it changes, and why not. */
export function armApplies(arm: Arm, version: string): { applies: boolean; reason: string } {
  const { appliesTo, description, package: name } = arm.manifest;
  const applies = satisfies(version, appliesTo, { prereleases: true } as never);
  return applies
    ? { applies, reason: description }
    : { applies, reason: `is for ${name} ${appliesTo}, but this is ${version}` };
}
