import { expect, test } from 'vitest';
import { loadArm } from '../arms/arms.ts';
import { checkArmsOfClient } from '../kernel/client-arms.ts';
import { parsedClientOption } from './client-options.ts';

test('a client with its own time-out of a cell', () => {
  expect(parsedClientOption({}, 10)).toBeNull();
  expect(parsedClientOption({ client: 'nbclient' }, 10)).toEqual({ name: 'nbclient', cellTimeoutSeconds: 6 });
  expect(parsedClientOption({ client: 'papermill', clientTimeout: 'none' }, 10)).toEqual({
    name: 'papermill',
    cellTimeoutSeconds: null,
  });
});

test.each([
  [{ client: 'nbviewer' }, /is no client/],
  [{ clientTimeout: '5' }, /--client, which is not given/],
  [{ client: 'nbclient', clientTimeout: '0' }, /not usable/],
  [{ client: 'nbclient', clientTimeout: '2.5' }, /not usable/],
  [{ client: 'nbclient', clientTimeout: '10' }, /not below the deadline of 10 s/],
  [{ client: 'nbclient', traffic: 'overlap' }, /--traffic is about the harness's own front end/],
  [{ client: 'nbclient', pipelineDepth: '2' }, /--pipeline-depth is about/],
])('%j is refused', (raw, message) => {
  expect(() => parsedClientOption(raw, 10)).toThrow(message);
});

test('client arms need a client, and are not mixed with arms of the kernel; a bare arm cannot be watched', async () => {
  const [control, bare, fix] = await Promise.all(['control', 'bare', 'client-fix'].map(loadArm));
  if (!control || !bare || !fix) throw new Error('An arm is missing.');
  expect(() => checkArmsOfClient([fix], null)).toThrow(/changes jupyter_client/);
  expect(() => checkArmsOfClient([control, fix], 'nbclient')).toThrow(
    /changes the client and control does not/,
  );
  expect(() => checkArmsOfClient([control, bare], 'nbclient')).toThrow(/no counters/);
  expect(() => checkArmsOfClient([fix], 'nbclient')).not.toThrow();
  expect(() => checkArmsOfClient([control, bare], null)).not.toThrow();
});
