import { z } from 'zod';
import { interruptMoment, MAX_INTERRUPT_AFTER_MS } from '../model/interrupt.ts';
import { didYouMean } from '../model/near-names.ts';
import {
  joinedTraffic,
  TRAFFIC_PROFILES,
  type Traffic,
  type TrafficProfile,
  whyApart,
} from '../model/traffic.ts';
import { badValue, commaList, parsedText, type ValueType } from './value-types.ts';

const TRAFFIC_IN_FILE = z.union([
  z.enum(TRAFFIC_PROFILES),
  z.string().regex(/^[a-z]+(?:\+[a-z]+)+$/, { abort: true }),
]);
const LIST = commaList('widgets,overlap');

/** Traffics with commas, each of one profile or of several joined by `+`. */
export const trafficType: ValueType<readonly Traffic[]> = {
  parse: (given, about) =>
    LIST.parse(given, about).map((word) => {
      const profiles = word.split('+').map((name): TrafficProfile => {
        const known = TRAFFIC_PROFILES.find((profile) => profile === name);
        if (known !== undefined) return known;
        const remedy = `${didYouMean(name, TRAFFIC_PROFILES)}Choose from: ${TRAFFIC_PROFILES.join(', ')}. Join several with +, such as widgets+interrupt.`;
        throw badValue(about, name, remedy);
      });
      const why = whyApart([...new Set(profiles)]);
      if (why !== null) throw badValue(about, word, `The profiles cannot be joined: ${why}.`);
      return joinedTraffic(profiles);
    }),
  inFile: z.union([TRAFFIC_IN_FILE, z.array(TRAFFIC_IN_FILE).min(1, 'it names nothing')]),
  choices: TRAFFIC_PROFILES,
  isList: true,
};

/** When a cell is interrupted, as `interruptMoment` reads it. */
export const interruptAfterType: ValueType<string> = parsedText((text, about) => {
  const moment = text.trim();
  if (interruptMoment(moment) !== null) return moment;
  throw badValue(
    about,
    text,
    `Give the time from the request, such as 5ms or 0-10ms; busy, which is when the kernel begins it; or busy+500ms. At most ${MAX_INTERRUPT_AFTER_MS / 1000}s.`,
  );
});
