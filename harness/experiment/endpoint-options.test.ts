import { describe, expect, test } from 'vitest';
import { soakErrorOf } from '../../tools/testing/soak-error.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { assertClientShows, assertEndpointFits, protocolEndpoint } from './endpoint-options.ts';

type EndpointOptions = Parameters<typeof assertEndpointFits>[0];

const NONE: EndpointOptions = {
  endpoint: null,
  slowAfterMs: null,
  memoryAboveBytes: null,
  also: null,
  timeoutSeconds: 10,
};

describe('the options of an endpoint', () => {
  test.each<[string, Partial<EndpointOptions>]>([
    ['none', {}],
    ['slow with its limit', { endpoint: 'slow', slowAfterMs: 9_999 }],
    ['slow beside another endpoint', { also: ['slow'], slowAfterMs: 5_000 }],
    ['memory with its limit', { endpoint: 'memory', memoryAboveBytes: 1 }],
    ['any with both limits', { endpoint: 'any', slowAfterMs: 1, memoryAboveBytes: 1 }],
    ['any without a limit', { endpoint: 'any' }],
  ])('fit: %s', (_what, options) => {
    expect(() => assertEndpointFits({ ...NONE, ...options })).not.toThrow();
  });

  test.each<[string, Partial<EndpointOptions>, string]>([
    ['slow without its limit', { endpoint: 'slow' }, '--endpoint slow needs --slow-after'],
    ['memory without its limit', { also: ['memory'] }, '--also memory needs --memory-above'],
    [
      'a limit that nothing uses',
      { endpoint: 'died', slowAfterMs: 5_000 },
      '--slow-after is a limit of the endpoint slow',
    ],
    ['memory that nothing uses', { memoryAboveBytes: 1 }, '--memory-above is a limit of the endpoint memory'],
    [
      'a limit at the deadline',
      { endpoint: 'slow', slowAfterMs: 10_000 },
      '--slow-after 10s is not below --timeout 10',
    ],
  ])('are refused: %s', async (_what, options, message) => {
    const error = await soakErrorOf(() => assertEndpointFits({ ...NONE, ...options }));
    expect(error).toMatchObject({ code: 'bad-option', exitCode: 2 });
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBe('');
  });
});

describe('what the protocol says of the endpoint', () => {
  test('is nothing for the default, so that an experiment keeps its hash', () => {
    expect(protocolEndpoint(NONE, undefined)).toEqual({});
    expect(protocolEndpoint({ ...NONE, endpoint: 'wedged' }, undefined)).toEqual({});
  });

  test('is that of the arms, unless the user names one', () => {
    expect(protocolEndpoint(NONE, 'stalled')).toEqual({ endpoint: 'stalled' });
    expect(protocolEndpoint({ ...NONE, endpoint: 'died' }, 'stalled')).toEqual({ endpoint: 'died' });
    expect(protocolEndpoint({ ...NONE, endpoint: 'wedged' }, 'stalled')).toEqual({});
  });

  test('names each other endpoint once, and never the one that decides', () => {
    expect(
      protocolEndpoint(
        { ...NONE, endpoint: 'died', also: ['slow', 'died', 'slow'], slowAfterMs: 5 },
        undefined,
      ),
    ).toEqual({
      endpoint: 'died',
      slowAfterMs: 5,
      also: ['slow'],
    });
    expect(protocolEndpoint({ ...NONE, also: ['wedged'] }, undefined)).toEqual({});
  });
});

describe('under the command of a program', () => {
  const under = (endpoint: Endpoint, more: Partial<Parameters<typeof assertClientShows>[0]> = {}) => {
    const text = 'python3 my_client.py {notebook} {connection_file} {output}';
    const command = { text, words: ['python3'] as const };
    return () =>
      assertClientShows({
        client: { name: 'command', command },
        endpoint,
        also: null,
        slowAfterMs: null,
        ...more,
      });
  };

  test.each<Endpoint>(['wedged', 'hung', 'died', 'start-failed', 'memory', 'lost-output', 'any'])(
    '%s can be seen',
    (endpoint) => {
      expect(under(endpoint)).not.toThrow();
    },
  );

  test.each<Endpoint>(['slow', 'cell-error', 'lost-answer', 'stalled'])(
    '%s is refused, where it would always be counted as zero',
    async (endpoint) => {
      expect(await soakErrorOf(under(endpoint))).toMatchObject({ code: 'bad-option', exitCode: 2 });
      expect((await soakErrorOf(under('died', { also: [endpoint] }))).message).toContain(
        `--also ${endpoint}`,
      );
      expect(under(endpoint, { client: { name: 'nbclient', cellTimeoutSeconds: null } })).not.toThrow();
    },
  );

  test('a limit for slow cells is refused, where no cell is timed', async () => {
    const error = await soakErrorOf(under('any', { slowAfterMs: 5_000 }));
    expect(error).toMatchObject({ code: 'bad-option', remedy: 'Leave it out.' });
    expect(error.message).toContain('--slow-after cannot be used with a command');
    const client = { name: 'nbclient', cellTimeoutSeconds: null } as const;
    expect(under('any', { slowAfterMs: 5_000, client })).not.toThrow();
  });

  test('lost-output needs the executed notebook', async () => {
    const text = 'python3 my_client.py {notebook} {connection_file}';
    const client = { name: 'command' as const, command: { text, words: ['python3'] as const } };
    const error = await soakErrorOf(under('lost-output', { client }));
    expect(error.message).toContain('has no {output}');
    expect(error.remedy).toContain('{output}');
  });
});
