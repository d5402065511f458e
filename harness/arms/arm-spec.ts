import { basename, resolve } from 'node:path';
import { about, EXIT_CODES, SoakError } from '../model/errors.ts';
import type { LaunchMethod } from '../model/launch-method.ts';
import { quoted } from '../model/quoted.ts';
import { type WantedEnvironment, wantedEnvironment } from './arm-environment.ts';
import { type ArmWord, assertVersionsGiven, type EventLoop, parseArmSpec } from './arm-words.ts';
import {
  ARM_NAME,
  type Arm,
  type ArmManifest,
  armManifestSchema,
  DESCRIPTION_LENGTH,
  loadArm,
  shippedArmNames,
} from './arms.ts';
import { assertEventLoop } from './event-loop.ts';
import { type GitTree, readGitTree } from './git-tree.ts';
import { patchName, readPatchFile } from './patch-file.ts';
import { BETWEEN_WORDS } from './release-words.ts';

const SHORT_COMMIT = 10;

/** What the words of an arm say together, with everything read that they name. */
interface ReadWords {
  readonly base: Arm | null;
  readonly requirements: readonly string[];
  readonly python: string | null;
  /** Absolute path of an environment to copy. */
  readonly copyOf: string | null;
  readonly eventLoop: EventLoop | null;
  readonly launch: LaunchMethod | null;
  readonly patch: {
    readonly name: string;
    readonly file: string;
    readonly text: string;
    readonly leftOut: readonly string[];
  } | null;
  readonly patchPackage: Arm['patchPackage'];
  readonly trees: readonly GitTree[];
  readonly isInert: boolean;
}

async function readWords(words: readonly ArmWord[]): Promise<ReadWords> {
  const read = {
    base: null as Arm | null,
    requirements: [] as string[],
    python: null as string | null,
    copyOf: null as string | null,
    eventLoop: null as EventLoop | null,
    launch: null as LaunchMethod | null,
    patch: null as ReadWords['patch'],
    patchPackage: 'ipykernel' as Arm['patchPackage'],
    trees: [] as GitTree[],
    isInert: false,
  };
  for (const word of words) {
    switch (word.kind) {
      case 'arm':
        read.base = await loadArm(word.text);
        break;
      case 'requirement':
        read.requirements.push(word.text);
        break;
      case 'python':
        read.python = word.version;
        break;
      case 'environment':
        read.copyOf = resolve(word.path);
        break;
      case 'event-loop':
        assertEventLoop(word.name, process.platform);
        read.eventLoop = word.name;
        break;
      case 'launch':
        read.launch = word.method;
        break;
      case 'patch': {
        const { text, package: name, leftOut } = await readPatchFile(resolve(word.path));
        read.patch = { name: patchName(word.path), file: basename(word.path), text, leftOut };
        read.patchPackage = name;
        read.isInert = word.inert;
        break;
      }
      case 'git':
        read.trees.push(await readGitTree(resolve(word.path), word.revision));
        read.isInert = word.inert;
        break;
    }
  }
  return read;
}

/** A name made from what the arm changes: `ipykernel-7.4.0`, `fix-py3.13`, `my-change`, `ipykernel-1a2b3c4d5e`. */
function derivedName(text: string, read: ReadWords, wanted: WantedEnvironment | null): string {
  const words = [
    ...(read.isInert ? ['inert'] : []),
    ...(read.base === null || read.base.manifest.role === 'control' ? [] : [read.base.name]),
    ...read.trees.map((tree) => `${tree.package}-${tree.commit.slice(0, SHORT_COMMIT)}`),
    ...(read.patch === null ? [] : [read.patch.name]),
    ...(read.copyOf === null ? [] : ['env']),
    ...(wanted?.requirements ?? []),
    ...(wanted === null || wanted.python === null ? [] : [`py${wanted.python}`]),
    ...(read.eventLoop === null ? [] : [read.eventLoop]),
    ...(read.launch === null ? [] : [`launch-${read.launch}`]),
  ];
  const name = words
    .map((word) => word.replace(/===?/g, '-').replace(/[^A-Za-z0-9._-]+/g, '-'))
    .join('-')
    .replace(/-{2,}/g, '-')
    .replace(/^[-._]+|-$/g, '');
  if (ARM_NAME.test(name)) return name;
  throw new SoakError(
    'bad-arm',
    `The arm ${quoted(text)} would be called ${quoted(name)}, which is too long for a name.`,
    { remedy: 'Give it a name of 40 letters at most: --arm NAME=…' },
  );
}

function described(read: ReadWords, wanted: WantedEnvironment | null): string {
  const { base, patch, trees, isInert, eventLoop, launch, copyOf } = read;
  const asked = [
    ...(wanted?.requirements ?? []),
    ...(wanted === null || wanted.python === null ? [] : [`Python ${wanted.python}`]),
    ...(eventLoop === null ? [] : [`${eventLoop} event loop`]),
    ...(launch === null ? [] : [`kernels launched by ${launch}`]),
  ].join(', ');
  const setting =
    copyOf === null ? asked : `${asked === '' ? '' : `${asked} in `}a copy of an environment of the user`;
  const changes = [
    ...trees.map((tree) => `${tree.package} at commit ${tree.commit.slice(0, SHORT_COMMIT)}`),
    ...(patch === null ? [] : [`the patch ${patch.name}`]),
    ...(base === null || base.manifest.role === 'control' ? [] : [base.manifest.description]),
  ].join(', with ');
  const edit = isInert
    ? `a comment at the end of each file that ${changes} touches: the same mechanics, no change of what runs`
    : changes;
  const whole =
    setting === '' ? edit : edit === '' ? `${setting}, as released, no change` : `${setting}: ${edit}`;
  return whole.length <= DESCRIPTION_LENGTH ? whole : `${whole.slice(0, DESCRIPTION_LENGTH - 1)}…`;
}

/**
 * Read the arm that `--arm` describes: a name, a folder, requirements, a Python, a diff, commits or an event loop,
 * joined by ` + `, with or without a label.
 *
 * @throws SoakError `unknown-arm`, `bad-arm`, `bad-requirement`, `bad-patch`, `bad-git-arm`
 */
export async function loadArmSpec(text: string): Promise<Arm> {
  assertVersionsGiven(text, await shippedArmNames());
  const spec = parseArmSpec(text);
  const read = await readWords(spec.words);
  const { base, patch, trees } = read;
  if (base !== null && spec.words.length === 1) {
    return { ...base, source: spec.source, name: spec.label ?? base.name };
  }
  if (base?.manifest.bare === true) {
    throw new SoakError(
      'bad-arm',
      `--arm ${quoted(text)}: a bare arm starts without the runtime, so nothing would prove what it is.`,
      { remedy: 'Give the name of an arm that is not bare, or run it alone with --python or --env.' },
    );
  }
  const asked = wantedEnvironment(
    [...(base?.environment?.requirements ?? []), ...read.requirements],
    read.python ?? base?.environment?.python ?? null,
  );
  const wanted =
    read.copyOf === null ? asked : { requirements: [], python: null, ...asked, copyOf: read.copyOf };
  // Control with something else in it is a treatment: it is compared with control.
  const inherits = base !== null && base.manifest.role !== 'control';
  const role = inherits ? base.manifest.role : read.isInert ? 'sham' : 'treatment';
  const manifest: ArmManifest = {
    ...(base?.manifest ?? armManifestSchema.parse({ role, description: 'x', appliesTo: '>=6.0.0' })),
    role,
    description: described(read, wanted),
    ...(read.eventLoop === null ? {} : { eventLoop: read.eventLoop }),
    ...(read.launch === null ? {} : { launch: read.launch }),
  };
  return {
    name: spec.label ?? derivedName(text, read, wanted),
    folder: base?.folder ?? null,
    source: spec.source,
    manifest,
    declaresRole: inherits || read.isInert,
    patch: base?.patch ?? patch?.text ?? null,
    patchPackage: read.patchPackage,
    isRepositoryPatch: patch !== null,
    ...(patch === null ? {} : { patchFile: patch.file }),
    trees,
    isInert: read.isInert,
    environment: wanted,
  };
}

/**
 * The arms of `--try CHANGE`: control, a sham that is made like the change but changes nothing, and the change. All
 * three have the environment that the change asks for.
 *
 * @throws SoakError `bad-arm` if it is not a change of sources
 */
export function triedArms(change: string): readonly string[] {
  const { label, words, source } = parseArmSpec(change);
  const parts = source.split(BETWEEN_WORDS);
  const isEdit = (index: number) => words[index]?.kind === 'patch' || words[index]?.kind === 'git';
  if (
    label !== null ||
    !words.some((_, index) => isEdit(index)) ||
    words.some(({ kind }) => kind === 'arm')
  ) {
    throw new SoakError('bad-arm', `--try ${quoted(change)} is not a change of sources.`, {
      option: { name: 'try' },
      remedy: 'Give a diff or a commit: --try my-change.diff, --try git:../ipykernel@my-branch.',
      exitCode: EXIT_CODES.usage,
    });
  }
  const setting = parts.filter((_, index) => !isEdit(index));
  const inert = parts.map((part, index) => (isEdit(index) ? `inert:${part}` : part));
  return [
    setting.length === 0 ? 'control' : `control=${['control', ...setting].join(' + ')}`,
    `sham=${inert.join(' + ')}`,
    change,
  ];
}

/**
 * Read the arms of an experiment and settle which one the others are compared with: the control, or without one the
 * first arm. If the manifest of the first arm gives it another role, a sham takes its place, because it is nearest to a
 * control. A single arm keeps the role that its manifest gives it: there is nothing to compare.
 *
 * @throws SoakError `duplicate-arm`, and what `loadArmSpec` throws
 */
export async function loadArmSpecs(texts: readonly string[]): Promise<Arm[]> {
  const arms: Arm[] = [];
  for (const text of texts) {
    const option = { name: 'arm', value: text };
    const arm = await about(option, () => loadArmSpec(text));
    if (arms.some(({ name }) => name === arm.name)) {
      throw new SoakError('duplicate-arm', `The arm ${arm.name} is given twice.`, {
        option,
        remedy: `Give each arm once. To run the same arm under two names, give the second as --arm ${arm.name}-b=${arm.source}.`,
      });
    }
    arms.push(arm);
  }
  if (arms.some(({ manifest }) => manifest.role === 'control')) return arms;
  const [first] = arms;
  if (first === undefined) return arms;
  const isAlone = arms.length === 1;
  if (isAlone && first.declaresRole) return arms;
  const sham = arms.find(({ manifest }) => manifest.role === 'sham');
  const reference = first.declaresRole ? (sham ?? first) : first;
  return arms.map((arm) => (arm === reference ? referenceArm(arm, isAlone) : arm));
}

function referenceArm(arm: Arm, isAlone: boolean): Arm {
  const { description } = arm.manifest;
  const why = isAlone ? '' : '; the reference, because no arm is a control';
  const room = DESCRIPTION_LENGTH - why.length;
  const shown = description.length <= room ? description : `${description.slice(0, room - 1)}…`;
  return { ...arm, manifest: { ...arm.manifest, role: 'control', description: `${shown}${why}` } };
}
