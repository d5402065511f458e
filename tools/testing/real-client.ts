import { loadArm } from '../../harness/arms/arms.ts';
import { readNotebook } from '../../harness/frontend/notebook.ts';
import { type ArmKernelMaker, armKernelMaker } from '../../harness/kernel/arm-kernels.ts';
import { endpointOfArms, prepareClient } from '../../harness/kernel/client-arms.ts';
import type { ClientName } from '../../harness/model/client.ts';
import type { RunContext } from '../../harness/run/run-context.ts';
import type { RunResult } from '../../harness/run/run-record.ts';
import { runSubject } from '../../harness/run/run-subject.ts';

let kernels: ArmKernelMaker | undefined;

/** One run of a real client on a notebook, under an arm that ships, its identity checked. */
export async function realClientRun(
  context: RunContext,
  path: string,
  options: { client?: ClientName; arm?: string; cellTimeoutSeconds?: number | null } = {},
): Promise<RunResult> {
  const { client = 'nbclient', arm: armName = 'stream', cellTimeoutSeconds = 6 } = options;
  kernels ??= armKernelMaker();
  const arm = await loadArm(armName);
  const { armOf } = await prepareClient({ name: client, cellTimeoutSeconds }, kernels, {
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  const result = await runSubject(
    {
      run: `b000-${armName}`,
      block: 0,
      position: 0,
      arm: armName,
      notebookIndex: 0,
      traffic: 'widgets',
      seed: 1,
    },
    await readNotebook(path),
    await armOf(arm),
    context,
    new AbortController().signal,
    endpointOfArms([arm]),
  );
  if (result === null) throw new Error('The run was interrupted.');
  return result;
}
