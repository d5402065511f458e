import { expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import { loadArmSpec } from '../arms/arm-spec.ts';
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
