import { expect, test } from 'vitest';
import { runSoak } from '../../tools/testing/run-soak.ts';

// What has no use for interrupts says so before it starts anything.

test.each<[string[], number, RegExp]>([
  [['tune', '--traffic', 'widgets+interrupt'], 2, /--traffic widgets\+interrupt cannot be tuned: /],
  [['exec', 'notebooks/plain.ipynb', '--traffic', 'interrupt'], 64, /cannot be used by soak exec: /],
  [['run', '--endpoint', 'interrupt'], 2, /--endpoint interrupt needs traffic that interrupts/],
  [['locate', '--endpoint', 'interrupt'], 2, /Use soak run or soak bisect with --traffic interrupt/],
])('soak %j', async (args, code, message) => {
  const soaked = await runSoak(args);
  expect(soaked.stderr).toMatch(message);
  expect(soaked.code).toBe(code);
});
