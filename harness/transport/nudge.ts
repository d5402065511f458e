import { isDoneWithin } from '../model/deadlines.ts';
import type { ConnectionInfo } from './connection.ts';
import { FreshPeer } from './fresh-peer.ts';

// As jupyter_server 2.21 does (services/kernels/connection/channels.py, `nudge`).
const ASK_AGAIN_MS = 500;

/** The client's end of a nudge in progress. */
export interface NudgeListener {
  /** The transient shell peer has sent a request of this id. */
  readonly onShellRequest: (msgId: string) => void;
  /** Resolves with the next message on iopub. */
  readonly iopub: Promise<unknown>;
  /** Resolves when no client needs the nudge any more. */
  readonly over: Promise<unknown>;
}

/**
 * Ask `kernel_info` as jupyter_server does when a front end connects: by a transient shell peer and a
 * transient control peer, again every half second, until one of the two is answered and a message came on
 * iopub. Then both leave at once, so the shell peer may be gone before its own reply goes out: that reply is
 * under way when the front end's first request arrives (ipykernel issue #1554). If a kernel answers neither
 * peer, the nudge leaves it to that first request, as jupyter_server does. Its silence is then judged as any
 * other.
 */
export async function nudge(connection: ConnectionInfo, listener: NudgeListener): Promise<void> {
  const shell = new FreshPeer(connection, 'shell');
  const control = new FreshPeer(connection, 'control');
  const answered = new Promise<void>((resolve) => {
    shell.onAnswer = resolve;
    control.onAnswer = resolve;
  });
  const ask = () => {
    listener.onShellRequest(shell.ask());
    control.ask();
  };
  ask();
  const timer = setInterval(ask, ASK_AGAIN_MS);
  try {
    await isDoneWithin('nudge', Promise.race([Promise.all([answered, listener.iopub]), listener.over]));
  } finally {
    clearInterval(timer);
    await Promise.all([shell.close(), control.close()]);
  }
}
