import { expect, test } from 'vitest';
import {
  hasProfile,
  joinedTraffic,
  profilesOf,
  TRAFFIC_PROFILES,
  trafficSchema,
  whyApart,
} from './traffic.ts';

test('profiles are joined in one order, each once', () => {
  expect(joinedTraffic(['interrupt', 'widgets', 'interrupt'])).toBe('widgets+interrupt');
  expect(profilesOf('widgets+interrupt')).toEqual(['widgets', 'interrupt']);
  expect(hasProfile('widgets+interrupt', 'interrupt')).toBe(true);
  expect(hasProfile('widgets', 'interrupt')).toBe(false);
});

test('what contradicts each other is not joined', () => {
  expect(whyApart(['sequential', 'interrupt'])).toContain('nothing but');
  expect(whyApart(['pipeline', 'nudge'])).toContain('outstanding');
  expect(whyApart(['widgets', 'overlap', 'pipeline', 'interrupt'])).toBeNull();
  for (const profile of TRAFFIC_PROFILES) expect(whyApart([profile])).toBeNull();
});

test.each([...TRAFFIC_PROFILES, 'widgets+interrupt', 'overlap+nudge+interrupt'])(
  'a journal may hold %s',
  (word) => {
    expect(trafficSchema.parse(word)).toBe(word);
  },
);

test.each(['', 'torrent', 'interrupt+widgets', 'widgets+widgets', 'widgets+', 'sequential+interrupt', 3])(
  'a journal may not hold %j',
  (word) => {
    expect(trafficSchema.safeParse(word).success).toBe(false);
  },
);
