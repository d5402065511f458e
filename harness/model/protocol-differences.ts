import { canonicalJson } from './canonical.ts';
import type { Protocol } from './protocol.ts';

/** One thing in which two protocols differ. */
export interface ProtocolDifference {
  /** `seed`, `decision.alpha`, `arm fix: treeSha256`, `notebook a.ipynb`. */
  readonly what: string;
  /** As each has it, shortened; `none` where it has nothing. */
  readonly first: string;
  readonly second: string;
}

const SHOWN_CHARACTERS = 24;

/** What differs between two protocols, in words; empty when they are the same experiment. */
export function protocolDifferences(first: Protocol, second: Protocol): ProtocolDifference[] {
  const [a, b] = [flat(first), flat(second)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((what) => {
    const [x, y] = [a.get(what), b.get(what)];
    return x === y ? [] : [{ what, first: shown(x), second: shown(y) }];
  });
}

function shown(value: string | undefined): string {
  if (value === undefined) return 'none';
  const text = value.replace(/^"(.*)"$/s, '$1');
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text;
}

function flat({ arms, notebooks, ...rest }: Protocol): Map<string, string> {
  const entries = (prefix: string, values: object): [string, string][] =>
    Object.entries(values).flatMap(([key, value]): [string, string][] =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? entries(`${prefix}${key}.`, value)
        : value === undefined
          ? []
          : [[`${prefix}${key}`, canonicalJson(value)]],
    );
  return new Map([
    ...entries('', rest),
    ['arms', canonicalJson(arms.map(({ name }) => name))],
    ...arms.flatMap(({ name, ...arm }) => entries(`arm ${name}: `, arm)),
    ['notebooks', canonicalJson(notebooks.map(({ name }) => name))],
    ...notebooks.flatMap(({ name, ...notebook }) => entries(`notebook ${name}: `, notebook)),
  ]);
}
