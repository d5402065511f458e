/**
 * Starts a reaper, has it hold one process group with a child in it and release another, and says their
 * ids. Then it waits for its parent to kill it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Reaper } from './reaper.ts';

const [python = '', heldFolder = '', releasedFolder = ''] = process.argv.slice(2);
const reaper = await Reaper.start(python);

async function group(): Promise<{ leader: number; child: number }> {
  const leader = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(leader.stdout, 'data')) as [Buffer];
  return { leader: leader.pid ?? 0, child: Number(line.toString()) };
}

const held = await group();
const released = await group();
reaper.hold(held.leader, heldFolder);
reaper.hold(released.leader, releasedFolder);
reaper.release(released.leader);
process.stdout.write(`${JSON.stringify({ held, released })}\n`);
setInterval(() => {}, 1_000);
