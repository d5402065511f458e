import { join } from 'node:path';
import { loadArm } from '../../harness/arms/arms.ts';
import { armKernelMaker } from '../../harness/kernel/arm-kernels.ts';
import { prepareClient } from '../../harness/kernel/client-arms.ts';
import { createCounterFile } from '../../harness/kernel/counters.ts';
import type { KernelCommand } from '../../harness/kernel/launch.ts';
import type { ProtocolClient } from '../../harness/model/client.ts';
import { packageRoot } from '../../harness/model/package-root.ts';
import type { ArmSubject } from '../../harness/run/subject.ts';
import type { FaultyBehaviour } from '../testing/faulty-kernel.ts';

/** Arguments that launch a test kernel, the interpreter first. */
export type KernelArgv = (
  connectionFile: string,
  more?: Pick<FaultyBehaviour, 'account'>,
) => KernelCommand['argv'];

/** nbclient over a jupyter_client that stalls where the test kernel asks for it (stalling-client/change.patch). */
export interface StallingClient {
  readonly protocolClient: ProtocolClient;
  /** A subject whose runs execute the notebook with this client in such a test kernel. */
  subject(kernelArgv: KernelArgv): ArmSubject;
}

let prepared: Promise<StallingClient> | undefined;

/** The client, prepared once a process. */
export function stallingClient(): Promise<StallingClient> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<StallingClient> {
  const arm = await loadArm(join(packageRoot(), 'tools', 'endpoints', 'stalling-client'));
  const { protocolClient, armOf } = await prepareClient(
    // No time-out of a cell, as nbclient has none of itself: a stall lasts until the harness ends it.
    { name: 'nbclient', cellTimeoutSeconds: null },
    armKernelMaker(),
    { onProgress: () => {}, signal: new AbortController().signal },
  );
  const { overlay, client } = await armOf(arm);
  return {
    protocolClient,
    // No folder: the kernel is the test kernel, and loads nothing of an arm that could be checked.
    subject: (kernelArgv) => ({
      overlay: { ...overlay, folder: null },
      client,
      makeCommand: (folder, connectionFile) => {
        const account = {
          countersPath: join(folder, 'counters.bin'),
          identityPath: join(folder, 'identity.json'),
        };
        createCounterFile(account.countersPath);
        return { argv: kernelArgv(connectionFile, { account }), ...account };
      },
    }),
  };
}
