import { canonicalJson } from '../model/canonical.ts';
import type { ExperimentRecord, Source } from '../model/journal.ts';
import { type BlockRange, shardBlocks } from '../model/shard.ts';
import { byBegin } from '../model/source.ts';

/** Where runs were recorded, and which blocks were to be recorded there. */
export interface SourceLayout {
  /** As the runs name it; `undefined`: the journal has one source, and its runs name none. */
  readonly id: string | undefined;
  readonly blocks: BlockRange;
}

/** Sources whose blocks are blocks of one experiment on one kind of host: compared with each other only. */
export interface StratumLayout {
  /** `linux-1`: platform and number, in the order in which they began. Empty where there is one. */
  readonly name: string;
  readonly sources: readonly SourceLayout[];
}

/** Shards that begin further apart are of different nights, though their blocks would fit together. */
const ONE_SESSION_MS = 12 * 3_600_000;

/**
 * The strata of a journal. Shards on hosts of one kind (platform, processors, Python, Node, every package)
 * that were begun within half a day and divide the blocks make one stratum, as if one host had done them all.
 * Whatever else was merged is a stratum of its own: another kind of host, another night, or the same blocks
 * done again. It depends on the set of sources alone, not on the order in which they were merged.
 */
export function strataOf({ protocol, shard, sources }: ExperimentRecord): StratumLayout[] {
  if (sources === undefined) {
    return [{ name: '', sources: [{ id: undefined, blocks: shardBlocks(protocol.blocks, shard) }] }];
  }
  const groups: { readonly host: string; readonly fromMs: number; readonly members: Source[] }[] = [];
  for (const source of [...sources].sort(byBegin)) {
    const host = hostKind(source);
    const fromMs = Date.parse(source.at);
    const blocks = shardBlocks(protocol.blocks, source.shard);
    const open = groups.findLast((group) => group.host === host);
    const fits =
      open !== undefined &&
      fromMs - open.fromMs < ONE_SESSION_MS &&
      open.members.every((member) => areApart(blocks, shardBlocks(protocol.blocks, member.shard)));
    if (fits) open.members.push(source);
    else groups.push({ host, fromMs, members: [source] });
  }
  const numbers = new Map<string, number>();
  return groups.map(({ members }) => {
    const platform = members[0]?.environment.platform ?? '';
    const number = (numbers.get(platform) ?? 0) + 1;
    numbers.set(platform, number);
    return {
      name: groups.length > 1 ? `${platform}-${number}` : '',
      sources: members.map(({ id, shard: part }) => ({ id, blocks: shardBlocks(protocol.blocks, part) })),
    };
  });
}

function areApart(a: BlockRange, b: BlockRange): boolean {
  return a.end <= b.first || b.end <= a.first;
}

/** What decides how a host times its kernels; not the release of its system nor its exact memory, which shards on rented machines differ in. */
function hostKind({ environment, armEnvironments = {} }: Source): string {
  const { platform, arch, cpus, node, python, kernelLibzmq, eventLoop, packages } = environment;
  const arms = Object.entries(armEnvironments).map(([name, { key: _key, ...own }]) => [name, own]);
  return canonicalJson([platform, arch, cpus, node, python, kernelLibzmq, eventLoop, packages, arms]);
}
