import { canonicalJson } from '../model/canonical.ts';
import { SoakError } from '../model/errors.ts';
import type { ArmKernels } from './arm-kernels.ts';

/** Everything that decides what an arm's kernels are, and nothing that only names or describes it. */
function substance({ overlay, environment }: ArmKernels): string {
  const {
    name: _name,
    role: _role,
    description: _description,
    engagement: _engagement,
    patchSha256: _patch,
    environment: _asked,
    commits: _commits,
    change: _change,
    schedules: _schedules,
    citedReference: _cited,
    ...facts
  } = overlay.protocolArm;
  const { python, implementation, freeThreaded, packages } = environment.facts;
  return canonicalJson({
    facts,
    bare: overlay.folder === null,
    environment: { python, implementation, freeThreaded, packages },
  });
}

/**
 * Refuse an arm that equals another arm byte for byte without declaring it: its runs would count as a
 * treatment's. An A/A experiment declares it with the same arm under a second name, or with a manifest whose
 * role is control.
 *
 * @throws SoakError `no-op-arm`
 */
export function assertNoUndeclaredNoOp(arms: readonly ArmKernels[]): void {
  const seen = new Map<string, ArmKernels[]>();
  // Controls first, so that the order of the arms does not decide whether an arm counts as declared.
  const ordered = [...arms.filter(isDeclaredControl), ...arms.filter((arm) => !isDeclaredControl(arm))];
  for (const arm of ordered) {
    const key = substance(arm);
    const same = seen.get(key) ?? [];
    const { name, source } = arm.overlay.arm;
    const isDeclared = isDeclaredControl(arm) || same.some((other) => other.overlay.arm.source === source);
    const [first] = same;
    if (first !== undefined && !isDeclared) {
      const other = first.overlay.arm.name;
      throw new SoakError(
        'no-op-arm',
        `The arms ${name} and ${other} are identical: the same sources, packages, Python, variables and arguments.`,
        {
          remedy: `Fix the change of ${name}, or leave it out. For an A/A experiment, give ${other} a second name: --arm ${other}-b=${first.overlay.arm.source}.`,
        },
      );
    }
    seen.set(key, [...same, arm]);
  }
}

function isDeclaredControl({ overlay }: ArmKernels): boolean {
  return overlay.arm.declaresRole && overlay.arm.manifest.role === 'control';
}
