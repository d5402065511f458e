import { canonicalJson } from '../model/canonical.ts';
import type { ExperimentRecord, Source } from '../model/journal.ts';
import { type BlockRange, shardBlocks } from '../model/shard.ts';
import { byBegin } from '../model/source.ts';

/** A place where runs were recorded, and the blocks planned for it. */
export interface SourceLayout {
  /** The id that the runs give. `undefined`: the journal has one source, and its runs do not name it. */
  readonly id: string | undefined;
  readonly blocks: BlockRange;
}

/**
 * Sources that together make one experiment on one kind of host. Their blocks are compared with each other
 * only.
 */
export interface StratumLayout {
  /**
   * Platform and number, such as `linux-1`. Numbers follow the order in which the strata began. Empty when
   * there is only one stratum.
   */
  readonly name: string;
  readonly sources: readonly SourceLayout[];
}

/**
 * Shards that began further apart than this belong to different nights, even when their blocks would fit
 * together.
 */
const ONE_SESSION_MS = 12 * 3_600_000;

/**
 * The strata of a journal. Shards form one stratum when three things hold: their hosts are of one kind
 * (platform, processors, Python, Node, every package), they began within half a day of each other, and they
 * divide the blocks between them. They then count as if one host had run all the blocks.
 *
 * Every other merged source is a stratum of its own: another kind of host, another night, or a second run of
 * the same blocks. The result depends only on the set of sources, not on the order of merging.
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

/**
 * The properties that decide how a host times its kernels. The system's release and the exact memory are left
 * out, because shards on rented machines differ in both.
 */
function hostKind({ environment, armEnvironments = {} }: Source): string {
  const { platform, arch, cpus, node, python, kernelLibzmq, eventLoop, packages } = environment;
  const arms = Object.entries(armEnvironments).map(([name, { key: _key, ...own }]) => [name, own]);
  return canonicalJson([platform, arch, cpus, node, python, kernelLibzmq, eventLoop, packages, arms]);
}
