import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import { loadArmSpec } from '../arms/arm-spec.ts';
import { withPackages } from '../arms/wanted-packages.ts';
import type { ProtocolArmEnvironment } from '../model/arm.ts';
import { armKernelMaker } from './arm-kernels.ts';

test('an arm of a release has an environment, an overlay and a protocol of its own', async () => {
  const kernelsOf = armKernelMaker();
  const control = await kernelsOf(await loadArmSpec('control'));
  const released = await kernelsOf(await loadArmSpec('ipykernel==7.4.0'));
  expect(released.environment.key).not.toBe(control.environment.key);
  expect(released.environment.facts.ipykernel?.version).toBe('7.4.0');
  expect(released.overlay.protocolArm.treeSha256).not.toBe(control.overlay.protocolArm.treeSha256);
  expect(released.overlay.protocolArm.environment).toMatchObject({
    requirements: ['ipykernel==7.4.0'],
    python: null,
    versions: { ipykernel: '7.4.0' },
  });
  const others = (packages: Readonly<Record<string, string>>) => ({ ...packages, ipykernel: '' });
  expect(others(released.environment.facts.packages)).toEqual(others(control.environment.facts.packages));
  expect(control.overlay.protocolArm).not.toHaveProperty('environment');
}, 300_000);

test('an arm of what the lock has shares the default environment', async () => {
  const { environment, overlay } = await armKernelMaker()(await loadArmSpec('ipykernel==7.3.0'));
  expect(environment.key).toBe((await testEnvironment()).key);
  expect(overlay.protocolArm.environment?.versions).toEqual({});
}, 300_000);

test('an arm with an environment of its own is refused where one is given for all', async () => {
  const { python } = await testEnvironment();
  const arm = await loadArmSpec('ipykernel==7.4.0');
  const error = await soakErrorOf(() => armKernelMaker({ env: python })(arm));
  expect(error.code).toBe('conflicting-options');
  expect(error.message).toContain('ipykernel-7.4.0');
}, 300_000);

test('an arm of a resumed experiment is made of what was recorded, whatever index and environment have by now', async () => {
  const wanted = { requirements: ['six'], pins: ['six==1.17.0'], isWhole: true, files: [] };
  const arm = withPackages(await loadArmSpec('control'), wanted);
  const begun = await armKernelMaker()(arm);
  expect(begun.environment.facts.packages).toMatchObject({ six: '1.17.0', ipykernel: '7.3.0' });
  expect(begun.environment.facts.packages).not.toHaveProperty('matplotlib');
  const asked = begun.overlay.protocolArm.environment as ProtocolArmEnvironment;
  expect(asked.requirements).toEqual(['six']);

  const packages = { ...begun.environment.facts.packages, six: '1.16.0' };
  const resumed = await armKernelMaker({ recorded: () => ({ asked, packages }) })(arm);
  expect(resumed.environment.key).toBe(begun.environment.key);
  expect(resumed.environment.facts.packages).toEqual(packages);
  expect(resumed.overlay.protocolArm.environment?.versions['six']).toBe('1.16.0');

  // A copy of that environment, which has another version by now.
  const requirements = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  const copied = { ...asked, requirements, isCopy: true as const };
  const copy = { ...arm, environment: { requirements: [], python: null, copyOf: begun.environment.python } };
  const made = await armKernelMaker({ recorded: () => ({ asked: copied, packages }) })(copy);
  expect(made.overlay.protocolArm.environment).toMatchObject({ requirements, isCopy: true });
  expect(made.environment.facts.packages).toEqual(packages);
}, 600_000);
