import { DeadlinePassed } from '../model/deadlines.ts';
import { publicText } from '../model/public-text.ts';

/** What a run holds of its kernel. */
interface Held {
  /** @throws DeadlinePassed */
  dispose(): Promise<void>;
  /** @throws DeadlinePassed */
  removeFolder(): Promise<void>;
}

/**
 * Close the sockets, end the process, remove the folder. What does not end in time is reported and left to the reaper,
 * since the next run does not need it: a process that cannot be killed keeps its ports and its folder.
 *
 * @param onEnded called once the process has ended, while its folder still exists
 * @returns what is left, a sentence each
 * @throws every error but DeadlinePassed
 */
export async function cleanUp(
  client: { close(): Promise<void> } | null,
  kernel: Held,
  onEnded: () => void = () => {},
): Promise<string[]> {
  const left: string[] = [];
  const isDone = async (step: () => Promise<void>): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      if (!(error instanceof DeadlinePassed)) throw error;
      left.push(publicText(error.message));
      return false;
    }
  };
  if (client !== null) await isDone(() => client.close());
  const hasEnded = await isDone(() => kernel.dispose());
  onEnded();
  if (hasEnded) await isDone(() => kernel.removeFolder());
  return left;
}
