import { folderStamp } from '../journal/report-folders.ts';
import { terminalText } from '../model/clean-text.ts';
import { type Shard, shardBlocks } from '../model/shard.ts';
import { kernelspecWords } from '../report/sections/arm-environments.ts';
import type { Prepared } from './prepare.ts';

export function defaultFolderName({ protocol }: Prepared, shard: Shard | null): string {
  const part = shard === null ? '' : `-shard-${shard.index}-of-${shard.count}`;
  return `${`${folderStamp()}-${protocol.arms.map(({ name }) => name).join('-')}`.slice(0, 80)}${part}`;
}

export function plannedLine(
  { protocol, environment, armEnvironments }: Prepared,
  recorded: number,
  shard: Shard | undefined,
): string {
  const isOfKernels = protocol.arms.some(({ kernelspec }) => kernelspec !== undefined);
  const arms = protocol.arms
    .map(({ name, kernelspec }) => {
      if (kernelspec !== undefined) return `${name} (${terminalText(kernelspecWords(kernelspec), 120)})`;
      const own = armEnvironments.get(name);
      if (own === undefined) return name;
      const python = own.python === environment.python ? '' : ` on ${own.python}`;
      return `${name} (ipykernel ${own.ipykernel}, pyzmq ${own.packages['pyzmq'] ?? 'unknown'}${python})`;
    })
    .join(', ');
  const control = protocol.arms.find(({ role }) => role === 'control')?.name;
  const reference =
    armEnvironments.size === 0 || isOfKernels || control === undefined ? '' : `; the reference is ${control}`;
  const size =
    protocol.decision.stopping === 'fixed'
      ? `${protocol.blocks} runs each`
      : `at most ${protocol.blocks} runs each, until decided at ${protocol.decision.alpha}`;
  const more = recorded > 0 ? `; ${recorded} recorded before` : '';
  const { first, end } = shardBlocks(protocol.blocks, shard);
  const part =
    shard === undefined
      ? ''
      : `, of which shard ${shard.index}/${shard.count} does blocks ${first} to ${end - 1}, counted from 0`;
  const what = isOfKernels ? 'kernels' : `ipykernel ${environment.ipykernel} on ${environment.python}`;
  const { transport, encryption } = protocol.sockets ?? {};
  const sockets = `${encryption === undefined ? '' : ', encrypted'}${transport === undefined ? '' : ', over Unix sockets'}`;
  return `${what}: ${arms}, ${size}${part}, ${protocol.traffic.join('/')} traffic${sockets}, seed ${protocol.seed}${reference}${more}`;
}
