import { z } from 'zod';

/** What a front end does. Each is described in docs/traffic.md. */
export const TRAFFIC_PROFILES = [
  'widgets',
  'sequential',
  'overlap',
  'pipeline',
  'nudge',
  'interrupt',
] as const;
export type TrafficProfile = (typeof TRAFFIC_PROFILES)[number];

/** The traffic of a run: one profile, or several at once in the order of `TRAFFIC_PROFILES`, joined by `+`. */
export type Traffic = TrafficProfile | `${TrafficProfile}+${string}`;

/** The profiles of a traffic, at least one. */
export function profilesOf(traffic: Traffic): readonly TrafficProfile[] {
  return traffic.split('+') as TrafficProfile[];
}

export function hasProfile(traffic: Traffic, profile: TrafficProfile): boolean {
  return profilesOf(traffic).includes(profile);
}

/** Several profiles at once, each counted once. Equal sets give equal texts. */
export function joinedTraffic(profiles: readonly TrafficProfile[]): Traffic {
  return TRAFFIC_PROFILES.filter((profile) => profiles.includes(profile)).join('+') as Traffic;
}

/** Why profiles cannot be joined, a clause; `null`: they can. */
export function whyApart(profiles: readonly TrafficProfile[]): string | null {
  if (profiles.length > 1 && profiles.includes('sequential')) {
    return 'sequential means that the front end does nothing but send one cell after another';
  }
  if (profiles.includes('pipeline') && profiles.includes('nudge')) {
    return 'pipeline keeps cells outstanding, and nudge reconnects when none is';
  }
  return null;
}

function isTraffic(value: unknown): value is Traffic {
  if (typeof value !== 'string') return false;
  const words = value.split('+');
  const profiles = TRAFFIC_PROFILES.filter((profile) => words.includes(profile));
  return profiles.length > 0 && whyApart(profiles) === null && joinedTraffic(profiles) === value;
}

export const trafficSchema = z.custom<Traffic>(
  isTraffic,
  `Invalid input: expected one of ${TRAFFIC_PROFILES.join(', ')}, or several of them in this order joined by +`,
);
