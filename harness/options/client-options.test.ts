import { expect, test } from 'vitest';
import { loadArm } from '../arms/arms.ts';
import { checkArmsOfClient } from '../kernel/client-arms.ts';
import { parsedRunOptions } from './run-options.ts';
import type { RawOptions } from './table.ts';

const parsed = (raw: RawOptions<'run'>) => parsedRunOptions(raw, 'a.ipynb', () => 1);

test('a client with its own time-out of a cell', () => {
  expect(parsed({}).client).toBeNull();
  expect(parsed({ client: 'nbclient' }).client).toEqual({ name: 'nbclient', cellTimeoutSeconds: 6 });
  expect(parsed({ client: 'papermill', clientTimeout: 'none' }).client).toEqual({
    name: 'papermill',
    cellTimeoutSeconds: null,
  });
});

test.each<[RawOptions<'run'>, RegExp]>([
  [{ client: 'nbviewer' }, /^--client cannot be "nbviewer"/],
  [{ clientTimeout: '5' }, /^--client-timeout 5 needs --client/],
  [{ client: 'nbclient', clientTimeout: '0' }, /^--client-timeout cannot be "0"/],
  [{ client: 'nbclient', clientTimeout: '2.5' }, /^--client-timeout cannot be "2.5"/],
  [{ client: 'nbclient', clientTimeout: '10' }, /the deadline of 10 s comes first/],
  [{ client: 'nbclient', traffic: 'overlap' }, /--client nbclient cannot be used with --traffic overlap: /],
  [
    { client: 'nbclient', pipelineDepth: '2' },
    /cannot be used with --pipeline-depth 2: the client has its own/,
  ],
])('%j is refused', (raw, message) => {
  expect(() => parsed(raw)).toThrow(message);
});

test('client arms need a client, and are not mixed with arms of the kernel; a bare arm cannot be watched', async () => {
  const [control, bare, fix] = await Promise.all(['control', 'bare', 'client-fix'].map(loadArm));
  if (!control || !bare || !fix) throw new Error('An arm is missing.');
  expect(() => checkArmsOfClient([fix], null)).toThrow(/changes jupyter_client/);
  expect(() => checkArmsOfClient([control, fix], 'nbclient')).toThrow(
    /changes the client and control does not/,
  );
  expect(() => checkArmsOfClient([control, fix], 'nbclient', 'died')).toThrow(
    /The endpoint died does not judge both alike/,
  );
  for (const both of ['any', 'lost-output'] as const) {
    expect(() => checkArmsOfClient([control, fix], 'nbclient', both)).not.toThrow();
  }
  expect(() => checkArmsOfClient([control, bare], 'nbclient')).toThrow(/no counters/);
  expect(() => checkArmsOfClient([fix], 'nbclient')).not.toThrow();
  expect(() => checkArmsOfClient([control, bare], null)).not.toThrow();
});
