import { canonicalJson, sha256 } from './canonical.ts';
import type { ExperimentRecord, Source } from './journal.ts';

/** Hexadecimal digits: a million sources have two of one name with a chance of about 1 in 2000. */
const ID_DIGITS = 12;

/**
 * The name of what one `soak run` recorded: platform and a hash of when it began, on what, with which command
 * and protocol. A copy of a journal has the same name, however much longer one copy has grown; the same shard
 * run twice, or on two hosts, has two. Nothing in it tells whose machine it was.
 */
export function sourceId(
  experiment: Pick<ExperimentRecord, 'at' | 'protocolSha256' | 'environment' | 'command' | 'shard'>,
): string {
  const { at, protocolSha256, environment, command, shard } = experiment;
  const hash = sha256(canonicalJson({ at, protocolSha256, environment, command, shard }));
  const platform = /^[a-z][a-z0-9]{0,15}$/.test(environment.platform) ? environment.platform : 'host';
  return `${platform}-${hash.slice(0, ID_DIGITS)}`;
}

/** Order of sources as they began; the id decides between those of one millisecond. */
export function byBegin(a: Source, b: Source): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
