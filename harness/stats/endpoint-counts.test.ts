import { expect, test } from 'vitest';
import type { ProtocolClient } from '../model/client.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { whyUnrecorded } from './endpoint-counts.ts';

const client = (name: ProtocolClient['name']): ProtocolClient => ({
  name,
  cellTimeoutMs: null,
  versions: {},
});

test.each<[Endpoint, string]>([
  ['slow', 'not timed'],
  ['cell-error', 'when a cell raises'],
  ['lost-answer', 'what the program receives'],
  ['stalled', 'has not read'],
])('%s was not looked for under a command, and a count of it would be a zero', (endpoint, why) => {
  expect(whyUnrecorded({ endpoint }, { client: client('command') }, [])).toContain(why);
  expect(whyUnrecorded({ endpoint }, { client: client('nbclient'), endpoint }, [])).toBeNull();
  expect(whyUnrecorded({ endpoint: 'died' }, { client: client('command') }, [])).toBeNull();
});
