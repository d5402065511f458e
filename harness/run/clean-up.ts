import { DeadlinePassed } from '../model/deadlines.ts';
import { publicText } from '../model/public-text.ts';

/** What a run has of its kernel, to be given back. */
interface Held {
  /** @throws DeadlinePassed */
  dispose(): Promise<void>;
  /** @throws DeadlinePassed */
  removeFolder(): Promise<void>;
}

/**
 * Give back sockets, process and folder. What does not go in time is said and left to the reaper, for the next run
 * needs none of it: a process that cannot be killed keeps its ports and its folder.
 *
 * @param onEnded called once the process has ended, while its folder is there
 * @returns what is left, a sentence each
 * @throws whatever else goes wrong
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
