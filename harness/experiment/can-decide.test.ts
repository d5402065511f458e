import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { assertCanDecide, type DecidableDesign } from './can-decide.ts';

type Role = DecidableDesign['arms'][number]['role'];

function design(
  roles: readonly Role[],
  alpha = 0.001,
  stopping: 'until-decided' | 'fixed' = 'until-decided',
) {
  return { arms: roles.map((role, index) => ({ name: `arm${index}`, role })), decision: { alpha, stopping } };
}

const refusal = (roles: readonly Role[], blocks: number, alpha?: number) =>
  soakErrorOf(async () => assertCanDecide(design(roles, alpha), blocks));

describe('an experiment that stops when it has decided', () => {
  test.each<[string, readonly Role[]]>([
    ['one arm', ['treatment']],
    ['one control', ['control']],
    ['treatments without a reference', ['treatment', 'treatment']],
  ])('is refused with %s', async (_what, roles) => {
    const error = await refusal(roles, 200);
    expect(error.code).toBe('bad-option');
    expect(error.message).toMatch(/can never decide/);
    expect(error.remedy).toContain('--arm control');
  });

  test('is refused with a limit below what the clearest outcome needs, and the least limit is accepted', async () => {
    const error = await refusal(['control', 'sham', 'treatment'], 2);
    const needed = Number(/take (\d+) blocks/.exec(error.message)?.[1]);
    expect(needed).toBeGreaterThan(2);
    expect(error.remedy).toContain(`--max-runs ${needed}`);
    expect(() => assertCanDecide(design(['control', 'sham', 'treatment']), needed)).not.toThrow();
    expect(() => assertCanDecide(design(['control', 'sham', 'treatment']), needed - 1)).toThrow();
    // Holm asks more of several treatments.
    const several: readonly Role[] = ['control', ...new Array<Role>(9).fill('treatment')];
    expect(Number(/take (\d+)/.exec((await refusal(several, 2)).message)?.[1])).toBeGreaterThan(needed);
  });

  test.each<[string, readonly Role[]]>([
    ['a treatment and a control', ['treatment', 'control']],
    ['two controls, which may be found to differ', ['control', 'control']],
    ['a control and shams alone', ['control', 'sham', 'sham']],
  ])('goes on with %s', (_what, roles) => {
    expect(() => assertCanDecide(design(roles), 200)).not.toThrow();
  });

  test('is no matter where the size is fixed', () => {
    expect(() => assertCanDecide(design(['treatment'], 0.05, 'fixed'), 1)).not.toThrow();
  });
});
