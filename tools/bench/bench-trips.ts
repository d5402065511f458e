import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KernelClient } from '../../harness/frontend/client.ts';
import { launchKernel } from '../../harness/kernel/launch.ts';
import { awaitReady } from '../../harness/run/ready.ts';
import { type BenchSurroundings, quietVariables } from './bench-surroundings.ts';
import { Peer } from './peer.ts';

/** Round trips of `execute_request` for `pass`, from before it is made to its reply, milliseconds. */
export interface TripTimes {
  readonly ours: readonly number[];
  readonly dealer: readonly number[];
  readonly blocking: readonly number[];
}

const BATCH = 100;

/** All three on one kernel, in batches by turns. */
export async function benchTrips(surroundings: BenchSurroundings, batches: number): Promise<TripTimes> {
  const { context, makeCommand, python, folder } = surroundings;
  const { reaper, variables } = context;
  const kernel = await launchKernel({ makeCommand, cwd: folder, reaper, variables });
  const connection = join(folder, 'connection.json');
  await writeFile(connection, JSON.stringify(kernel.connection), { mode: 0o600 });
  const client = new KernelClient(kernel.way);
  const peer = new Peer(python, ['trips', connection], quietVariables(surroundings));
  const times = { ours: [] as number[], dealer: [] as number[], blocking: [] as number[] };
  try {
    const ready = await awaitReady(client, kernel, context.startTimeoutMs);
    if (!ready.ready) throw new Error(`The kernel is not ready: ${ready.reason}.`);
    for (let batch = -1; batch < batches; batch += 1) {
      const dealer = await peer.ask<{ ms: number[] }>(`dealer ${BATCH}`);
      const ours = await ourTrips(client);
      const blocking = await peer.ask<{ ms: number[] }>(`blocking ${BATCH}`);
      if (batch < 0) continue; // warm
      times.dealer.push(...dealer.ms);
      times.ours.push(...ours);
      times.blocking.push(...blocking.ms);
    }
  } finally {
    await peer.close();
    await client.close();
    await kernel.dispose();
    await kernel.removeFolder();
  }
  return times;
}

async function ourTrips(client: KernelClient): Promise<number[]> {
  const times: number[] = [];
  for (let trip = 0; trip < BATCH; trip += 1) {
    const content = {
      code: 'pass',
      silent: false,
      store_history: false,
      user_expressions: {},
      allow_stdin: false,
    };
    const request = client.request('execute_request', content);
    while (request.replyAtMs === null) await client.changed();
    times.push(request.replyAtMs - request.sentAtMs);
  }
  while (client.unsettled.length > 0) await client.changed();
  return times;
}
