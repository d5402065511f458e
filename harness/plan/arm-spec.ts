import { SoakError } from '../model/errors.ts';
import {
  looksLikeRequirement,
  pythonOf,
  type WantedEnvironment,
  wantedEnvironment,
} from './arm-environment.ts';
import { ARM_NAME, type Arm, armManifestSchema, loadArm } from './arms.ts';

/** Between the words of one arm. White space is part of it, since folders may have a plus in their names. */
const BETWEEN_WORDS = /\s+\+\s+/;
// Not before another equals sign: ipykernel==7.4.0 is no label.
const LABELLED = /^([A-Za-z0-9][A-Za-z0-9._-]{0,39})=(?!=)(.+)$/s;

/** One `--arm`, taken apart and not yet read. */
export interface ArmSpec {
  /** As given. */
  readonly text: string;
  readonly label: string | null;
  /** Without the label: equal for the same arm under two names. */
  readonly unlabelled: string;
  /** Name or folder of an arm; `null`: nothing but what the other words say. */
  readonly base: string | null;
  readonly requirements: readonly string[];
  readonly python: string | null;
}

/**
 * Take `[LABEL=]WORD[ + WORD]…` apart. A word is an arm's name or folder, a requirement (`ipykernel==7.4.0`)
 * or a Python (`py3.13`).
 *
 * @throws SoakError `bad-arm`
 */
export function parseArmSpec(text: string): ArmSpec {
  const [, label = null, unlabelled = text] = LABELLED.exec(text) ?? [];
  let base: string | null = null;
  let python: string | null = null;
  const requirements: string[] = [];
  const bad = (reason: string, remedy: string) =>
    new SoakError('bad-arm', `--arm ${JSON.stringify(text)} cannot be used: ${reason}`, { remedy });
  for (const word of unlabelled.split(BETWEEN_WORDS)) {
    const version = pythonOf(word);
    if (version !== null) {
      if (python !== null) throw bad('it names two Pythons.', 'Give each an arm of its own.');
      python = version;
    } else if (looksLikeRequirement(word)) {
      requirements.push(word);
    } else {
      if (base !== null) {
        throw bad(
          `${JSON.stringify(base)} and ${JSON.stringify(word)} are two arms.`,
          'Give each its own --arm.',
        );
      }
      base = word;
    }
  }
  return { text, label, unlabelled, base, requirements, python };
}

/** A name made of the words: `ipykernel-7.4.0`, `fix-py3.13`. */
function derivedName(spec: ArmSpec, base: Arm | null, wanted: WantedEnvironment | null): string {
  const words = [
    ...(base === null ? [] : [base.name]),
    ...(wanted?.requirements ?? []),
    ...(wanted?.python === undefined || wanted.python === null ? [] : [`py${wanted.python}`]),
  ];
  const name = words
    .map((word) => word.replace(/===?/g, '-').replace(/[^A-Za-z0-9._-]+/g, '-'))
    .join('-')
    .replace(/-{2,}/g, '-')
    .replace(/-$/, '');
  if (ARM_NAME.test(name)) return name;
  throw new SoakError(
    'bad-arm',
    `The arm ${JSON.stringify(spec.text)} would be called ${JSON.stringify(name)}, which is too long for a name.`,
    {
      remedy: 'Give it a name of 40 letters at most: --arm NAME=…',
    },
  );
}

function described(base: Arm | null, wanted: WantedEnvironment): string {
  const parts = [...wanted.requirements, ...(wanted.python === null ? [] : [`Python ${wanted.python}`])];
  const words = parts.join(', ');
  if (base === null || base.patch === null) return `${words}, as released, no change`;
  return `${words}: ${base.manifest.description}`;
}

/**
 * Read an arm by what `--arm` was given: a name, a folder, requirements, a Python, joined by ` + `, with a
 * label or without.
 *
 * @throws SoakError `unknown-arm`, `bad-arm`, `bad-requirement`
 */
export async function loadArmSpec(text: string): Promise<Arm> {
  const spec = parseArmSpec(text);
  const base = spec.base === null ? null : await loadArm(spec.base);
  const given = wantedEnvironment(spec.requirements, spec.python);
  if (given === null) {
    if (base === null) throw new Error('An arm without a word was taken for one.');
    return spec.label === null ? base : { ...base, name: spec.label };
  }
  if (base?.manifest.bare === true) {
    throw new SoakError(
      'bad-arm',
      `--arm ${JSON.stringify(text)}: a bare arm is started without a runtime, so that nothing would prove its environment.`,
      {
        remedy: 'Leave "bare" out, or run it alone with --python or --env.',
      },
    );
  }
  const wanted = wantedEnvironment(
    [...(base?.environment?.requirements ?? []), ...spec.requirements],
    spec.python ?? base?.environment?.python ?? null,
  );
  if (wanted === null) throw new Error('An environment was asked for and lost.');
  // Control in another environment is a treatment: it is compared with control.
  const inherits = base !== null && base.manifest.role !== 'control';
  return {
    name: spec.label ?? derivedName(spec, inherits ? base : null, wanted),
    folder: base?.folder ?? null,
    manifest: {
      ...(base?.manifest ??
        armManifestSchema.parse({ role: 'treatment', description: 'x', appliesTo: '>=6.0.0' })),
      role: inherits ? base.manifest.role : 'treatment',
      description: described(base, wanted).slice(0, 200),
    },
    declaresRole: inherits,
    patch: base?.patch ?? null,
    environment: wanted,
  };
}

/**
 * Read the arms of an experiment and settle which one the others are compared with: a control where there is
 * one, else the first arm if no manifest gives it another role.
 *
 * @throws SoakError `duplicate-arm`, and what `loadArmSpec` throws
 */
export async function loadArmSpecs(texts: readonly string[]): Promise<Arm[]> {
  const arms: Arm[] = [];
  for (const text of texts) {
    const arm = await loadArmSpec(text);
    if (arms.some(({ name }) => name === arm.name)) {
      throw new SoakError('duplicate-arm', `The arm ${arm.name} is given twice.`, {
        remedy: `Give each arm once; for the same arm under two names: --arm ${arm.name}-b=${parseArmSpec(text).unlabelled} as the second.`,
      });
    }
    arms.push(arm);
  }
  const [first, ...others] = arms;
  if (first === undefined || first.declaresRole) return arms;
  if (arms.some(({ manifest }) => manifest.role === 'control')) return arms;
  const why = others.length > 0 ? '; the reference, as the first of arms without a control' : '';
  const description = `${first.manifest.description}${why}`;
  return [{ ...first, manifest: { ...first.manifest, role: 'control', description } }, ...others];
}
