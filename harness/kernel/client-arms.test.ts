import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import { testEnvironment } from '../../tools/testing/test-environment.ts';
import type { ClientName } from '../model/client.ts';
import { missingOfClient, prepareClient } from './client-arms.ts';

const around = {
  onProgress: () => {},
  signal: new AbortController().signal,
};
const noKernels = () => Promise.reject(new Error('No kernel is asked for.'));
const given = async (name: ClientName) => {
  const { python } = await testEnvironment();
  return prepareClient({ name, cellTimeoutSeconds: null }, noKernels, { ...around, env: python });
};

describe('a client from a given environment', () => {
  test('is that environment’s own', async () => {
    const { facts } = await testEnvironment();
    const { protocolClient, environment } = await given('nbclient');
    expect(protocolClient.versions['nbclient']).toBe(facts.packages['nbclient']);
    expect(environment.packages).toEqual(facts.packages);
  }, 300_000);

  test('is refused where the environment lacks it, with what to install', async () => {
    const error = await soakErrorOf(() => given('papermill'));
    expect(error).toMatchObject({ code: 'environment-incomplete', exitCode: 4 });
    expect(error.message).toMatch(/^--client-env ".+" lacks papermill\.$/);
    expect(error.remedy).toContain('pip install papermill');
  }, 300_000);
});

test('what a client needs is known by its packages', () => {
  expect(missingOfClient('papermill', { nbclient: '1', 'jupyter-client': '8.0.0', pyzmq: '1' })).toEqual([
    'papermill',
    'nbformat',
  ]);
});

test('a jupyter_client whose classes cannot be watched is as good as none', () => {
  const has = (version: string) =>
    missingOfClient('nbclient', { nbclient: '0.7.2', 'jupyter-client': version, nbformat: '5', pyzmq: '25' });
  expect(has('7.4.9')).toEqual(['jupyter-client>=8']);
  expect(has('8.0.0')).toEqual([]);
  expect(has('10.1')).toEqual([]);
});
